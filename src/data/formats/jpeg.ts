/** JPEG, by jpeg-js, whose sizes are checked before it decodes and whose complaints are put in our words. */
import jpeg from 'jpeg-js';
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { Image } from './bitmap.js';
import { reasonOf } from './library-error.js';
import { exifOrientation, upright } from './orientation.js';
import { MOST_PIXELS } from './png.js';

export const isJpeg = (bytes: Buffer): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/** The image in `bytes`, grey ones too in three channels, upright where the file says how the camera was held. Throws DataError where they are not a whole and sound JPEG file. */
export function decodeJpeg(bytes: Buffer, place: DataErrorPlace): Image {
  const { width, height } = frameSize(bytes, place);
  if (width * height > MOST_PIXELS) throw new DataError(`${width} x ${height} pixels are more than nn takes`, place);
  try {
    const limits = { maxResolutionInMP: MOST_PIXELS / 1e6, maxMemoryUsageInMB: 1024 };
    const decoded = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits });
    const image = { width: decoded.width, height: decoded.height, channels: 3, values: decoded.data };
    return upright(image, exifOrientation(bytes));
  } catch (error) {
    throw new DataError(`damaged: the JPEG data cannot be decoded (${reasonOf(error)})`, {
      ...place,
      hint: 'the file is damaged or was not downloaded whole',
    });
  }
}

/** Width and height, from the frame header (SOF, ITU T.81 B.2.2). */
function frameSize(bytes: Buffer, place: DataErrorPlace): { width: number; height: number } {
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1];
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  throw new DataError('damaged: a JPEG file without a frame header', {
    ...place,
    hint: 'the file is damaged or was not downloaded whole',
  });
}
