/**
 * PNG (https://www.w3.org/TR/png-3): all colour types, bit depths and interlacing, to 8 bits per channel. fast-png decodes the pixels
 * after checks: Node's zlib unpacks no more bytes than the header implies, and checksums are verified.
 */
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { convertIndexedToRgb, decode, type DecodedPng } from 'fast-png';
import { DataError, type DataErrorPlace } from '../data-error.js';
import { checkImageSize, type Image } from './bitmap.js';
import { reasonOf } from './library-error.js';
import { orientationOf, upright } from './orientation.js';

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

const HINT = 'the file is damaged or was not downloaded whole';

/** By colour type: channels in the file, and allowed bit depths. */
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

/** The chunks of a file that determine the image. */
interface Content {
  readonly header: Header;
  readonly palette?: Buffer;
  readonly transparency?: Buffer;
  readonly packed: Buffer;
  readonly exif?: Buffer;
}

/**
 * The image in `bytes`, turned upright by its Exif orientation. Of 16 bits per channel the upper 8 of the lower `bits` are
 * taken. Throws DataError if `bytes` is not an intact PNG file.
 */
export function decodePng(bytes: Buffer, place: DataErrorPlace, bits = 16): Image {
  const { header, palette, transparency, packed, exif } = readContent(bytes, place);
  const passes = passesOf(header);
  const lines = inflated(packed, passes.reduce((sum, pass) => sum + linesOf(header, pass), 0), place); // prettier-ignore
  let at = 0;
  // Each pass is stored as a separate image (PNG, section 8.1), and decoded as one.
  const parts = passes.map((pass) => {
    const part = { header: { ...header, ...pass }, palette, transparency };
    return decodePart(part, lines.subarray(at, (at += linesOf(header, pass))), place, bits);
  });
  const image = header.interlaced ? interleaved(header, passes, parts) : parts[0];
  return upright(image, exif === undefined ? 1 : orientationOf(exif));
}

function readContent(bytes: Buffer, place: DataErrorPlace): Content {
  const damaged = (problem: string): DataError => new DataError(`damaged: ${problem}`, { ...place, hint: HINT });
  let header: Header | undefined;
  const packed: Buffer[] = [];
  const first = new Map<string, Buffer>();
  for (const { type, data } of chunks(bytes, place)) {
    if (header === undefined && type !== 'IHDR') throw damaged(`the first chunk is ${type}, not IHDR`);
    if (type === 'IDAT') packed.push(data);
    else if (type !== 'IHDR') first.set(type, first.get(type) ?? data);
    else if (header !== undefined) throw damaged('two headers');
    else header = parseHeader(data, place);
  }
  if (header === undefined) throw damaged('no header');
  const palette = first.get('PLTE');
  if (header.colourType === PALETTE && palette === undefined) throw damaged('no palette');
  return {
    header,
    packed: Buffer.concat(packed),
    ...(header.colourType === PALETTE && { palette }),
    transparency: first.get('tRNS'),
    exif: first.get('eXIf'),
  };
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
  if (data.length !== 13) throw new DataError('damaged: the header has the wrong length', { ...place, hint: HINT });
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  const [depth, colourType, compression, filter, interlace] = data.subarray(8);
  const kind: { channels: number; depths: readonly number[] } | undefined = COLOUR_TYPES[colourType];
  checkImageSize(width, height, place);
  if (kind === undefined || !kind.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    const given = `colour type ${colourType} of ${depth} bits, compression ${compression}, filter ${filter}, interlacing ${interlace}`;
    throw new DataError(`damaged: no PNG file has ${given}`, { ...place, hint: HINT });
  }
  return { width, height, depth, colourType, channels: kind.channels, interlaced: interlace === 1 };
}

/** A part of the image that is stored separately: every `dx`-th pixel of every `dy`-th row, from (x, y) on. */
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

/** Bytes of the lines of a pass, each preceded by its filter type. */
const linesOf = ({ depth, channels }: Header, { width, height }: Pass): number =>
  height * (1 + Math.ceil((width * depth * channels) / 8));

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

type Part = Pick<Content, 'header' | 'palette' | 'transparency'>;

/** Decodes an image without interlacing from its `lines`, whose length has been checked. */
function decodePart(part: Part, lines: Buffer, place: DataErrorPlace, bits: number): Image {
  const { width, height, colourType } = part.header;
  let decoded: DecodedPng;
  try {
    decoded = decode(pngOf(part, lines));
    if (colourType === PALETTE) {
      const values = convertIndexedToRgb(decoded);
      return { width, height, channels: values.length / (width * height), values };
    }
  } catch (error) {
    throw new DataError(`damaged: ${reasonOf(error)}`, { ...place, hint: HINT });
  }
  return withTransparency(part, bytesOf(decoded, place, bits), bits);
}

