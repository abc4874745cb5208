/**
 * Parts whose features are kept in a temporary file instead of in memory. Samples are encoded in file order, block
 * by block; bytes already in such a file stay there. Memory holds only the sample order and the targets, a few bytes
 * per sample.
 */
import { blocksOf, likeIn, type Part, splitOf, treatedBlock, treatedShape, type Treatment } from './blocks.js';
import { Records } from '../records.js';
import { ScratchFile } from './scratch-file.js';
import type { EncodedSamples } from '../source.js';
import { sizeOf } from '../../tensor/shape.js';
import { recordTable, type Rows, type Table } from '../fields.js';
import type { Split } from '../split.js';
import { type SplitName, splitNames } from '../split-names.js';

/** The parts as splits; those of one file share its records, in a file in `folder`. Throws DataError. */
export function recordSplits(
  parts: Partial<Record<SplitName, Part>>,
  treatment: Treatment,
  folder: string | undefined,
): Partial<Record<SplitName, Split>> {
  const splits: Partial<Record<SplitName, Split>> = {};
  const roles = splitNames.filter((role) => parts[role] !== undefined);
  const partOf = (role: SplitName): Part => {
    const part = parts[role];
    if (part === undefined) throw new Error(`there is no ${role} part`);
    return part;
  };
  const width = sizeOf(treatedShape(treatment, [treatment.width]));
  const { columns } = treatment;
  const isFlag = (entry: number): boolean => columns?.[entry].isMeasure === false;
  const written: Records[] = [];
  try {
    for (const from of new Set(roles.map((role) => partOf(role).from))) {
      const mine = roles.filter((role) => partOf(role).from === from);
      if (from.records !== undefined && treatment.projection === undefined) {
        for (const role of mine) splits[role] = splitOf(partOf(role), treatment);
        continue;
      }
      const records = new Records(new ScratchFile(folder), { dtype: 'f32', width, isFlag });
      written.push(records);
      const rows = union(mine.map((role) => partOf(role).rows), from.size); // prettier-ignore
      const { shape, targets } = writeRecords({ from, rows }, treatment, records);
      const rankOf = rows && ranks(rows, from.size);
      for (const role of mine) {
        const chosen = partOf(role).rows ?? Int32Array.from({ length: from.size }, (_, row) => row);
        const own = rankOf === undefined ? chosen : chosen.map((row) => rankOf[row]);
        const features = recordTable(shape, records, own, columns);
        splits[role] = { size: own.length, fields: { features, ...(targets && { targets: pick(targets, own) }) } };
      }
    }
  } catch (error) {
    for (const records of written) records.close();
    throw error;
  }
  return splits;
}

/** Closes the files of the splits, which cannot be read afterwards. */
export function closeSplits(splits: Partial<Record<SplitName, Split>>): void {
  for (const name of splitNames) {
    for (const table of Object.values(splits[name]?.fields ?? {})) table?.records?.close();
  }
}

/** The union of `lists`, ascending; undefined if that is every row. */
function union(lists: readonly Rows[], size: number): Rows {
  const wanted = new Uint8Array(size);
  for (const rows of lists) {
    if (rows === undefined) return undefined;
    for (const row of rows) wanted[row] = 1;
  }
  const count = wanted.reduce((sum, one) => sum + one, 0);
  if (count === size) return undefined;
  const rows = new Int32Array(count);
  let at = 0;
  for (let row = 0; row < size; row++) if (wanted[row] === 1) rows[at++] = row;
  return rows;
}

/** For each of `size` rows, its index in `rows`. */
function ranks(rows: Int32Array, size: number): Int32Array {
  const rankOf = new Int32Array(size);
  rows.forEach((row, rank) => (rankOf[row] = rank));
  return rankOf;
}

/** Encodes the part into `records`; returns the sample shape and, if there are any, the targets. */
function writeRecords(
  part: Part,
  treatment: Treatment,
  records: Records,
): { readonly shape: readonly number[]; readonly targets: Table | undefined } {
  const { encoding, width } = treatment;
  const size = part.rows?.length ?? part.from.size;
  let shape: readonly number[] = [width];
  let all: Table | undefined;
  let first = 0;
  const take = (block: EncodedSamples): void => {
    const { features, targets } = block;
    shape = treatedShape(treatment, features.shape);
    const made = treatedBlock(block, treatment);
    records.write(first, made);
    if (targets !== undefined) {
      all ??= { ...targets, values: likeIn(targets, size) };
      all.values.set(targets.values, first * sizeOf(targets.shape));
    }
    first += made.length / records.width;
  };
  for (const block of blocksOf(part, encoding, width, treatment.projection !== undefined)) take(block);
  return { shape, targets: all };
}

/** The samples `rows` of a table. */
function pick(table: Table, rows: Int32Array): Table {
  const width = sizeOf(table.shape);
  const values = likeIn(table, rows.length);
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < width; k++) values[i * width + k] = table.values[rows[i] * width + k];
  }
  return { shape: table.shape, dtype: table.dtype, values };
}
