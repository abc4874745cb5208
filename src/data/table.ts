/** What every source of data ends in: resident tables of samples, row-major. */

export interface Table {
  /** Of one sample: [] for a scalar, [height, width, channels] for an image. */
  readonly shape: readonly number[];
  readonly dtype: 'u8' | 'f32' | 'i32';
  /** Samples one after the other: size * prod(shape) values. */
  readonly values: Uint8Array | Float32Array | Int32Array;
  /** Where given, sample i is sample rows[i] of `values`: the parts of a file share its bytes. */
  readonly rows?: Int32Array;
}

/** The values of sample `i` of a table. */
export function sampleOf({ shape, values, rows }: Table, i: number): Table['values'] {
  const width = product(shape);
  const row = rows === undefined ? i : rows[i];
  return values.subarray(row * width, (row + 1) * width);
}

export interface Split {
  readonly size: number;
  readonly features: Table;
  readonly targets: Table;
}

/** `classification`: i32 class indices, shape []. `regression`: f32 values, shape [k]. */
export type Task = 'classification' | 'regression';

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
