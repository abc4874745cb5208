/**
 * Packed files are unpacked by a thread of its own while the program that is going to use them is still being loaded. Nothing depends
 * on it: a file that cannot be unpacked ahead is read in its turn, and whoever reads it then says what is wrong.
 */
import { closeSync, readSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openRegularSync } from '../config/regular-file.js';
import { canHold } from './formats/unpacking.js';
import { workerFile } from '../tensor/worker-file.js';
import type { UnpackResult, UnpackRequest } from './unpack-thread.js';

export interface UnpackedFile {
  readonly content: Uint8Array;
  /** Of the bytes on disk, in hex. */
  readonly sha256: string;
}

/** Larger files are not unpacked ahead. */
const MOST_BYTES = 128 * 2 ** 20;

/** A file that is being unpacked: nobody sees its content before it is whole. */
class PendingFile {
  readonly whole: Promise<UnpackedFile | undefined>;
  private resolve: (file: UnpackedFile | undefined) => void = () => {};

  constructor(readonly content: Uint8Array) {
    this.whole = new Promise((resolve) => (this.resolve = resolve));
  }

  /** Without a hash, something is wrong. */
  end(sha256: string | undefined): void {
    this.resolve(sha256 === undefined ? undefined : { content: this.content, sha256 });
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
    worker.on('message', ({ file, sha256 }: UnpackResult) => pending.get(file)?.end(sha256));
    const end = (): void => {
      this.isRunning = false;
      for (const file of pending.values()) file.end(undefined);
    };
    worker.on('error', end);
    worker.on('exit', end);
    // Nobody waits for it unless for a file. (Listening makes the process wait: this comes last.)
    worker.unref();
  }

  /** Unpacks the gzip files at these absolute paths into memory from `reserve`; to be called once. */
  begin(files: readonly string[], reserve: (bytes: number) => Uint8Array): void {
    for (const file of this.isRunning ? files : []) {
      const size = unpackedSize(file);
      if (size !== undefined) this.pending.set(file, new PendingFile(reserve(size)));
    }
    // They are unpacked side by side: the longest begins first.
    const packed = [...this.pending].map(([file, { content }]): UnpackRequest => ({ file, content }));
    this.worker.postMessage(packed.sort((a, b) => b.content.length - a.content.length));
  }

  /** The file at this absolute path, once it is unpacked; undefined where it is not, or something is wrong with it. */
  async take(file: string): Promise<UnpackedFile | undefined> {
    const entry = this.pending.get(file);
    if (entry === undefined) return undefined;
    // The process lives on until it is there.
    if (this.waiting++ === 0) this.worker.ref();
    try {
      return await entry.whole;
    } finally {
      if (--this.waiting === 0) this.worker.unref();
    }
  }
}

let first: UnpackedFiles | undefined;

/** The one that a command uses, its thread started when this is first called: it takes longer to start than most modules to load. */
export const unpackedFiles = (): UnpackedFiles => (first ??= new UnpackedFiles());

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
