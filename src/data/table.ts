/** What every source of data ends in: tables of samples, row-major, in memory or in a file. */
import type { FeatureColumn } from './feature-columns.js';
import type { Records } from './records.js';

export interface Table {
  /** Of one sample: [] for a scalar, [height, width, channels] for an image. */
  readonly shape: readonly number[];
  readonly dtype: 'u8' | 'f32' | 'i32';
  /** Samples one after the other: size * prod(shape) values. Of a table with `records` there are none to ask for. */
  readonly values: Uint8Array | Float32Array | Int32Array;
  /** Where given, sample i is sample rows[i] of `values` (or record rows[i]): the parts of a file share its bytes. */
  readonly rows?: Int32Array;
  /** Where the samples are kept, where not in memory. */
  readonly records?: Records;
}

/** A table of samples in a file: sample i is record rows[i]. */
export function recordTable(shape: readonly number[], records: Records, rows: Int32Array): Table {
  return {
    shape,
    dtype: records.dtype,
    records,
    rows,
    get values(): never {
      throw new Error('samples in a file are read by sampleOf or Records.read');
    },
  };
}

/** The values of sample `i` of a table; of records they are there until the next are read. */
export function sampleOf(table: Table, i: number): Table['values'] {
  const { shape, records, rows } = table;
  const width = product(shape);
  const row = rows === undefined ? i : rows[i];
  if (records !== undefined) return records.read(Int32Array.of(row));
  return table.values.subarray(row * width, (row + 1) * width);
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
  const { records, rows, shape } = table;
  if (records === undefined) {
    const width = product(shape);
    const bits = bitsOf(table);
    for (let i = 0; i < size; i++) {
      const row = rows === undefined ? i : rows[i];
      visit(bits, row * width, (row + 1) * width, i);
    }
    return;
  }
  forEachRecord(table, records, (rows) => {
    const bits = records.readBits(rows);
    const width = bits.length / rows.length;
    return (i, sample) => visit(bits, i * width, (i + 1) * width, sample);
  });
}

/** The values of a table in memory as words without a sign. */
export const bitsOf = ({ values }: Table): Uint8Array | Uint32Array =>
  values instanceof Uint8Array ? values : new Uint32Array(values.buffer, values.byteOffset, values.length);

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

export interface Split {
  readonly size: number;
  readonly features: Table;
  /** Of the rows of a table: what each feature is. */
  readonly columns?: readonly FeatureColumn[];
  readonly targets: Table;
}

/**
 * What is learned. `classification`: i32 class indices, shape []. `multilabel`: f32 0 and 1, shape [k]. `regression`: f32 values,
 * shape [k]. `reconstruction`: the features themselves, so a split's targets are the very same table.
 */
export const tasks = ['classification', 'multilabel', 'regression', 'reconstruction'] as const;
export type Task = (typeof tasks)[number];

/** A part of the data with a purpose of its own. */
export type Role = 'train' | 'val' | 'test';

/** Samples of a file by index, or undefined for all of them in the file's order. */
export type Rows = Int32Array | undefined;

export const product = (shape: readonly number[]): number => shape.reduce((all, dim) => all * dim, 1);

/** Samples `rows` of `values` (each `width` values long), without a copy where all are wanted. */
export function gatherRows<V extends Uint8Array | Float64Array | Int32Array>(values: V, width: number, rows: Rows): V {
  if (rows === undefined) return values;
  const gathered = new (values.constructor as new (length: number) => V)(rows.length * width);
  for (let i = 0; i < rows.length; i++)
    gathered.set(values.subarray(rows[i] * width, (rows[i] + 1) * width), i * width);
  return gathered;
}
