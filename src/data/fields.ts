/**
 * The fields of a split: one table each, with an entry per sample, in memory or in a file. Every data source produces
 * these.
 */
import { sizeOf } from '../tensor/shape.js';
import type { Records } from './records.js';

/** What a target is: one of several classes, 0 or 1 for each of several labels, or numbers. With `none` there is no target. */
export type TargetKind = 'classes' | 'labels' | 'numbers' | 'none';

/** The source of a feature of a table of columns, after preprocessing. */
export interface FeatureColumn {
  /** The column's name, or `component 1`. */
  readonly name: string;
  /** A real number; else the 0 or 1 of a category or a missing-value indicator. */
  readonly isMeasure: boolean;
  /** The same for all features of one column. */
  readonly column: number;
}

/** Samples, row-major. */
export interface Table {
  /**
   * Shape of one sample: [] for a scalar, [height, width, channels] for an image. With `offsets` it is the shape of one item of a sample,
   * which may have any number of them.
   */
  readonly shape: readonly number[];
  readonly dtype: 'u8' | 'f32' | 'i32';
  /** The values of all samples; not available with `records`. */
  readonly values: Uint8Array | Float32Array | Int32Array;
  /** Where given, the table is ragged: sample i has the items from offsets[i] up to offsets[i + 1]. */
  readonly offsets?: Int32Array;
  /** Where given, sample i is sample rows[i] of `values` (or record rows[i]): the parts of a file share its bytes. */
  readonly rows?: Int32Array;
  /** Holds the samples if they are not in memory. */
  readonly records?: Records;
  /** The source of each feature, if the samples were rows of a table of columns. */
  readonly columns?: readonly FeatureColumn[];
}

/** By name. Tasks without `targets` use the others. */
export interface Fields {
  readonly features: Table;
  /** i32 class indices of shape [] for classes, f32 0 and 1 of shape [k] for labels, f32 of shape [k] for numbers. */
  readonly targets?: Table;
  readonly [name: string]: Table | undefined;
}

/** Samples of a file by index, or undefined for all of them in file order. */
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

/** The values of sample `i` of a table; those of records are valid until the next read. */
export function sampleOf(table: Table, i: number): Table['values'] {
  const { records, rows } = table;
  if (records !== undefined) return records.read(Int32Array.of(rows === undefined ? i : rows[i]));
  return table.values.subarray(...extentOf(table, i));
}

/** Start and end of sample `i` in the values of a table in memory. */
function extentOf({ shape, rows, offsets }: Table, i: number): [start: number, end: number] {
  const width = sizeOf(shape);
  const row = rows === undefined ? i : rows[i];
  return offsets === undefined ? [row * width, (row + 1) * width] : [offsets[row] * width, offsets[row + 1] * width];
}

/** Calls `visit` with the values of each of the table's `size` samples, records in file order, which is faster. */
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

/** As `forEachSample`, with the raw bits of the samples, `bits` from `start` to `end`: equal values have equal bits. */
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

/** Visits the bits of each sample of a table in memory as unsigned words, from `start` up to `end`. */
export function bitsIn(table: Table): (i: number) => [bits: Uint8Array | Uint32Array, start: number, end: number] {
  const { values } = table;
  const bits = values instanceof Uint8Array ? values : new Uint32Array(values.buffer, values.byteOffset, values.length);
  return (i) => [bits, ...extentOf(table, i)];
}

/** Reads records in file order, block by block; what `read` returns is called with those that are samples of the table. */
function forEachRecord(
  { rows }: Table,
  records: Records,
  read: (rows: Int32Array) => (i: number, sample: number) => void,
): void {
  if (rows === undefined) throw new Error('a table of records needs rows');
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
