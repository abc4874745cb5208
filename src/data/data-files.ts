/**
 * The files that a data source reads: found relative to the config, hashed while they are read, and missing ones explained.
 * Each load has one `DataFiles`, whose list goes into the provenance of the run.
 */
import { createHash, type Hash, webcrypto } from 'node:crypto';
import { type FileHandle, lstat, readdir, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { nearest } from '../config/nearest.js';
import { FileTooLargeError, IrregularFileError, openRegular, readFully, readRegular } from '../config/regular-file.js';
import { explainSystemError, isSystemError } from '../config/system-error.js';
import { DataError, listed } from './data-error.js';
import type { ScratchFile } from './cache/scratch-file.js';
import type { UnpackedFiles } from './unpack-ahead.js';

export interface HashedFile {
  readonly path: string;
  /** Of the raw bytes on disk, in hex. */
  readonly sha256: string;
}

export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/** Files of a folder read concurrently. */
const READ_AHEAD = 16;
/** Bytes per read. */
const PIECE = 1 << 18;

/** A file with random access. */
export interface FileParts {
  readonly size: number;
  /** The bytes from `start` to `end`, which must be inside the file. */
  read(start: number, end: number): Promise<Buffer>;
}

export class DataFiles {
  private readonly hashes = new Map<string, Hash | Promise<string>>();

  constructor(
    private readonly baseDir: string,
    /** Keeps columns out of memory; other scratch files go to the same folder. */
    readonly scratch?: ScratchFile,
    private readonly ahead?: Pick<UnpackedFiles, 'take'>,
  ) {}

  resolve(file: string): string {
    return path.resolve(this.baseDir, file);
  }

  /** Every file read so far, in reading order. */
  list(): Promise<HashedFile[]> {
    return Promise.all(
      [...this.hashes].map(async ([file, hash]) => ({
        path: file,
        sha256: hash instanceof Promise ? await hash : hash.copy().digest('hex'),
      })),
    );
  }

  /** The content of this gzip file, if it has been unpacked ahead. */
  async unpacked(file: string): Promise<Uint8Array | undefined> {
    const resolved = this.resolve(file);
    this.startHash(resolved); // Reserves its place in the list.
    const unpacked = await this.ahead?.take(resolved);
    if (unpacked === undefined) return undefined;
    this.hashes.set(resolved, Promise.resolve(unpacked.sha256));
    return unpacked.content;
  }

  /** The whole file. Throws DataError where it cannot be read. */
  async read(file: string): Promise<Buffer> {
    const resolved = this.resolve(file);
    this.startHash(resolved);
    try {
      const bytes = await readRegular(resolved);
      // On another thread, while the file is being unpacked or parsed.
      const digest = webcrypto.subtle.digest('SHA-256', bytes);
      this.hashes.set(
        resolved,
        digest.then((sum) => Buffer.from(sum).toString('hex')),
      );
      return bytes;
    } catch (error) {
      throw await explain(error, resolved);
    }
  }

  /** The file in pieces, each valid until the next is asked for. Throws DataError where it cannot be read. */
  async *stream(file: string): AsyncGenerator<Buffer> {
    const resolved = this.resolve(file);
    const hash = this.startHash(resolved);
    let handle: FileHandle | undefined;
    try {
      ({ handle } = await openRegular(resolved));
      // One is being filled while the other is read.
      const buffers = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)] as const;
      let next = handle.read(buffers[0], 0, PIECE);
      for (let turn = 0; ; turn ^= 1) {
        const { bytesRead } = await next;
        if (bytesRead === 0) return;
        next = handle.read(buffers[turn ^ 1], 0, PIECE);
        next.catch(() => {}); // Handled when it is awaited.
        const piece = buffers[turn].subarray(0, bytesRead);
        hash.update(piece);
        yield piece;
      }
    } catch (error) {
      throw await explain(error, resolved);
    } finally {
      await handle?.close();
    }
  }

  /** Lets `use` read parts of the file at will, and hashes all of it meanwhile. Throws DataError where it cannot be read. */
  async readParts<T>(file: string, use: (parts: FileParts) => Promise<T>): Promise<T> {
    const resolved = this.resolve(file);
    const hash = this.startHash(resolved);
    let handle: FileHandle | undefined;
    try {
      const { handle: opened, size } = await openRegular(resolved);
      handle = opened;
      const hashed = hashWhole(opened, hash);
      hashed.catch(() => {}); // Handled after `use`.
      const read = async (start: number, end: number): Promise<Buffer> => {
        const bytes = await readFully(opened, start, end);
        if (bytes.length === end - start) return bytes;
        throw new DataError('the file was truncated while it was being read', { file: resolved });
      };
      try {
        return await use({ size, read });
      } finally {
        await hashed;
      }
    } catch (error) {
      throw await explain(error, resolved);
    } finally {
      await handle?.close();
    }
  }

  /** The names in a folder, sorted, without hidden ones. Throws DataError where it cannot be read, or a link in it leads nowhere. */
  async listFolder(folder: string): Promise<FolderEntry[]> {
    const resolved = this.resolve(folder);
    try {
      const entries = await readdir(resolved, { withFileTypes: true });
      const visible = entries.filter(({ name }) => !name.startsWith('.'));
      const listed = visible.map(async (entry) => {
        const file = path.join(resolved, entry.name);
        // A link counts as its target.
        const isFolder = entry.isSymbolicLink() ? await leadsToFolder(file) : entry.isDirectory();
        return { name: entry.name, isFolder };
      });
      return (await Promise.all(listed)).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      throw await explain(error, resolved, 'folder');
    }
  }

  /**
   * Passes the files `names` of a folder to `visit` one by one while the next ones are being read. They count as one
   * file, whose hash is that of the lines which `sha256sum` prints for them.
   */
  async readFolder(
    folder: string,
    names: readonly string[],
    visit: (bytes: Buffer, i: number) => Promise<void>,
  ): Promise<void> {
    const resolved = this.resolve(folder);
    const hash = this.startHash(resolved);
    const pending: Promise<Buffer>[] = [];
    const read = async (name: string): Promise<Buffer> => {
      const file = path.join(resolved, name);
      try {
        return await readRegular(file);
      } catch (error) {
        throw await explain(error, file);
      }
    };
    for (let i = 0; i < names.length; i++) {
      for (let ahead = i + pending.length; pending.length < READ_AHEAD && ahead < names.length; ahead++) {
        const bytes = read(names[ahead]);
        bytes.catch(() => {}); // Handled when it is awaited.
        pending.push(bytes);
      }
      const bytes = await pending.shift();
      if (bytes === undefined) throw new Error('every file is read before its turn');
      hash.update(`${createHash('sha256').update(bytes).digest('hex')}  ${names[i]}\n`);
      await visit(bytes, i);
    }
  }

  private startHash(resolved: string): Hash {
    const hash = createHash('sha256');
    this.hashes.set(resolved, hash);
    return hash;
  }
}

