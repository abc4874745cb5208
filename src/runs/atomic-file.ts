import { randomBytes } from 'node:crypto';
import {
  close,
  closeSync,
  fsync,
  fsyncSync,
  open,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FileWriteError } from './file-error.js';

const temporaryName = /^\..+\.[0-9a-f]{12}\.tmp$/;

/**
 * Replaces the file at `path` by `data` so that a reader, or a crash at any moment, sees the old content or the
 * new one and never a part: write a temporary file beside it, fsync, rename, fsync the folder. `data` may be a
 * list of pieces, written one after the other. Throws `FileWriteError` and leaves the old file as it was.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): void {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const pieces = typeof data === 'string' ? [Buffer.from(data)] : data instanceof Uint8Array ? [data] : data;
  try {
    writeNewFile(temporary, pieces);
    renameSync(temporary, path);
    syncFolder(folder);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new FileWriteError(path, error);
  }
}

/** Deletes the temporary files that writes cut off by a crash have left in `folder`. */
export function removeTemporaryFiles(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (temporaryName.test(name)) rmSync(join(folder, name), { force: true });
  }
}

/** Writes all of `bytes` at the file's position; one call of `write` may take only a part. */
export function writeFully(descriptor: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength;) {
    done += writeSync(descriptor, bytes, done, Math.min(bytes.byteLength - done, largestWrite));
  }
}

/** Linux writes at most 2 GiB less a page at a time, and Node refuses to ask for more. */
const largestWrite = 1 << 30;

function writeNewFile(path: string, pieces: readonly Uint8Array[]): void {
  const descriptor = openSync(path, 'wx');
  try {
    for (const piece of pieces) writeFully(descriptor, piece);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** As `syncFolder`, while the caller continues: for a folder whose loss a crash may cost, as there is nothing in it yet. */
export function syncFolderLater(folder: string): void {
  if (process.platform === 'win32') return;
  open(folder, 'r', (failed, descriptor) => {
    if (failed === null) fsync(descriptor, () => close(descriptor));
  });
}

/** Makes the rename itself durable. Windows cannot open a folder, and needs no such call. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
