/** Images of any format as bytes: decoded, converted to the requested channels, resized. */
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { Image } from './bitmap.js';

/** File name extensions of the images that `decodeImage` reads. */
export const IMAGE_FILE = /\.(png|jpe?g|jpe|jfif)$/i;
/** Extensions of images that it does not read. */
export const OTHER_IMAGE_FILE = /\.(gif|bmp|tiff?|webp|avif|heic|heif|jp2|jxl|svg|ico|p[bgnp]m|tga|dcm|dng|exr|hdr)$/i;

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const isPng = (bytes: Buffer): boolean => bytes.subarray(0, 8).equals(PNG_SIGNATURE);
const isJpeg = (bytes: Buffer): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/** The format is detected from the first bytes, not the name; for `bits` see `decodePng`. Throws DataError if it is unknown or damaged. */
export async function decodeImage(bytes: Buffer, place: DataErrorPlace, bits?: number): Promise<Image> {
  // The decoders are loaded on demand.
  if (isPng(bytes)) return (await import('./png.js')).decodePng(bytes, place, bits);
  if (isJpeg(bytes)) return (await import('./jpeg.js')).decodeJpeg(bytes, place);
  const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw new DataError(bytes.length === 0 ? 'the file is empty' : `neither PNG nor JPEG: it starts with ${start}`, {
    ...place,
    hint: 'remove the file, or convert it',
  });
}

export const colours = ['grayscale', 'rgb', 'rgba'] as const;
export type Colour = (typeof colours)[number];
const CHANNELS: Record<Colour, number> = { grayscale: 1, rgb: 3, rgba: 4 };

/** Luma of ITU-R BT.601, as in JPEG and most libraries. */
const luma = (red: number, green: number, blue: number): number => 0.299 * red + 0.587 * green + 0.114 * blue;

/** `image` with the channels of `colour`; transparency is blended with black if there is no alpha channel. */
export function inColour(image: Image, colour: Colour): Image {
  const { width, height, channels, values } = image;
  const wanted = CHANNELS[colour];
  if (channels === wanted) return image;
  const out = new Uint8Array(width * height * wanted);
  const isGrey = channels < 3;
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    const alpha = channels % 2 === 0 ? values[at + channels - 1] : 255;
    const blend = wanted === 4 ? 1 : alpha / 255;
    const [red, green, blue] = isGrey
      ? [values[at], values[at], values[at]]
      : [values[at], values[at + 1], values[at + 2]];
    if (wanted === 1) out[i] = Math.round(blend * (isGrey ? red : luma(red, green, blue)));
    else {
      out[i * wanted] = Math.round(blend * red);
      out[i * wanted + 1] = Math.round(blend * green);
      out[i * wanted + 2] = Math.round(blend * blue);
      if (wanted === 4) out[i * wanted + 3] = alpha;
    }
  }
  return { ...image, channels: wanted, values: out };
}
