// The safetensors format (https://github.com/huggingface/safetensors): the length of the header as 8 bytes
// little-endian, the header as JSON, then the tensors' bytes without gaps. It holds data only; a reader runs
// nothing. Beyond the format, the metadata holds `sha256` (of the tensors' bytes) and `header_sha256` (of the
// header, with these 64 digits as zeros), which any other reader ignores and ours verifies where present.
// Values are little-endian, as is every machine that Node's WebAssembly engine runs on with shared memory.
import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { IrregularFileError, openRegularSync } from '../config/regular-file.js';
import { writeFileAtomic } from './atomic-file.js';
import { CheckpointError } from './checkpoint-error.js';
import { explainSystemError } from '../config/system-error.js';
import { HeaderSyntaxError, parseHeader, quote, type Header, type HeaderEntry } from './safetensors-header.js';

/** The element types that we read and write: bytes per element and the array that holds them. */
const elementTypes = {
  F64: { bytes: 8, Values: Float64Array },
  I64: { bytes: 8, Values: BigInt64Array },
  F32: { bytes: 4, Values: Float32Array },
  I32: { bytes: 4, Values: Int32Array },
  U32: { bytes: 4, Values: Uint32Array },
  U8: { bytes: 1, Values: Uint8Array },
  BOOL: { bytes: 1, Values: Uint8Array },
} as const;

export type SafetensorsDtype = keyof typeof elementTypes;
export type TensorValues = Float64Array | BigInt64Array | Float32Array | Int32Array | Uint32Array | Uint8Array;

/** A named tensor's content: row-major values, one byte (0 or 1) an element for BOOL. */
export interface StoredTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly values: TensorValues;
}

export interface Safetensors {
  readonly tensors: Map<string, StoredTensor>;
  readonly metadata: Map<string, string>;
}

/** Metadata keys that the writer fills in itself. */
export const digestKeys = ['header_sha256', 'sha256'] as const;

/** The largest header that the format's own reader accepts. */
const maxHeaderBytes = 100_000_000;
const blankDigest = '0'.repeat(64);
const headerDigestStart = '"header_sha256":"';
const damaged = 'the file is damaged or incomplete: use another checkpoint, or copy it again from where it came';
const foreign = 'is this a safetensors file? If so it is damaged: use another checkpoint, or copy it again';

/**
 * Writes tensors and string metadata to `path` atomically; equal content gives equal bytes, whatever the order
 * in the maps. Throws `FileWriteError`, and a `TypeError` where a tensor's values do not fit its dtype and shape.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string>,
): void {
  writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

/** The file's content in pieces: the header, then a view (not a copy) of each tensor's bytes. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string>,
): Uint8Array[] {
  // Wide elements first, so that every tensor starts at a multiple of its element size; then by name.
  const ordered = [...tensors].sort(
    ([a, { dtype: p }], [b, { dtype: q }]) => elementTypes[q].bytes - elementTypes[p].bytes || (a < b ? -1 : 1),
  );
  const views = ordered.map(([name, tensor]) => bytesOf(name, tensor));

  let offset = 0;
  const members = ordered.map(([name, { dtype, shape }], i) => {
    const begin = offset;
    offset += views[i].byteLength;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, offset] })}`;
  });
  for (const key of digestKeys) if (metadata.has(key)) throw new TypeError(`metadata key "${key}" is reserved`);
  const described = [...metadata, ['sha256', digest(views)], ['header_sha256', blankDigest]]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  return [
    encodeHeader(`{"__metadata__":{${described.join(',')}}${members.map((text) => `,${text}`).join('')}}`),
    ...views,
  ];
}

function encodeHeader(json: string): Uint8Array {
  const bytes = Math.ceil(Buffer.byteLength(json) / 8) * 8;
  if (bytes > maxHeaderBytes) throw new TypeError(`a safetensors header of ${bytes} bytes is over ${maxHeaderBytes}`);
  const header = Buffer.alloc(8 + bytes, ' ');
  header.writeBigUInt64LE(BigInt(bytes));
  header.write(json, 8);
  const at = header.indexOf(headerDigestStart) + headerDigestStart.length;
  header.write(digest([header.subarray(8)]), at);
  return header;
}

function bytesOf(name: string, { dtype, shape, values }: StoredTensor): Uint8Array {
  if (name === '__metadata__') throw new TypeError('a tensor cannot be named "__metadata__"');
  const count = shape.reduce((product, size) => product * size, 1);
  if (values.length !== count || !(values instanceof elementTypes[dtype].Values)) {
    throw new TypeError(`tensor "${name}": ${values.length} values do not make ${dtype} [${shape.join(', ')}]`);
  }
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function digest(pieces: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/**
 * Reads the safetensors file at `path`, trusting nothing in it: every length is checked against the file's size
 * before memory is taken for it, and the digests are verified where present. Throws `CheckpointError`.
 */
