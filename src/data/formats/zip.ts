/**
 * ZIP archives (APPNOTE 6.3.10), as far as data archives need: stored and deflated members, no encryption, no ZIP64. The
 * directory is checked against the file, and a member is unpacked to the promised size or not at all.
 */
import { constants as bufferLimits } from 'node:buffer';
import { crc32, inflateRawSync } from 'node:zlib';
import { DataError, type DataErrorPlace } from '../data-error.js';
import { canHold, refuseBomb } from './unpacking.js';

export interface ZipMember {
  readonly name: string;
  /** Unpacked size. */
  readonly size: number;
  /** The content. Throws DataError if it is damaged. */
  read(): Buffer;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const ZIP64 = 0xffffffff;
const HINT = 'the file is damaged or was not downloaded whole';

/** The members of the archive `bytes`. Throws DataError if its directory is damaged. */
export function openZip(bytes: Buffer, file: string): ZipMember[] {
  const damaged = (problem: string): DataError => new DataError(`damaged: ${problem}`, { file, hint: HINT });
  const end = endOfDirectory(bytes);
  if (end === undefined) throw new DataError('not a ZIP archive, or a truncated one', { file, hint: HINT });
  const [count, start] = [bytes.readUInt16LE(end + 10), bytes.readUInt32LE(end + 16)];
  if (count === 0xffff || start === ZIP64) throw new DataError('a ZIP64 archive, larger than 4 GiB', { file });
  const members: ZipMember[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || bytes.readUInt32LE(at) !== DIRECTORY_ENTRY) throw damaged(`no directory entry at byte ${at}`);
    const nameLength = bytes.readUInt16LE(at + 28);
    const next = at + 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    if (next > end) throw damaged(`the directory entry at byte ${at} is longer than the directory`);
    members.push(member(bytes, at, bytes.toString('utf8', at + 46, at + 46 + nameLength), file));
    at = next;
  }
  return members;
}

/** Where the end-of-directory record starts: before a comment of at most 64 KiB. */
function endOfDirectory(bytes: Buffer): number | undefined {
  for (let at = bytes.length - 22; at >= Math.max(0, bytes.length - 22 - 0xffff); at--) {
    if (bytes.readUInt32LE(at) === END_OF_DIRECTORY) return at;
  }
  return undefined;
}

function member(bytes: Buffer, at: number, name: string, file: string): ZipMember {
  const flags = bytes.readUInt16LE(at + 8);
  const method = bytes.readUInt16LE(at + 10);
  const checksum = bytes.readUInt32LE(at + 16);
  const packedSize = bytes.readUInt32LE(at + 20);
  const size = bytes.readUInt32LE(at + 24);
  const header = bytes.readUInt32LE(at + 42);
  const place: DataErrorPlace = { file, part: `member "${name}"`, hint: HINT };
  return {
    name,
    size,
    read() {
      if (flags & 1) throw new DataError('is encrypted', { ...place, hint: undefined });
      if (method !== 0 && method !== 8) throw new DataError(`compression method ${method}; nn reads 0 and 8`, place);
      if (packedSize === ZIP64 || size === ZIP64) throw new DataError('is larger than 4 GiB (ZIP64)', place);
      if (header + 30 > bytes.length || bytes.readUInt32LE(header) !== LOCAL_HEADER) {
        throw new DataError(`damaged: no member starts at byte ${header}`, place);
      }
      const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
      const packed = bytes.subarray(start, start + packedSize);
      if (packed.length < packedSize) throw new DataError('truncated', place);
      const content = method === 0 ? packed : inflated(packed, size, place);
      if (content.length !== size) {
        throw new DataError(`damaged: ${content.length} bytes where the directory promises ${size}`, place);
      }
      if (crc32(content) !== checksum) throw new DataError('damaged: its checksum does not match the directory', place);
      return content;
    },
  };
}

function inflated(packed: Buffer, size: number, place: DataErrorPlace): Buffer {
  if (!canHold(packed.length, size) || size > bufferLimits.MAX_LENGTH - 1) {
    throw new DataError(`damaged: ${packed.length} bytes cannot unpack to ${size}`, place);
  }
  refuseBomb(packed.length, size, place, 'save it without compression (numpy.savez)');
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw new DataError(`damaged: ${error instanceof Error ? error.message : String(error)}`, place);
  }
}
