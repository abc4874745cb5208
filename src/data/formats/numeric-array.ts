/** An array as parsed from a file. */
import type { DataErrorPlace } from '../data-error.js';

/** The numbers of a file, row-major. */
export interface NumericArray {
  /** Element type in the file, such as `i16`. */
  readonly type: string;
  readonly dims: readonly number[];
  /** Bytes without a copy; everything else as float64, exactly. */
  readonly values: Uint8Array | Float64Array;
}

/** An array and its location for error messages. */
export interface PlacedArray extends NumericArray {
  readonly place: DataErrorPlace;
}
