import { DataError, type DataErrorPlace } from '../data-error.js';

/** A decoded image. */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: number;
  /** Row-major, channels interleaved. */
  readonly values: Uint8Array;
  /** For files of 16 bits per channel, the largest value in it; `values` has the upper bits. */
  readonly largest16?: number;
}

/** Larger images are not training samples: 16,384 x 4,096 pixels take up to 256 MiB. */
const MOST_PIXELS = 2 ** 26;

/** Checks the size in a header before anything is unpacked or allocated. Throws DataError. */
export function checkImageSize(width: number, height: number, place: DataErrorPlace): void {
  if (width === 0 || height === 0) throw new DataError(`the image is empty: ${width} x ${height} pixels`, place);
  if (width * height <= MOST_PIXELS) return;
  throw new DataError(`${width} x ${height} pixels exceed the limit of ${MOST_PIXELS}`, {
    ...place,
    hint: 'scale the image down, or leave it out',
  });
}
