/** Exif orientation (CIPA DC-008, 4.6.4 "Orientation"), and turning images upright by it. */
import type { Image } from './bitmap.js';

/** 1: upright; 2: mirrored; 3: rotated by 180 degrees; 4: flipped vertically; 5 to 8: transposed. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const TAG = 0x0112;
const SHORT = 3;

/** The orientation in the first directory of a TIFF file, which is what Exif is; 1 if there is none, or it is unreadable. */
export function orientationOf(tiff: Buffer): Orientation {
  if (tiff.length < 8) return 1;
  const order = tiff.toString('latin1', 0, 2);
  if (order !== 'II' && order !== 'MM') return 1;
  const short = (at: number): number => (order === 'II' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const start = order === 'II' ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (start + 2 > tiff.length) return 1;
  const count = short(start);
  for (let i = 0; i < count && start + 14 + 12 * i <= tiff.length; i++) {
    const entry = start + 2 + 12 * i;
    if (short(entry) !== TAG || short(entry + 2) !== SHORT) continue;
    const value = short(entry + 8);
    return value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}

/** `image` turned upright. */
export function upright(image: Image, orientation: Orientation): Image {
  if (orientation === 1) return image;
  const { width, height, channels, values } = image;
  const exchanged = orientation >= 5;
  const [newWidth, newHeight] = exchanged ? [height, width] : [width, height];
  // Where an output pixel is stored: from the right in 2, 3, 7 and 8, from the bottom in 3, 4, 6 and 7.
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBelow = [3, 4, 6, 7].includes(orientation);
  const turned = new Uint8Array(values.length);
  for (let y = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++) {
      const [column, row] = exchanged ? [y, x] : [x, y];
      const from = (fromBelow ? height - 1 - row : row) * width + (fromRight ? width - 1 - column : column);
      for (let c = 0; c < channels; c++) turned[(y * newWidth + x) * channels + c] = values[from * channels + c];
    }
  }
  return { ...image, width: newWidth, height: newHeight, values: turned };
}
