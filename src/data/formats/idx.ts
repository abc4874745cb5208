/**
 * The idx format of MNIST (http://yann.lecun.com/exdb/mnist): two zero bytes, the element type, the rank, the dimensions as
 * big-endian u32, then the elements, big-endian and row by row; often compressed with gzip. Lengths are checked before
 * anything is allocated.
 */
import { constants, createGunzip, gunzipSync } from 'node:zlib';
import { DataError } from '../data-error.js';
import { sizeOf } from '../../tensor/shape.js';
import type { NumericArray } from './numeric-array.js';
import { canHold, refuseBomb } from './unpacking.js';

interface IdxElementType {
  readonly type: string;
  readonly bytes: number;
  readonly get: (view: DataView, offset: number) => number;
}

const ELEMENT_TYPES: Readonly<Record<number, IdxElementType>> = {
  0x08: { type: 'u8', bytes: 1, get: (view, offset) => view.getUint8(offset) },
  0x09: { type: 'i8', bytes: 1, get: (view, offset) => view.getInt8(offset) },
  0x0b: { type: 'i16', bytes: 2, get: (view, offset) => view.getInt16(offset) },
  0x0c: { type: 'i32', bytes: 4, get: (view, offset) => view.getInt32(offset) },
  0x0d: { type: 'f32', bytes: 4, get: (view, offset) => view.getFloat32(offset) },
  0x0e: { type: 'f64', bytes: 8, get: (view, offset) => view.getFloat64(offset) },
};

/** The rank is one byte, so no header is longer. */
const LONGEST_HEADER = 4 + 4 * 255;
const WHOLE_FILE_HINT = 'the file is damaged or was not downloaded whole';

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/**
 * The array of bytes in the content of a gzip file, not copied. Undefined if it has no valid header, its elements are not
 * bytes, or its length does not match the header: `parseIdx` then reports what is wrong, if anything is.
 */