export function readSafetensors(path: string): Safetensors {
  try {
    const { descriptor, size } = openRegularSync(path);
    try {
      return readOpened(path, descriptor, size);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    if (error instanceof IrregularFileError)
      throw new CheckpointError(path, `is ${error.kind}, not a file`, 'give the path of a .safetensors file');
    const { problem, hint } = explainSystemError(error);
    throw new CheckpointError(path, `cannot be read: ${problem}`, hint, { cause: error });
  }
}

function readOpened(path: string, descriptor: number, size: number): Safetensors {
  if (size < 8) {
    throw new CheckpointError(path, `has ${size} bytes, too few for the length of a header`, damaged);
  }
  const lengthField = Buffer.alloc(8);
  readFully(path, descriptor, lengthField, 0);
  const headerBytes = lengthField.readBigUInt64LE();
  if (headerBytes > BigInt(maxHeaderBytes)) {
    throw new CheckpointError(
      path,
      `is not a safetensors file: its first 8 bytes, the length of a header, say ${headerBytes}; at most ${maxHeaderBytes} can be`,
      foreign,
    );
  }
  const dataStart = 8 + Number(headerBytes);
  if (dataStart > size) {
    throw new CheckpointError(path, `its header claims ${headerBytes} bytes; the file ends after ${size}`, damaged);
  }
  const headerText = Buffer.alloc(Number(headerBytes));
  readFully(path, descriptor, headerText, 8);
  const { metadata, entries } = decodeHeader(path, headerText);
  verifyHeaderDigest(path, headerText, metadata);

  const ordered = inFileOrder(path, entries, size - dataStart);
  const hash = createHash('sha256');
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, begin, count }] of ordered) {
    const values = allocate(path, name, dtype, count);
    const bytes = new Uint8Array(values.buffer);
    readFully(path, descriptor, bytes, dataStart + begin);
    hash.update(bytes);
    tensors.set(name, { dtype, shape, values });
  }
  const expected = metadata.get('sha256');
  if (expected !== undefined && hash.digest('hex') !== expected) {
    throw new CheckpointError(path, 'the sha256 of its tensors is not the one in its header', damaged);
  }
  return { tensors, metadata };
}

function decodeHeader(path: string, bytes: Uint8Array): Header {
  try {
    return parseHeader(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    const problem = error instanceof HeaderSyntaxError ? error.message : 'it is not valid UTF-8';
    throw new CheckpointError(path, `its header cannot be read: ${problem}`, foreign, { cause: error });
  }
}

function verifyHeaderDigest(path: string, header: Buffer, metadata: ReadonlyMap<string, string>): void {
  const expected = metadata.get('header_sha256');
  if (expected === undefined) return;
  const at = header.indexOf(headerDigestStart) + headerDigestStart.length;
  const blanked = [header.subarray(0, at), Buffer.from(blankDigest), header.subarray(at + blankDigest.length)];
  if (digest(blanked) !== expected) {
    throw new CheckpointError(path, 'the sha256 of its header is not the one noted in it', damaged);
  }
}

interface PlacedTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly count: number;
}

/** Checks that the tensors, in the order of their offsets, fill the data exactly: no overlap, no gap, no rest. */
function inFileOrder(
  path: string,
  entries: ReadonlyMap<string, HeaderEntry>,
  dataBytes: number,
): readonly (readonly [string, PlacedTensor])[] {
  const ordered = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  const placed = ordered.map(([name, entry]) => {
    const fail = (problem: string): never => {
      throw new CheckpointError(path, `tensor ${quote(name)} ${problem}`, damaged);
    };
    const { begin, end, shape } = entry;
    const dtype = knownDtype(entry.dtype);
    if (dtype === undefined) {
      const known = Object.keys(elementTypes).join(', ');
      throw new CheckpointError(path, `tensor ${quote(name)} has dtype ${quote(entry.dtype)}`, `known are: ${known}`);
    }
    if (begin > end || end > dataBytes) fail(`claims bytes ${begin} to ${end} of ${dataBytes}`);
    if (begin < filled) fail(`overlaps another: it begins at byte ${begin}, before ${filled}`);
    if (begin > filled) fail(`leaves a gap before it, from byte ${filled} to ${begin}`);
    const count = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
    const bytes = count * elementTypes[dtype].bytes;
    // Past 2^53 the product is rounded, but then it is also far above any `end - begin` that got this far.
    if (bytes !== end - begin) fail(`has ${end - begin} bytes; ${dtype} [${shape.join(', ')}] needs ${bytes}`);
    filled = end;
    return [name, { dtype, shape, begin, count }] as const;
  });
  if (filled !== dataBytes) {
    throw new CheckpointError(path, `has ${dataBytes} bytes of tensors; its header describes ${filled}`, damaged);
  }
  return placed;
}

function knownDtype(name: string): SafetensorsDtype | undefined {
  return Object.hasOwn(elementTypes, name) ? (name as SafetensorsDtype) : undefined;
}

function allocate(path: string, name: string, dtype: SafetensorsDtype, count: number): TensorValues {
  try {
    return new elementTypes[dtype].Values(count);
  } catch (error) {
    const gigabytes = ((count * elementTypes[dtype].bytes) / 2 ** 30).toFixed(1);
    const problem = `tensor ${quote(name)} needs ${gigabytes} GiB, more than one array can have here`;
    throw new CheckpointError(path, problem, 'use a machine with more memory, or a smaller network', { cause: error });
  }
}

function readFully(path: string, descriptor: number, target: Uint8Array, from: number): void {
  const largestRead = 1 << 30;
  for (let done = 0; done < target.byteLength;) {
    const part = Math.min(target.byteLength - done, largestRead);
    const count = readSync(descriptor, target, done, part, from + done);
    if (count === 0) throw new CheckpointError(path, `ends at byte ${from + done} while being read`, damaged);
    done += count;
  }
}