/** A minimal file for fast-png: only what determines the image, with its lines stored uncompressed, since they are already unpacked. */
function pngOf({ header, palette, transparency }: Part, lines: Buffer): Buffer {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(header.width, 0);
  ihdr.writeUInt32BE(header.height, 4);
  ihdr.set([header.depth, header.colourType], 8);
  const chunks = [SIGNATURE, ...chunk('IHDR', ihdr)];
  if (palette !== undefined) {
    chunks.push(...chunk('PLTE', palette));
    if (transparency !== undefined) chunks.push(...chunk('tRNS', transparency.subarray(0, palette.length / 3)));
  }
  return Buffer.concat([...chunks, ...chunk('IDAT', deflateSync(lines, { level: 0 })), ...chunk('IEND', NOTHING)]);
}

const NOTHING = Buffer.alloc(0);
/** fast-png ignores it. */
const NO_CHECKSUM = Buffer.alloc(4);

function chunk(type: string, data: Buffer): Buffer[] {
  const start = Buffer.alloc(8);
  start.writeUInt32BE(data.length);
  start.write(type, 4, 'latin1');
  return [start, data, NO_CHECKSUM];
}

/** An image without a palette in 8 bits per channel. */
function bytesOf({ width, height, depth, channels, data }: DecodedPng, place: DataErrorPlace, bits: number): Image {
  if (depth === 8) return { width, height, channels, values: data as Uint8Array };
  const values = new Uint8Array(width * height * channels);
  if (depth === 16) {
    let largest16 = 0;
    for (let i = 0; i < values.length; i++) {
      if (data[i] > largest16) largest16 = data[i];
      values[i] = data[i] >> (bits - 8);
    }
    if (largest16 < 2 ** bits) return { width, height, channels, values, largest16 };
    throw new DataError(`a value of ${largest16} has more than ${bits} bits`, { ...place, hint: 'set bits: 16' });
  }
  // Low-bit grey, scaled to 0 to 255. Lines are padded to whole bytes.
  const [line, most] = [Math.ceil((width * depth) / 8), 2 ** depth - 1];
  for (let i = 0; i < values.length; i++) {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * line + (bit >> 3)];
    values[i] = ((byte >> (8 - depth - (bit & 7))) & most) * (255 / most);
  }
  return { width, height, channels, values };
}

/** `image` with an alpha channel if one grey or colour is declared transparent. */
function withTransparency({ header, transparency }: Part, image: Image, bits: number): Image {
  const { width, height, channels, values, ...rest } = image;
  const { depth, colourType } = header;
  if (transparency?.length !== 2 * channels || colourType > 2) return image;
  // The transparent colour has 16 bits; only 8 are compared if the image has 16, as in most decoders.
  const key = Array.from({ length: channels }, (_, c) => {
    const value = transparency.readUInt16BE(2 * c);
    return depth === 16 ? value >> (bits - 8) : depth === 8 ? value : (value * 255) / (2 ** depth - 1);
  });
  const out = new Uint8Array(width * height * (channels + 1));
  for (let i = 0; i < width * height; i++) {
    let matches = true;
    for (let c = 0; c < channels; c++) {
      const value = values[i * channels + c];
      out[i * (channels + 1) + c] = value;
      matches &&= value === key[c];
    }
    out[i * (channels + 1) + channels] = matches ? 0 : 255;
  }
  return { width, height, channels: channels + 1, values: out, ...rest };
}

/** Combines the passes into the whole image. */
function interleaved({ width, height }: Header, passes: readonly Pass[], parts: readonly Image[]): Image {
  const { channels } = parts[0];
  const values = new Uint8Array(width * height * channels);
  passes.forEach((pass, p) => {
    for (let i = 0; i < pass.width * pass.height; i++) {
      const [x, y] = [pass.x + (i % pass.width) * pass.dx, pass.y + Math.floor(i / pass.width) * pass.dy];
      for (let c = 0; c < channels; c++) values[(y * width + x) * channels + c] = parts[p].values[i * channels + c];
    }
  });
  const largest = parts.map(({ largest16 }) => largest16 ?? 0);
  return { width, height, channels, values, ...(parts[0].largest16 !== undefined && { largest16: Math.max(...largest) }) }; // prettier-ignore
}