export function bytesOfIdx(content: Uint8Array, file: string): (NumericArray & { values: Uint8Array }) | undefined {
  let header: IdxHeader;
  try {
    header = parseHeader(Buffer.from(content.subarray(0, LONGEST_HEADER)), file);
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
  const { element, dims, offset } = header;
  if (element.type !== 'u8' || content.length !== offset + sizeOf(dims)) return undefined;
  return { type: 'u8', dims, values: content.subarray(offset) };
}

/**
 * The array in `bytes`, an idx file, plain or gzip; byte elements go into memory from `reserve`. Throws DataError if the
 * length does not match the header.
 */
export async function parseIdx(
  bytes: Buffer,
  file: string,
  reserve?: (bytes: number) => Uint8Array,
): Promise<NumericArray> {
  const packed = isGzip(bytes);
  const header = parseHeader(packed ? inflateStart(bytes, file) : bytes, file);
  const { element, dims, offset } = header;
  const expected = offset + sizeOf(dims) * element.bytes;
  if (packed ? !canHold(bytes.length, expected) : expected > bytes.length) {
    const room = packed ? `this gzip file of ${bytes.length} bytes cannot hold them` : `it has ${bytes.length}`;
    throw new DataError(`truncated: the header promises ${describe(header)}, ${expected} bytes in all, but ${room}`, {
      file,
      hint: WHOLE_FILE_HINT,
    });
  }
  if (packed) refuseBomb(bytes.length, expected, { file }, 'unpack the file: gunzip');
  if (!packed && bytes.length > expected) throw trailing(`${bytes.length - expected} bytes`, header, file);
  const size = expected - offset;
  // Avoid a copy of what is already in memory.
  const plain = packed ? undefined : new Uint8Array(bytes.buffer, bytes.byteOffset + offset, size);
  const target = element.type === 'u8' && reserve !== undefined ? reserve(size) : (plain ?? new Uint8Array(size));
  if (plain === undefined) await inflateInto(target, bytes, header, file);
  else if (target !== plain) target.set(plain);
  return { type: element.type, dims, values: element.type === 'u8' ? target : numbersIn(target, element) };
}

interface IdxHeader {
  readonly element: IdxElementType;
  readonly dims: readonly number[];
  readonly offset: number;
}

const describe = ({ element, dims }: IdxHeader): string => `${dims.join(' x ')} values of type ${element.type}`;

function parseHeader(start: Buffer, file: string): IdxHeader {
  if (start.length < 4) {
    throw new DataError(`truncated: an idx file has at least 4 bytes, this one ${start.length}`, {
      file,
      hint: WHOLE_FILE_HINT,
    });
  }
  const element = ELEMENT_TYPES[start[2]];
  const rank = start[3];
  if (start[0] !== 0 || start[1] !== 0 || element === undefined || rank === 0) {
    const magic = [...start.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new DataError(`not an idx file: it starts with ${magic}, not with 00 00, an element type and a rank`, {
      file,
      hint: 'idx files start with 00 00 08 01 (labels) or 00 00 08 03 (images); for tables use data.source: csv',
    });
  }
  const offset = 4 + 4 * rank;
  if (start.length < offset) {
    throw new DataError(`truncated: a header of rank ${rank} has ${offset} bytes, but there are ${start.length}`, {
      file,
      hint: WHOLE_FILE_HINT,
    });
  }
  const dims = Array.from({ length: rank }, (_, i) => start.readUInt32BE(4 + 4 * i));
  if (dims.includes(0)) throw new DataError(`the file is empty: its dimensions are ${dims.join(' x ')}`, { file });
  if (!Number.isSafeInteger(sizeOf(dims) * element.bytes)) {
    throw new DataError(`damaged: dimensions ${dims.join(' x ')} are larger than any file`, {
      file,
      hint: WHOLE_FILE_HINT,
    });
  }
  return { element, dims, offset };
}

function trailing(amount: string, header: IdxHeader, file: string): DataError {
  return new DataError(`${amount} after the end of the ${describe(header)} that the header promises`, {
    file,
    hint: 'the header does not match the content: the file is damaged',
  });
}

/** The start of the content of a gzip file, enough for any header. */
function inflateStart(bytes: Buffer, file: string): Buffer {
  try {
    // Z_SYNC_FLUSH: return what is there without requiring the end of the stream. 64 compressed KiB bound the work.
    const options = { finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 1 << 16 };
    return gunzipSync(bytes.subarray(0, 1 << 12), options).subarray(0, LONGEST_HEADER);
  } catch (error) {
    throw inflateError(error, file);
  }
}

/** Bytes per chunk. */
const CHUNK = 1 << 20;

/** Unpacks a gzip file's elements into `target` chunk by chunk. Throws DataError if they do not fill it exactly. */
async function inflateInto(target: Uint8Array, bytes: Buffer, header: IdxHeader, file: string): Promise<void> {
  const unpacked = createGunzip({ chunkSize: CHUNK });
  unpacked.end(bytes);
  // Relative to the first element: the header is skipped.
  let at = -header.offset;
  try {
    for await (const piece of unpacked) {
      const chunk = piece as Buffer;
      if (at + chunk.length > target.length) throw trailing('extra bytes', header, file);
      target.set(chunk.subarray(Math.min(chunk.length, Math.max(0, -at))), Math.max(0, at));
      at += chunk.length;
    }
  } catch (error) {
    throw inflateError(error, file);
  }
  if (at === target.length) return;
  const [promised, there] = [header.offset + target.length, header.offset + at];
  throw new DataError(
    `truncated: the header promises ${describe(header)}, ${promised} bytes in all, but there are ${there}`,
    { file, hint: WHOLE_FILE_HINT },
  );
}

function inflateError(error: unknown, file: string): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === 'Z_BUF_ERROR')
    return new DataError('truncated: the gzip data ends early', { file, hint: WHOLE_FILE_HINT });
  if (code === 'Z_DATA_ERROR') {
    return new DataError(`damaged: the gzip data is not valid (${(error as Error).message})`, {
      file,
      hint: WHOLE_FILE_HINT,
    });
  }
  return error;
}

function numbersIn(bytes: Uint8Array, { bytes: size, get }: IdxElementType): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = new Float64Array(bytes.length / size);
  for (let i = 0; i < values.length; i++) values[i] = get(view, i * size);
  return values;
}
