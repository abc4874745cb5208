/**
 * PNG (https://www.w3.org/TR/png-3): all colour types, bit depths and interlacing, to 8 bits a channel. The decoders on npm unpack
 * whatever a file holds; here the header says how much, and not a byte more is unpacked. zlib of Node does that part.
 */
import { crc32, inflateSync } from 'node:zlib';
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { Image } from './bitmap.js';

export const isPng = (bytes: Buffer): boolean => bytes.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n';

/** More pixels than this are no sample of a training set: 16,384 x 4,096 of them take up to 256 MiB. */
export const MOST_PIXELS = 2 ** 26;

const HINT = 'the file is damaged or was not downloaded whole';

/** By colour type: channels in the file, and bit depths that it may have. */
const COLOUR_TYPES: Readonly<Record<number, { channels: number; depths: readonly number[] }>> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};
const PALETTE = 3;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  readonly channels: number;
  readonly interlaced: boolean;
}

/** The image in `bytes`. Throws DataError where they are not a whole and sound PNG file. */
export function decodePng(bytes: Buffer, place: DataErrorPlace): Image {
  const damaged = (problem: string): DataError => new DataError(`damaged: ${problem}`, { ...place, hint: HINT });
  let header: Header | undefined;
  let palette: Buffer | undefined;
  let transparency: Buffer | undefined;
  const packed: Buffer[] = [];
  for (const { type, data } of chunks(bytes, place)) {
    if (header === undefined && type !== 'IHDR') throw damaged(`the first chunk is ${type}, not IHDR`);
    if (type === 'IHDR') header = parseHeader(data, place);
    else if (type === 'PLTE') palette = data;
    else if (type === 'tRNS') transparency = data;
    else if (type === 'IDAT') packed.push(data);
  }
  if (header === undefined) throw damaged('no header');
  const passes = passesOf(header);
  const size = passes.reduce((sum, { width, height }) => sum + height * (1 + rowBytes(header, width)), 0);
  const lines = inflated(Buffer.concat(packed), size, place);
  const samples = unpack(header, passes, lines, place);
  return withPalette(header, samples, palette, transparency, damaged);
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

/** The chunks up to the end of the image, checksums verified. */
function* chunks(bytes: Buffer, place: DataErrorPlace): Generator<Chunk> {
  for (let at = 8; ;) {
    const length = at + 12 > bytes.length ? Infinity : bytes.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > bytes.length) throw new DataError('truncated: the image has no end', { ...place, hint: HINT });
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4)) {
      const shown = JSON.stringify(type);
      throw new DataError(`damaged: the checksum of the chunk ${shown} at byte ${at} is wrong`, {
        ...place,
        hint: HINT,
      });
    }
    if (type === 'IEND') return;
    yield { type, data: bytes.subarray(at + 8, end - 4) };
    at = end;
  }
}

function parseHeader(data: Buffer, place: DataErrorPlace): Header {
  if (data.length !== 13) throw new DataError('damaged: the header has a wrong length', { ...place, hint: HINT });
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  const [depth, colourType, compression, filter, interlace] = data.subarray(8);
  const kind: { channels: number; depths: readonly number[] } | undefined = COLOUR_TYPES[colourType];
  if (width === 0 || height === 0) throw new DataError(`the image is empty: ${width} x ${height} pixels`, place);
  if (width * height > MOST_PIXELS) throw new DataError(`${width} x ${height} pixels are more than nn takes`, place);
  if (kind === undefined || !kind.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    const given = `colour type ${colourType} of ${depth} bits, compression ${compression}, filter ${filter}, interlacing ${interlace}`;
    throw new DataError(`damaged: no PNG file has ${given}`, { ...place, hint: HINT });
  }
  return { width, height, depth, colourType, channels: kind.channels, interlaced: interlace === 1 };
}

