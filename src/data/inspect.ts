/** What is in the data of an experiment: the columns of its tables, classes, constant features, samples that splits share. */
import { createHash } from 'node:crypto';
import { sourceOf } from './sources/index.js';
import { DataFiles } from './data-files.js';
import { type LoadedData, loadData, type LoadOptions } from './index.js';
import type { DataConfig } from './schema.js';
import { product, type Role, sampleOf, type Split } from './table.js';
import { measuresOf } from './tabular/columns.js';

/** A column of a table as its file has it. */
export interface ColumnReport {
  readonly name: string;
  readonly kind: 'numeric' | 'categorical' | 'empty';
  readonly missing: number;
  /** Different values; of numbers there may be more than were counted. */
  readonly distinct?: number;
  readonly min?: number;
  readonly mean?: number;
  readonly max?: number;
  /** Counts in ten equal ranges from min to max. */
  readonly histogram?: readonly number[];
  /** The most frequent values with their counts. */
  readonly values?: readonly (readonly [string, number])[];
}

export interface FileReport {
  readonly role: Role;
  readonly file: string;
  readonly rows: number;
  /** Of tables. */
  readonly columns?: readonly ColumnReport[];
}

/** Samples of one part whose features are, bit for bit, those of a sample in another part. */
export interface Leak {
  readonly from: Role;
  readonly into: Role;
  readonly samples: number;
  /** Of these, how many have another target there. */
  readonly contradicting: number;
}

export interface DataReport {
  readonly files: readonly FileReport[];
  /** Sizes of the parts. */
  readonly splits: Partial<Record<Role, number>>;
  /** Of a sample. */
  readonly shape: readonly number[];
  readonly classes?: readonly { readonly name: string; readonly counts: Partial<Record<Role, number>> }[];
  /** Of the targets of a regression. */
  readonly targets?: { readonly min: number; readonly mean: number; readonly max: number };
  /** Features with one value in the whole training split, by name or index. */
  readonly constant: readonly string[];
  /** Samples of the training split that occur before in it. */
  readonly repeated: number;
  readonly leaks: readonly Leak[];
}

const ROLES: readonly Role[] = ['train', 'val', 'test'];

/** Reads the files and describes them, then loads the data. Throws DataError; `onFiles` has what was read by then. */
export async function inspectData(
  config: DataConfig,
  options: LoadOptions,
  onFiles: (files: readonly FileReport[]) => void,
): Promise<{ report: DataReport; data: LoadedData }> {
  const { source } = config;
  const entry = sourceOf(source);
  const context = { files: new DataFiles(options.baseDir), task: options.task, roles: entry.ownFiles(source) };
  const opened = await entry.open(source, context, undefined);
  const files = ROLES.flatMap((role): FileReport[] => {
    const from = opened[role];
    return from === undefined ? [] : [{ role, file: from.file, rows: from.size, columns: from.describe?.() }];
  });
  onFiles(files);
  const data = await loadData(config, options);
  return { report: { files, ...describeSplits(data, options) }, data };
}

function describeSplits(data: LoadedData, { task }: LoadOptions): Omit<DataReport, 'files'> {
  const parts = ROLES.flatMap((role): [Role, Split][] => {
    const split = data[role];
    return split === undefined ? [] : [[role, split]];
  });
  const { classes, train } = data;
  return {
    splits: Object.fromEntries(parts.map(([role, { size }]) => [role, size])),
    shape: train.features.shape,
    ...(classes === undefined ? {} : { classes: classes.map((name, label) => ({ name, counts: Object.fromEntries(parts.map(([role, split]) => [role, countOf(split, label)])) })) }), // prettier-ignore
    ...(task === 'regression' ? { targets: rangeOf(train.targets.values) } : {}),
    constant: constantFeatures(data),
    ...sharedSamples(parts),
  };
}

/** Samples of a class, or with a label where each has several. */
function countOf({ size, targets }: Split, label: number): number {
  const severalLabels = targets.shape.length > 0;
  let count = 0;
  for (let i = 0; i < size; i++) {
    const values = sampleOf(targets, i);
    if (severalLabels ? values[label] === 1 : values[0] === label) count++;
  }
  return count;
}

function rangeOf(values: ArrayLike<number>): { min: number; mean: number; max: number } {
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (let i = 0; i < values.length; i++) {
    min = Math.min(min, values[i]);
    max = Math.max(max, values[i]);
    sum += values[i];
  }
  return { min, mean: sum / values.length, max };
}

/** More entries than this are pixels, of which the border is often constant and nobody minds. */
const MOST_NAMED = 1000;

function constantFeatures({ train, preprocessing }: LoadedData): string[] {
  const { shape } = train.features;
  const width = product(shape);
  if (shape.length > 1 || width > MOST_NAMED) return [];
  const { encoding } = preprocessing;
  const names =
    encoding.kind === 'table'
      ? encoding.columns.flatMap((column) => measuresOf(column).map((isMeasure, i) => (isMeasure ? column.name : `${column.name}[${i}]`))) // prettier-ignore
      : Array.from({ length: width }, (_, i) => `feature ${i}`);
  const valueOf = (sample: number, entry: number): number => sampleOf(train.features, sample)[entry];
  return names.filter((_, entry) => {
    for (let i = 1; i < train.size; i++) if (valueOf(i, entry) !== valueOf(0, entry)) return false;
    return true;
  });
}

/** Samples with the same features within the training split and between the parts. */
function sharedSamples(parts: readonly (readonly [Role, Split])[]): Pick<DataReport, 'repeated' | 'leaks'> {
  const hashes = parts.map(([role, split]) => ({ role, samples: hashesOf(split) }));
  const known = hashes.map(({ role, samples }) => ({ role, targetOf: new Map(samples) }));
  const repeated = hashes[0].samples.length - known[0].targetOf.size;
  const leaks = hashes.flatMap(({ role: into, samples }, i) =>
    known.slice(0, i).flatMap(({ role: from, targetOf }): Leak[] => {
      const shared = samples.filter(([features]) => targetOf.has(features));
      const contradicting = shared.filter(([features, target]) => targetOf.get(features) !== target).length;
      return shared.length === 0 ? [] : [{ from, into, samples: shared.length, contradicting }];
    }),
  );
  return { repeated, leaks };
}

/** For each sample a hash of its features, and its target. */
const hashesOf = ({ size, features, targets }: Split): [string, string][] =>
  Array.from({ length: size }, (_, i) => {
    const { buffer, byteOffset, byteLength } = sampleOf(features, i);
    const hash = createHash('md5')
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest('base64');
    return [hash, sampleOf(targets, i).join()];
  });
