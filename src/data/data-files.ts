/**
 * The files that a data source reads: found relative to the config, hashed while they are read, and missing ones explained.
 * Each load has one `DataFiles`, whose list goes into the provenance of the run.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { nearest } from '../config/nearest.js';
import { DataError, listed } from './data-error.js';

export interface HashedFile {
  readonly path: string;
  /** Of the raw bytes on disk, in hex. */
  readonly sha256: string;
}

export class DataFiles {
  private readonly hashes = new Map<string, Hash>();

  constructor(private readonly baseDir: string) {}

  resolve(file: string): string {
    return path.resolve(this.baseDir, file);
  }

  /** Every file read so far, in the order of reading. */
  list(): HashedFile[] {
    return [...this.hashes].map(([file, hash]) => ({ path: file, sha256: hash.copy().digest('hex') }));
  }

  /** The whole file. Throws DataError where it cannot be read. */
  async read(file: string): Promise<Buffer> {
    const resolved = this.resolve(file);
    const hash = this.startHash(resolved);
    try {
      const bytes = await readFile(resolved);
      hash.update(bytes);
      return bytes;
    } catch (error) {
      throw await explain(error, resolved);
    }
  }

  /** The file in pieces. Throws DataError where it cannot be read. */
  async *stream(file: string): AsyncGenerator<Buffer> {
    const resolved = this.resolve(file);
    const hash = this.startHash(resolved);
    const stream = createReadStream(resolved, { highWaterMark: 1 << 18 });
    try {
      for await (const chunk of stream) {
        hash.update(chunk as Buffer);
        yield chunk as Buffer;
      }
    } catch (error) {
      throw await explain(error, resolved);
    }
  }

  private startHash(resolved: string): Hash {
    const hash = createHash('sha256');
    this.hashes.set(resolved, hash);
    return hash;
  }
}

/** A failure of the file system in the user's words; other errors are handed on as they are. */
async function explain(error: unknown, file: string): Promise<unknown> {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new DataError('no such file', { file, hint: await whatIsThere(file) });
    case 'EISDIR':
      return new DataError('this is a folder, not a file', { file, hint: await whatIsThere(path.join(file, '*')) });
    case 'EACCES':
    case 'EPERM':
      return new DataError('no permission to read this file', { file });
    case 'ERR_FS_FILE_TOO_LARGE':
      return new DataError('the file is larger than 2 GiB, more than can be read at once', { file });
    default:
      return error;
  }
}

/** The name in the file's folder that was probably meant, else what the folder holds, else that there is no such folder. */
async function whatIsThere(file: string): Promise<string> {
  const folder = path.dirname(file);
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => !name.startsWith('.')).sort();
  } catch {
    return `there is no folder ${folder}; paths are relative to the config file`;
  }
  const similar = nearest(path.basename(file), names);
  if (similar !== undefined) return `did you mean "${similar}"?`;
  if (names.length === 0) return `the folder ${folder} is empty`;
  return `the folder ${folder} has: ${listed(names)}; paths are relative to the config file`;
}
