/** Images in a grid, as one picture. */
import { encode } from 'fast-png';
import type { AugmentPreview } from '../train/index.js';

/** Small images are enlarged by a whole factor to about this many pixels. */
const TILE = 72;
const GAP = 4;
/** Between an original and what is made of it. */
const WIDE_GAP = 12;
const BACKGROUND = 255;

/** A PNG file: in each row a sample as it is, and then its augmented versions. The last axis is 1 or 3 channels. */
export function contactSheet({ shape, samples, original, versions }: AugmentPreview): Buffer {
  const [height, width, channels] = shape;
  const shown = channels === 3 ? 3 : 1;
  const zoom = Math.max(1, Math.round(TILE / Math.max(width, height)));
  const [tileWidth, tileHeight] = [width * zoom, height * zoom];
  const left = (column: number): number => GAP + column * (tileWidth + GAP) + (column > 0 ? WIDE_GAP - GAP : 0);
  const sheetWidth = left(versions.length) + tileWidth + GAP;
  const sheetHeight = GAP + samples * (tileHeight + GAP);
  const pixels = new Uint8Array(sheetWidth * sheetHeight * shown).fill(BACKGROUND);
  const [low, high] = limitsOf(original);
  const paint = (images: Float32Array, sample: number, column: number): void => {
    const top = GAP + sample * (tileHeight + GAP);
    for (let y = 0; y < tileHeight; y++) {
      for (let x = 0; x < tileWidth; x++) {
        const from = ((sample * height + Math.floor(y / zoom)) * width + Math.floor(x / zoom)) * channels;
        const to = ((top + y) * sheetWidth + left(column) + x) * shown;
        for (let c = 0; c < shown; c++) {
          const level = (images[from + c] - low) / (high - low);
          pixels[to + c] = Math.round(255 * Math.min(Math.max(level, 0), 1));
        }
      }
    }
  };
  for (let sample = 0; sample < samples; sample++) {
    [original, ...versions].forEach((images, column) => paint(images, sample, column));
  }
  return Buffer.from(encode({ width: sheetWidth, height: sheetHeight, channels: shown, data: pixels }));
}

/** What is shown as black and as white: 0 and 1, or for images in other units their smallest and largest value. */
function limitsOf(values: Float32Array): [number, number] {
  const low = values.reduce((least, v) => Math.min(least, v), Infinity);
  const high = values.reduce((most, v) => Math.max(most, v), -Infinity);
  return low >= -1e-5 && high <= 1 + 1e-5 ? [0, 1] : [low, high];
}
