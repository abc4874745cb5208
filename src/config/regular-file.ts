/**
 * Opens files named by a user, a config or a checkpoint. Only regular ones: a FIFO blocks until there is a writer,
 * and a device such as /dev/zero never ends.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Neither a regular file nor a folder (for which the error is Node's EISDIR). */
export class IrregularFileError extends Error {
  /** Such as `a FIFO`. */
  readonly kind: string;

  constructor(stat: Stats) {
    const kind = stat.isFIFO() ? 'a FIFO' : stat.isSocket() ? 'a socket' : 'a device';
    super(`this is ${kind}, not a file`);
    this.name = 'IrregularFileError';
    this.kind = kind;
  }
}

/** A file too large to read at once. */
export class FileTooLargeError extends Error {
  constructor(
    readonly size: number,
    readonly most: number,
  ) {
    super(`the file has ${size} bytes, and at most ${most} are read at once`);
    this.name = 'FileTooLargeError';
  }
}

/** Opening a FIFO would block. No effect on regular files; undefined on Windows. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** More than this is not read into one buffer: neither do Node 20 and its hashes take more. */
const LARGEST = 2 ** 31 - 1;
/** The system's limit per read call. */
const MOST_AT_ONCE = 1 << 30;

function checkRegular(stat: Stats, path: string): void {
  if (stat.isDirectory()) {
    throw Object.assign(new Error(`EISDIR: illegal operation on a directory, read '${path}'`), { code: 'EISDIR' });
  }
  if (!stat.isFile()) throw new IrregularFileError(stat);
}

/** The descriptor of the regular file at `path`, for reading, and its size. Throws IrregularFileError and system errors. */
export function openRegularSync(path: string): { readonly descriptor: number; readonly size: number } {
  const descriptor = openSync(path, FLAGS);
  try {
    const stat = fstatSync(descriptor);
    checkRegular(stat, path);
    return { descriptor, size: stat.size };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** A handle of the regular file at `path`, for reading, and its size. Throws IrregularFileError and system errors. */
export async function openRegular(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  const handle = await open(path, FLAGS);
  try {
    const stat = await handle.stat();
    checkRegular(stat, path);
    return { handle, size: stat.size };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The regular file at `path`, whose size is checked before memory is allocated. Throws FileTooLargeError too. */
export function readRegularSync(path: string, most = LARGEST): Buffer {
  const { descriptor, size } = openRegularSync(path);
  try {
    if (size > most) throw new FileTooLargeError(size, most);
    const bytes = Buffer.allocUnsafeSlow(size);
    let done = 0;
    for (let read = -1; done < size && read !== 0; done += read) {
      read = readSync(descriptor, bytes, done, Math.min(MOST_AT_ONCE, size - done), done);
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(descriptor);
  }
}

/** `readRegularSync`, without waiting. */
export async function readRegular(path: string, most = LARGEST): Promise<Buffer> {
  const { handle, size } = await openRegular(path);
  try {
    if (size > most) throw new FileTooLargeError(size, most);
    return await readFully(handle, 0, size);
  } finally {
    await handle.close();
  }
}

/** The bytes from `start` to `end` of an opened file, or as many of them as there are. */
export async function readFully(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(end - start);
  let done = 0;
  for (let read = -1; done < bytes.length && read !== 0; done += read) {
    ({ bytesRead: read } = await handle.read(bytes, done, Math.min(MOST_AT_ONCE, bytes.length - done), start + done));
  }
  return bytes.subarray(0, done);
}

/** What comes in on stdin, up to one byte more than `most`: the writer may never end. */
export function readStdinSync(most: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(most + 1);
  let done = 0;
  for (let read = -1; done < bytes.length && read !== 0; done += read) {
    read = readSync(0, bytes, done, bytes.length - done, null);
  }
  return bytes.subarray(0, done);
}
