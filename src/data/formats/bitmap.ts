import { DataError, type DataErrorPlace } from '../data-error.js';

/** A decoded image. */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 red, green, blue, 4 these and alpha. */
  readonly channels: number;
  /** Row by row, the channels of a pixel side by side. */
  readonly values: Uint8Array;
  /** Where the file has 16 bits a channel: the largest value in it, of which `values` have the upper bits. */
  readonly largest16?: number;
}

/** More pixels than this are no sample of a training set: 16,384 x 4,096 of them take up to 256 MiB. */
const MOST_PIXELS = 2 ** 26;

/** To be called with the size in a header, before anything is unpacked or allocated for it. Throws DataError. */
export function checkImageSize(width: number, height: number, place: DataErrorPlace): void {
  if (width === 0 || height === 0) throw new DataError(`the image is empty: ${width} x ${height} pixels`, place);
  if (width * height <= MOST_PIXELS) return;
  throw new DataError(`${width} x ${height} pixels are more than nn takes, which is ${MOST_PIXELS}`, {
    ...place,
    hint: 'scale the image down, or leave it out',
  });
}
