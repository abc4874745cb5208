/**
 * A temporary file for what does not fit in memory. Its name is removed as soon as it is open, so that nothing is left of it
 * however the process ends: the room on disk goes back with the last descriptor.
 */
import { closeSync, openSync, readSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DataError } from '../data-error.js';

let made = 0;

export class ScratchFile {
  /** Of the open file. */
  readonly descriptor: number;
  private readonly name: string;
  private length = 0;
  private isOpen = true;

  /** In `folder`, else in the system's folder for such files. Throws DataError where that cannot be written to. */
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
      // Where an open file keeps its name, it goes when the process ends.
      process.once('exit', () => rmSync(this.name, { force: true }));
    }
  }

  /** One more in the same folder. */
  another(): ScratchFile {
    return new ScratchFile(this.folder);
  }

  /** Writes `bytes` at the end; where that is. */
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

  /** Fills `bytes` from `start` on, `count` of them, with what was written at `at`. */
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
    const hint = 'name a folder with room by data.cache_dir, or by TMPDIR';
    const problem = {
      ENOSPC: 'no room left on the disk for the temporary file of data.cache: disk',
      EDQUOT: 'no room left in the quota for the temporary file of data.cache: disk',
      ENOENT: 'there is no such folder for the temporary file of data.cache: disk',
      ENOTDIR: 'there is no such folder for the temporary file of data.cache: disk',
      EACCES: 'no permission to write the temporary file of data.cache: disk',
      EROFS: 'no permission to write the temporary file of data.cache: disk',
      EFBIG: 'the temporary file of data.cache: disk is larger than the file system allows',
    }[code ?? ''];
    return problem === undefined ? error : new DataError(problem, { file: path.dirname(this.name), hint });
  }
}
