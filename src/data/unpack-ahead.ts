/**
 * Packed files are unpacked on another thread while the program that is going to use them is still being loaded. Nothing depends on
 * it: a file that cannot be unpacked ahead is read in its turn, and whoever reads it then says what is wrong.
 */
import { readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

export interface UnpackedFile {
  /** As they are on disk. */
  readonly bytes: Buffer;
  /** What is packed in them, whole and as the checksum says; undefined where something is wrong. */
  readonly content: Promise<Buffer | undefined>;
}

/** By absolute path; to be removed by who takes one, as they are large. */
export type UnpackedFiles = Map<string, UnpackedFile>;

/** Larger files are not unpacked ahead but piece by piece, to where they are to lie. */
const MOST_BYTES = 128 * 2 ** 20;

/** Begins with the gzip files at these absolute paths, one after the other. */
export function unpackAhead(files: readonly string[]): UnpackedFiles {
  const unpacked: UnpackedFiles = new Map();
  let before: Promise<unknown> | undefined;
  for (const file of files) {
    const bytes = readSmall(file);
    if (bytes === undefined) continue;
    const content = (before === undefined ? unpack(bytes) : before.then(() => unpack(bytes))).catch(() => undefined);
    unpacked.set(file, { bytes, content });
    before = content;
  }
  return unpacked;
}

/** At once: a file that is read in turns comes no further while the main thread is loading modules. */
function readSmall(file: string): Buffer | undefined {
  try {
    return statSync(file).size <= MOST_BYTES ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  }
}

async function unpack(bytes: Buffer): Promise<Buffer | undefined> {
  // What a gzip file ends in (RFC 1952, ISIZE); where that is wrong, unpacking ends in an error.
  const size = bytes.readUInt32LE(bytes.length - 4);
  if (size > MOST_BYTES) return undefined;
  // In a single piece, which needs no turn of the main thread either.
  return promisify(gunzip)(bytes, { chunkSize: size + 64, maxOutputLength: size + 1 });
}
