/**
 * The fields of a split: a table for each, which has something of every sample, in memory or in a file. Every data source ends in
 * these.
 */
import { sizeOf } from '../tensor/shape.js';
import type { Records } from './records.js';

/** What a target is: one of several classes, yes or no for each of several labels, or numbers. With `none` there is no target. */
export type TargetKind = 'classes' | 'labels' | 'numbers' | 'none';

/** Where a feature of a table of columns comes from, once everything has been done to it. */
export interface FeatureColumn {
  /** That of the column, or `component 1`. */
  readonly name: string;
  /** A number that may be anything; else a 0 or 1 of a category, or of what is missing. */
  readonly isMeasure: boolean;
  /** The features of one column have one number. */
  readonly column: number;
}

/** Samples one after the other, row-major. */
export interface Table {
  /**
   * Of one sample: [] for a scalar, [height, width, channels] for an image. With `offsets` it is the shape of one item of a sample,
   * which may have any number of them.
   */
  readonly shape: readonly number[];
  readonly dtype: 'u8' | 'f32' | 'i32';
  /** The values of all samples. Of a table with `records` there are none to ask for. */
  readonly values: Uint8Array | Float32Array | Int32Array;
  /** Where given, the table is ragged: sample i has the items from offsets[i] up to offsets[i + 1]. */
  readonly offsets?: Int32Array;
  /** Where given, sample i is sample rows[i] of `values` (or record rows[i]): the parts of a file share its bytes. */
  readonly rows?: Int32Array;
  /** Where the samples are kept, where not in memory. */
  readonly records?: Records;
  /** What each feature is, where the samples were rows of a table of columns. */
  readonly columns?: readonly FeatureColumn[];
}

/** By name. Whoever learns without `targets` takes what it needs of the others. */
export interface Fields {
  readonly features: Table;
  /** i32 class indices of shape [] for classes, f32 0 and 1 of shape [k] for labels, f32 of shape [k] for numbers. */
  readonly targets?: Table;
  readonly [name: string]: Table | undefined;
}

/** Samples of a file by index, or undefined for all of them in the file's order. */
export type Rows = Int32Array | undefined;

/** A table of samples in a file: sample i is record rows[i]. */
export function recordTable(
  shape: readonly number[],
  records: Records,
  rows: Int32Array,
  columns?: readonly FeatureColumn[],
): Table {
  return {
    shape,
    dtype: records.dtype,
    records,
    rows,
    ...(columns && { columns }),
    get values(): never {
      throw new Error('samples in a file are read by sampleOf or Records.read');
    },
  };
}

/** The values of sample `i` of a table; of records they are there until the next are read. */
export function sampleOf(table: Table, i: number): Table['values'] {
  const { records, rows } = table;
  if (records !== undefined) return records.read(Int32Array.of(rows === undefined ? i : rows[i]));
  return table.values.subarray(...extentOf(table, i));
}

/** Where the values of sample `i` begin and end in those of a table in memory. */
function extentOf({ shape, rows, offsets }: Table, i: number): [start: number, end: number] {
  const width = sizeOf(shape);
  const row = rows === undefined ? i : rows[i];
  return offsets === undefined ? [row * width, (row + 1) * width] : [offsets[row] * width, offsets[row + 1] * width];
}

/** Calls `visit` with the values of each of the table's `size` samples, records in the order of their file: that is the faster one. */
export function forEachSample(
  table: Table,
  size: number,
  visit: (values: Table['values'], sample: number) => void,
): void {
  const { records } = table;
  if (records === undefined) {
    for (let i = 0; i < size; i++) visit(sampleOf(table, i), i);
    return;
  }
  const { width } = records;
  forEachRecord(table, records, (rows) => {
    const values = records.read(rows);
    return (i, sample) => visit(values.subarray(i * width, (i + 1) * width), sample);
  });
}

/** As `forEachSample`, with the bits of the samples as they are kept, `bits` from `start` to `end`: the same values have the same. */
export function forEachSampleBits(
  table: Table,
  size: number,
  visit: (bits: Uint8Array | Uint32Array, start: number, end: number, sample: number) => void,
): void {
  const { records } = table;
  if (records === undefined) {
    const bits = bitsIn(table);
    for (let i = 0; i < size; i++) visit(...bits(i), i);
    return;
  }
  forEachRecord(table, records, (rows) => {
    const bits = records.readBits(rows);
    const width = bits.length / rows.length;
    return (i, sample) => visit(bits, i * width, (i + 1) * width, sample);
  });
}

/** For each sample of a table in memory where its bits are, as words without a sign: from `start` up to `end`. */
export function bitsIn(table: Table): (i: number) => [bits: Uint8Array | Uint32Array, start: number, end: number] {
  const { values } = table;
  const bits = values instanceof Uint8Array ? values : new Uint32Array(values.buffer, values.byteOffset, values.length);
  return (i) => [bits, ...extentOf(table, i)];
}

/** Has records read in the order of their file, a block at a time; what `read` returns is called with those that are samples of the table. */
function forEachRecord(
  { rows }: Table,
  records: Records,
  read: (rows: Int32Array) => (i: number, sample: number) => void,
): void {
  if (rows === undefined) throw new Error('a table of records says which they are');
  let count = 0;
  for (const row of rows) count = Math.max(count, row + 1);
  const sampleAt = new Int32Array(count).fill(-1);
  rows.forEach((row, i) => (sampleAt[row] = i));
  for (let first = 0; first < count; first += records.atOnce) {
    const length = Math.min(records.atOnce, count - first);
    const visit = read(Int32Array.from({ length }, (_, i) => first + i));
    for (let i = 0; i < length; i++) if (sampleAt[first + i] >= 0) visit(i, sampleAt[first + i]);
  }
}

/** Samples `rows` of `values` (each `width` values long), without a copy where all are wanted. */
export function gatherRows<V extends Uint8Array | Float64Array | Int32Array>(values: V, width: number, rows: Rows): V {
  if (rows === undefined) return values;
  const gathered = new (values.constructor as new (length: number) => V)(rows.length * width);
  for (let i = 0; i < rows.length; i++)
    gathered.set(values.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
  return gathered;
}
