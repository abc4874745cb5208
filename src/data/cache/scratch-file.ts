/**
 * A temporary file for what does not fit in memory. It is unlinked as soon as it is open, so that nothing is left behind
 * however the process ends: the space is freed with the last descriptor.
 */
import { closeSync, openSync, readSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DataError } from '../data-error.js';

let made = 0;

export class ScratchFile {
  /** File descriptor. */
  readonly descriptor: number;
  private readonly name: string;
  private length = 0;
  private isOpen = true;

  /** In `folder`, else in the system's temporary folder. Throws DataError if that is not writable. */
  constructor(private readonly folder?: string) {
    this.name = path.join(folder ?? tmpdir(), `nn-${process.pid}-${made++}.tmp`);
    try {
      this.descriptor = openSync(this.name, 'wx+', 0o600);
    } catch (error) {
      throw this.explained(error);
    }
    try {
      unlinkSync(this.name);
    } catch {
      // Where an open file cannot be unlinked, it is removed when the process ends.
      process.once('exit', () => rmSync(this.name, { force: true }));
    }
  }

  /** Another file in the same folder. */
  another(): ScratchFile {
    return new ScratchFile(this.folder);
  }

  /** Appends `bytes`; returns their offset. */
  append(bytes: Uint8Array): number {
    const at = this.length;
    this.write(bytes, at);
    return at;
  }

  write(bytes: Uint8Array, at: number): void {
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, at + done);
    } catch (error) {
      throw this.explained(error);
    }
    this.length = Math.max(this.length, at + bytes.length);
  }

  /** Reads `count` bytes at offset `at` into `bytes` from `start`. */
  read(bytes: Uint8Array, start: number, count: number, at: number): void {
    for (let done = 0; done < count;) {
      const got = readSync(this.descriptor, bytes, start + done, count - done, at + done);
      if (got === 0) throw new Error(`the temporary file ${this.name} is shorter than what was written to it`);
      done += got;
    }
  }

  close(): void {
    if (this.isOpen) closeSync(this.descriptor);
    this.isOpen = false;
  }

  private explained(error: unknown): unknown {
    const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
    const hint = 'set data.cache_dir or TMPDIR to a folder with enough space';
    const problem = {
      ENOSPC: 'no space left on the disk for the temporary file of data.cache: disk',
      EDQUOT: 'disk quota exceeded by the temporary file of data.cache: disk',
      ENOENT: 'no such folder for the temporary file of data.cache: disk',
      ENOTDIR: 'no such folder for the temporary file of data.cache: disk',
      EACCES: 'no permission to write the temporary file of data.cache: disk',
      EROFS: 'no permission to write the temporary file of data.cache: disk',
      EFBIG: 'the temporary file of data.cache: disk is larger than the file system allows',
    }[code ?? ''];
    return problem === undefined ? error : new DataError(problem, { file: path.dirname(this.name), hint });
  }
}
