/** What a format of arrays gives. */
import type { DataErrorPlace } from '../data-error.js';

/** Numbers of a file, row by row. */
export interface NumericArray {
  /** Of the elements in the file, such as `i16`. */
  readonly type: string;
  readonly dims: readonly number[];
  /** Bytes as they are, without a copy; everything else, in its exact value, as float64. */
  readonly values: Uint8Array | Float64Array;
}

/** An array and where it stands, for error messages. */
export interface PlacedArray extends NumericArray {
  readonly place: DataErrorPlace;
}
