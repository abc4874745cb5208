/**
 * JPEG (ITU T.81). Decoded by libjpeg-turbo, compiled to WebAssembly: bit-identical on every machine, and to
 * Pillow and torchvision. CMYK, which it does not convert to RGB, is decoded by jpeg-js. Headers are checked
 * first.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import jpeg from 'jpeg-js';
import { DataError, type DataErrorPlace } from '../data-error.js';
import { checkImageSize, type Image } from './bitmap.js';
import { reasonOf } from './library-error.js';
import { type Orientation, orientationOf, upright } from './orientation.js';

const HINT = 'the file is damaged or was not downloaded whole';
const START_OF_SCAN = 0xda;
const APP1 = 0xe1;
const APP14 = 0xee;
/** With Huffman coding, a block of 8 x 8 pixels takes at least one bit, for its DC coefficient. */
const MOST_PIXELS_PER_BYTE = 8 * 64;
/** A progressive image has about ten. Each costs a pass over the whole image, for a few bytes of the file. */
const MOST_SCANS = 500;

/**
 * The image in `bytes`, in 1 or 3 channels, turned upright by its Exif orientation. Throws DataError if they are not an
 * intact JPEG file.
 */
export async function decodeJpeg(bytes: Buffer, place: DataErrorPlace): Promise<Image> {
  const { components } = checkFrame(bytes, place);
  try {
    const image = components === 4 ? decodeCmyk(bytes) : (await turbo())(bytes);
    return upright(image, exifOrientation(bytes));
  } catch (error) {
    // After an error the decoder's state is undefined: the next image gets a new one.
    loading = undefined;
    // C++ exceptions arrive as numbers.
    const reason = error instanceof Error ? ` (${reasonOf(error)})` : '';
    throw new DataError(`damaged: the JPEG data cannot be decoded${reason}`, { ...place, hint: HINT });
  }
}

interface Segment {
  readonly marker: number;
  readonly content: Buffer;
}

/** The segments up to and including the header of the first scan. */
function* segments(bytes: Buffer): Generator<Segment> {
  for (let at = 2; bytes[at] === 0xff;) {
    // Any number of fill bytes may precede a marker (B.1.1.2).
    while (bytes[at] === 0xff) at++;
    const marker = bytes[at];
    const length = at + 3 > bytes.length ? 0 : bytes.readUInt16BE(at + 1);
    if (length < 2) return;
    yield { marker, content: bytes.subarray(at + 3, at + 1 + length) };
    if (marker === START_OF_SCAN) return;
    at += 1 + length;
  }
}

/** Checks the frame header (SOF, B.2.2) against the file. */
function checkFrame(bytes: Buffer, place: DataErrorPlace): { components: number } {
  for (const { marker, content } of segments(bytes)) {
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (!isFrame || content.length < 6) continue;
    const [bits, components] = [content[0], content[5]];
    const [height, width] = [content.readUInt16BE(1), content.readUInt16BE(3)];
    checkImageSize(width, height, place);
    if (bits !== 8) {
      const hint = 'convert it to 8 bits per channel, or to 16-bit PNG';
      throw new DataError(`a JPEG of ${bits} bits per channel; nn reads 8`, { ...place, hint });
    }
    if (marker <= 0xc2 && width * height > bytes.length * MOST_PIXELS_PER_BYTE) {
      const problem = `damaged: a file of ${bytes.length} bytes cannot hold ${width} x ${height} pixels`;
      throw new DataError(problem, { ...place, hint: HINT });
    }
    if (countScans(bytes) > MOST_SCANS) throw new DataError(`damaged: more than ${MOST_SCANS} scans`, place);
    return { components };
  }
  throw new DataError('damaged: a JPEG file without a frame header', { ...place, hint: HINT });
}

/** In scan data 0xff is escaped by a zero, so whatever looks like a marker is one. */
function countScans(bytes: Buffer): number {
  const marker = Buffer.of(0xff, START_OF_SCAN);
  let count = 0;
  for (let at = bytes.indexOf(marker); at >= 0 && count <= MOST_SCANS; at = bytes.indexOf(marker, at + 2)) count++;
  return count;
}

/** The orientation in the Exif part of a JPEG file; 1 if there is none, or it is unreadable. */
export function exifOrientation(bytes: Buffer): Orientation {
  for (const { marker, content } of segments(bytes)) {
    if (marker === APP1 && content.toString('latin1', 0, 6) === 'Exif\0\0') return orientationOf(content.subarray(6));
  }
  return 1;
}

/** The part of Emscripten's libjpeg-turbo module that is used here. */
interface TurboModule {
  readonly JPEGDecoder: new () => {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
    /** A view of the module's memory. */
    getDecodedBuffer(): Uint8ClampedArray;
    delete(): void;
  };
}

let loading: Promise<(bytes: Buffer) => Image> | undefined;
/** Loaded for the first image. */
const turbo = (): Promise<(bytes: Buffer) => Image> => (loading ??= loadTurbo());

async function loadTurbo(): Promise<(bytes: Buffer) => Image> {
  const require = createRequire(import.meta.url);
  const name = '@cornerstonejs/codec-libjpeg-turbo-8bit';
  const load = require(`${name}/decodewasmjs`) as (options: object) => Promise<TurboModule>;
  const silent = (): void => {};
  const wasmBinary = readFileSync(require.resolve(`${name}/decodewasm`));
  const { JPEGDecoder } = await load({ wasmBinary, print: silent, printErr: silent });
  return (bytes) => {
    const decoder = new JPEGDecoder();
    try {
      decoder.getEncodedBuffer(bytes.length).set(bytes);
      decoder.decode();
      const { width, height, componentCount: channels } = decoder.getFrameInfo();
      return { width, height, channels, values: new Uint8Array(decoder.getDecodedBuffer()) };
    } finally {
      decoder.delete();
    }
  };
}

/** Adobe's APP14, which declares plain CMYK channels. */
const ADOBE_CMYK = Buffer.of(0xff, APP14, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 0);

/** CMYK inverted, as Adobe and everyone else store it. */
function decodeCmyk(bytes: Buffer): Image {
  const named = [...segments(bytes)].some(
    ({ marker, content }) => marker === APP14 && content.toString('latin1', 0, 5) === 'Adobe',
  );
  // jpeg-js must be told.
  const told = named ? bytes : Buffer.concat([bytes.subarray(0, 2), ADOBE_CMYK, bytes.subarray(2)]);
  const limits = { maxResolutionInMP: Infinity, maxMemoryUsageInMB: 1024 };
  const decoded = jpeg.decode(told, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits });
  return { width: decoded.width, height: decoded.height, channels: 3, values: decoded.data };
}