async function leadsToFolder(link: string): Promise<boolean> {
  try {
    return (await stat(link)).isDirectory();
  } catch (error) {
    throw await explain(error, link);
  }
}

async function hashWhole(handle: FileHandle, hash: Hash): Promise<void> {
  const piece = Buffer.allocUnsafeSlow(PIECE);
  for (let at = 0; ;) {
    const { bytesRead } = await handle.read(piece, 0, PIECE, at);
    if (bytesRead === 0) return;
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** A file system error in the user's terms; other errors are returned unchanged. */
async function explain(error: unknown, file: string, what: 'file' | 'folder' = 'file'): Promise<unknown> {
  if (error instanceof IrregularFileError)
    return new DataError(error.message, { file, hint: 'save its content to a file' });
  if (error instanceof FileTooLargeError) {
    return new DataError('the file is larger than 2 GiB, too large to read at once', {
      file,
      hint: 'split it, or save it as CSV or Parquet, which are read in chunks',
    });
  }
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  switch (code) {
    case 'ENOTDIR':
      if (what === 'folder') return new DataError('this is a file, not a folder', { file });
      return new DataError('no such file', { file, hint: await whatIsThere(file) });
    case 'ENOENT': {
      const target = await linkTarget(file);
      if (target !== undefined) {
        const hint = 'remove the link, or restore its target';
        return new DataError(`broken link to ${target}`, { file, hint });
      }
      return new DataError(`no such ${what}`, { file, hint: await whatIsThere(file) });
    }
    case 'EISDIR':
      return new DataError('this is a folder, not a file', { file, hint: await whatIsThere(path.join(file, '*')) });
    case 'EACCES':
    case 'EPERM':
      return new DataError(`no permission to read this ${what}`, { file });
    default:
      return isSystemError(error) ? unreadable(error, file) : error;
  }
}

function unreadable(error: unknown, file: string): DataError {
  const { problem, hint } = explainSystemError(error);
  return new DataError(`cannot be read: ${problem}`, { file, hint });
}

/** The target of the symbolic link `file`; undefined if it is not a link. */
async function linkTarget(file: string): Promise<string | undefined> {
  try {
    return (await lstat(file)).isSymbolicLink() ? await readlink(file) : undefined;
  } catch {
    return undefined;
  }
}

/** A hint: the most similar name in the file's folder, else what the folder holds, else that there is no such folder. */
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