/** A part of the image that is stored by itself: every `dx`-th pixel of every `dy`-th row, from (x, y) on. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
}

const WHOLE = [[0, 0, 1, 1]];
/** The seven passes of Adam7: x, y, dx, dy. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

function passesOf({ width, height, interlaced }: Header): Pass[] {
  return (interlaced ? ADAM7 : WHOLE)
    .map(([x, y, dx, dy]) => ({
      x,
      y,
      dx,
      dy,
      width: Math.ceil((width - x) / dx),
      height: Math.ceil((height - y) / dy),
    }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

const rowBytes = ({ depth, channels }: Header, width: number): number => Math.ceil((width * depth * channels) / 8);

function inflated(packed: Buffer, size: number, place: DataErrorPlace): Buffer {
  let content: Buffer;
  try {
    content = inflateSync(packed, { maxOutputLength: size + 1, chunkSize: Math.max(64, size + 1) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') content = Buffer.alloc(size + 1);
    else {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DataError(`damaged: the pixels cannot be unpacked (${reason})`, { ...place, hint: HINT });
    }
  }
  if (content.length === size) return content;
  const found = content.length > size ? 'more' : `${content.length}`;
  throw new DataError(`damaged: the header promises ${size} bytes of pixels, and there are ${found}`, {
    ...place,
    hint: HINT,
  });
}

/** The samples of all channels, 8 bits each (indices of a palette as they are), in the order of the image. */
function unpack(header: Header, passes: readonly Pass[], lines: Buffer, place: DataErrorPlace): Uint8Array {
  const { width, height, depth, channels, colourType } = header;
  const samples = new Uint8Array(width * height * channels);
  // Few bits of grey are stretched to 0 to 255; indices are not.
  const stretch = depth < 8 && colourType !== PALETTE ? 255 / (2 ** depth - 1) : 1;
  const step = Math.max(1, (depth * channels) / 8);
  let at = 0;
  for (const pass of passes) {
    const bytes = rowBytes(header, pass.width);
    let above: Uint8Array = new Uint8Array(bytes);
    for (let row = 0; row < pass.height; row++) {
      const filter = lines[at];
      const line = lines.subarray(at + 1, at + 1 + bytes);
      if (filter > 4) throw new DataError(`damaged: no filter ${filter}`, { ...place, hint: HINT });
      unfilter(filter, line, above, step);
      above = line;
      at += 1 + bytes;
      const start = (pass.y + row * pass.dy) * width + pass.x;
      if (depth === 8 && pass.dx === 1) {
        samples.set(line, start * channels);
        continue;
      }
      for (let i = 0; i < pass.width * channels; i++) {
        const pixel = channels === 1 ? i : Math.floor(i / channels);
        const to = (start + pixel * pass.dx) * channels + (i - pixel * channels);
        samples[to] = depth === 8 ? line[i] : depth === 16 ? line[2 * i] : fewBits(line, i, depth) * stretch;
      }
    }
  }
  return samples;
}

const fewBits = (line: Uint8Array, i: number, depth: number): number =>
  (line[(i * depth) >> 3] >> (8 - depth - ((i * depth) & 7))) & ((1 << depth) - 1);

/** Undoes a filter in place: None, Sub, Up, Average, Paeth (PNG, section 9). `step` bytes lie between a pixel and its left one. */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  const { length } = line;
  const first = Math.min(step, length);
  switch (filter) {
    case 1:
      for (let i = step; i < length; i++) line[i] += line[i - step];
      return;
    case 2:
      for (let i = 0; i < length; i++) line[i] += above[i];
      return;
    case 3:
      for (let i = 0; i < first; i++) line[i] += above[i] >> 1;
      for (let i = step; i < length; i++) line[i] += (line[i - step] + above[i]) >> 1;
      return;
    case 4:
      // Without a left neighbour it is the one above.
      for (let i = 0; i < first; i++) line[i] += above[i];
      for (let i = step; i < length; i++) line[i] += paeth(line[i - step], above[i], above[i - step]);
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** The image with its palette looked up, and with an alpha channel where one colour is declared transparent. */
function withPalette(
  { width, height, depth, colourType, channels }: Header,
  samples: Uint8Array,
  palette: Buffer | undefined,
  transparency: Buffer | undefined,
  damaged: (problem: string) => DataError,
): Image {
  const pixels = width * height;
  if (colourType === PALETTE) {
    if (palette === undefined) throw damaged('there is no palette');
    const out = new Uint8Array(pixels * (transparency === undefined ? 3 : 4));
    const wide = out.length / pixels;
    for (let i = 0; i < pixels; i++) {
      const entry = samples[i];
      if (3 * entry + 2 >= palette.length)
        throw damaged(`a pixel has colour ${entry} of a palette of ${palette.length / 3}`);
      for (let c = 0; c < 3; c++) out[i * wide + c] = palette[3 * entry + c];
      if (transparency !== undefined) out[i * wide + 3] = transparency[entry] ?? 255;
    }
    return { width, height, channels: wide, values: out };
  }
  // The transparent colour has 16 bits; 8 of them are compared here where the image has 16, as most decoders do.
  if (transparency?.length !== 2 * channels || colourType > 2) return { width, height, channels, values: samples };
  const key = Array.from({ length: channels }, (_, c) => {
    const value = transparency.readUInt16BE(2 * c);
    return depth === 16 ? value >> 8 : depth === 8 ? value : (value * 255) / (2 ** depth - 1);
  });
  const values = new Uint8Array(pixels * (channels + 1));
  for (let i = 0; i < pixels; i++) {
    let matches = true;
    for (let c = 0; c < channels; c++) {
      const value = samples[i * channels + c];
      values[i * (channels + 1) + c] = value;
      matches &&= value === key[c];
    }
    values[i * (channels + 1) + channels] = matches ? 0 : 255;
  }
  return { width, height, channels: channels + 1, values };
}
