/**
 * Packed files are unpacked by a thread of its own while the program that is going to use them is still being loaded. Nothing depends
 * on it: a file that cannot be unpacked ahead is read in its turn, and whoever reads it then says what is wrong.
 */
import { closeSync, readSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openRegularSync } from '../config/regular-file.js';
import { canHold } from './formats/unpacking.js';
import { workerFile } from '../tensor/worker-file.js';
import type { UnpackProgress, UnpackRequest } from './unpack-thread.js';

export interface UnpackedFile {
  /** What is packed in the file; its first bytes are there, the others come. */
  readonly content: Uint8Array;
  /** Once all of it is there, and as the checksum says: the hash of the bytes on disk, in hex. Undefined where something is wrong. */
  readonly sha256: Promise<string | undefined>;
}

/** Larger files are not unpacked ahead. */
const MOST_BYTES = 128 * 2 ** 20;
class PendingFile {
  readonly begun: Promise<void>;
  readonly sha256: Promise<string | undefined>;
  private begin: () => void = () => {};
  private end: (sha256: string | undefined) => void = () => {};

  constructor(readonly content: Uint8Array) {
    this.begun = new Promise((resolve) => (this.begin = resolve));
    this.sha256 = new Promise((resolve) => (this.end = resolve));
  }

  tell(end: UnpackProgress['end']): void {
    this.begin();
    if (end !== undefined) this.end(end.sha256);
  }
}

export class UnpackedFiles {
  private readonly pending = new Map<string, PendingFile>();
  private readonly worker = new Worker(workerFile('data/unpack-thread'));
  private isRunning = true;
  private waiting = 0;

  /** Starts the thread, which takes a while, so this may be before the files are known. */
  constructor() {
    const { worker, pending } = this;
    worker.on('message', ({ file, end }: UnpackProgress) => pending.get(file)?.tell(end));
    const end = (): void => {
      this.isRunning = false;
      for (const file of pending.values()) file.tell({});
    };
    worker.on('error', end);
    worker.on('exit', end);
    // Nobody waits for it unless for a file. (Listening makes the process wait: this comes last.)
    worker.unref();
  }

  /** Unpacks the gzip files at these absolute paths, the smallest first, into memory from `reserve`; to be called once. */
  begin(files: readonly string[], reserve: (bytes: number) => Uint8Array): void {
    for (const file of this.isRunning ? files : []) {
      const size = unpackedSize(file);
      if (size !== undefined) this.pending.set(file, new PendingFile(reserve(size)));
    }
    // So that all have soon begun.
    const packed = [...this.pending].map(([file, { content }]): UnpackRequest => ({ file, content }));
    this.worker.postMessage(packed.sort((a, b) => a.content.length - b.content.length));
  }

  /** The file at this absolute path, once it has begun to be unpacked; undefined where it is not. */
  async take(file: string): Promise<UnpackedFile | undefined> {
    const entry = this.pending.get(file);
    if (entry === undefined) return undefined;
    const sha256 = this.awaited(entry.sha256);
    await entry.begun;
    return { content: entry.content, sha256 };
  }

  /** The process lives on until it is there. */
  private async awaited<T>(promise: Promise<T>): Promise<T> {
    if (this.waiting++ === 0) this.worker.ref();
    try {
      return await promise;
    } finally {
      if (--this.waiting === 0) this.worker.unref();
    }
  }
}

/** What a gzip file says at its end (RFC 1952, ISIZE); where that is wrong, unpacking ends in an error. */
function unpackedSize(file: string): number | undefined {
  let opened: number | undefined;
  try {
    const { descriptor, size } = openRegularSync(file);
    opened = descriptor;
    const last = Buffer.alloc(4);
    if (size > MOST_BYTES || readSync(opened, last, 0, 4, size - 4) < 4) return undefined;
    const unpacked = last.readUInt32LE();
    return unpacked > MOST_BYTES || !canHold(size, unpacked) ? undefined : unpacked;
  } catch {
    return undefined;
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}
