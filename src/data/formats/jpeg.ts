/**
 * JPEG (ITU T.81). libjpeg-turbo, compiled to WebAssembly, decodes it: its integers are the same on every machine, and the same as
 * Pillow's and torchvision's. Four channels (CMYK), which it does not turn into colours, are decoded by jpeg-js. Headers are checked
 * before either is asked.
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
/** A block of 8 x 8 pixels takes at least the one bit of its DC coefficient, where the code is Huffman's. */
const MOST_PIXELS_PER_BYTE = 8 * 64;
/** A progressive image has about ten. Each is a pass over the whole of it, for a few bytes of the file. */
const MOST_SCANS = 500;

/**
 * The image in `bytes`, in 1 or 3 channels, upright where the file says how the camera was held. Throws DataError where they are not a
 * whole and sound JPEG file.
 */
export async function decodeJpeg(bytes: Buffer, place: DataErrorPlace): Promise<Image> {
  const { components } = checkFrame(bytes, place);
  try {
    const image = components === 4 ? decodeCmyk(bytes) : (await turbo())(bytes);
    return upright(image, exifOrientation(bytes));
  } catch (error) {
    // An error leaves behind what it was working on: the next image gets a decoder of its own.
    loading = undefined;
    // Errors of C++ come as numbers.
    const reason = error instanceof Error ? ` (${reasonOf(error)})` : '';
    throw new DataError(`damaged: the JPEG data cannot be decoded${reason}`, { ...place, hint: HINT });
  }
}

interface Segment {
  readonly marker: number;
  readonly content: Buffer;
}

/** The segments up to the first scan, its header included. */
function* segments(bytes: Buffer): Generator<Segment> {
  for (let at = 2; bytes[at] === 0xff;) {
    // Any number of fill bytes may stand before a marker (B.1.1.2).
    while (bytes[at] === 0xff) at++;
    const marker = bytes[at];
    const length = at + 3 > bytes.length ? 0 : bytes.readUInt16BE(at + 1);
    if (length < 2) return;
    yield { marker, content: bytes.subarray(at + 3, at + 1 + length) };
    if (marker === START_OF_SCAN) return;
    at += 1 + length;
  }
}

/** Holds the frame header (SOF, B.2.2) against the file. */
function checkFrame(bytes: Buffer, place: DataErrorPlace): { components: number } {
  for (const { marker, content } of segments(bytes)) {
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (!isFrame || content.length < 6) continue;
    const [bits, components] = [content[0], content[5]];
    const [height, width] = [content.readUInt16BE(1), content.readUInt16BE(3)];
    checkImageSize(width, height, place);
    if (bits !== 8) {
      const hint = 'convert it to 8 bits a channel, or to PNG of 16';
      throw new DataError(`a JPEG of ${bits} bits a channel, and nn reads 8`, { ...place, hint });
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

/** In the data of a scan, 0xff is followed by a zero: whatever looks like a marker is one. */
function countScans(bytes: Buffer): number {
  const marker = Buffer.of(0xff, START_OF_SCAN);
  let count = 0;
  for (let at = bytes.indexOf(marker); at >= 0 && count <= MOST_SCANS; at = bytes.indexOf(marker, at + 2)) count++;
  return count;
}

/** The orientation in the Exif part of a JPEG file; 1 where there is none, or none that can be read. */
export function exifOrientation(bytes: Buffer): Orientation {
  for (const { marker, content } of segments(bytes)) {
    if (marker === APP1 && content.toString('latin1', 0, 6) === 'Exif\0\0') return orientationOf(content.subarray(6));
  }
  return 1;
}

/** What we use of the module that Emscripten made of libjpeg-turbo. */
interface TurboModule {
  readonly JPEGDecoder: new () => {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
    /** In the module's memory. */
    getDecodedBuffer(): Uint8ClampedArray;
    delete(): void;
  };
}

let loading: Promise<(bytes: Buffer) => Image> | undefined;
/** Loaded with the first image. */
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

/** APP14 of Adobe, which says that the channels are those of CMYK themselves. */
const ADOBE_CMYK = Buffer.of(0xff, APP14, 0, 14, ...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 0);

/** As Adobe stores it, inverted: so do all others, and so it is read by all. */
function decodeCmyk(bytes: Buffer): Image {
  const named = [...segments(bytes)].some(
    ({ marker, content }) => marker === APP14 && content.toString('latin1', 0, 5) === 'Adobe',
  );
  // jpeg-js wants to be told.
  const told = named ? bytes : Buffer.concat([bytes.subarray(0, 2), ADOBE_CMYK, bytes.subarray(2)]);
  const limits = { maxResolutionInMP: Infinity, maxMemoryUsageInMB: 1024 };
  const decoded = jpeg.decode(told, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits });
  return { width: decoded.width, height: decoded.height, channels: 3, values: decoded.data };
}
