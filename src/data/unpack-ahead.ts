/**
 * Unpacks gzip files on a worker thread while the program that will use them is still loading. Nothing depends
 * on it: a file that cannot be unpacked ahead is read later, and errors are reported then.
 */
import { closeSync, readSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openRegularSync } from '../config/regular-file.js';
import { canHold } from './formats/unpacking.js';
import { workerFile } from '../tensor/worker-file.js';
import type { UnpackResult, UnpackRequest } from './unpack-thread.js';

export interface UnpackedFile {
  readonly content: Uint8Array;
  /** SHA-256 of the bytes on disk, in hex. */
  readonly sha256: string;
}

/** Larger files are not unpacked ahead. */
const MOST_BYTES = 128 * 2 ** 20;

/** A file that is being unpacked: its content is not visible before it is complete. */
class PendingFile {
  readonly whole: Promise<UnpackedFile | undefined>;
  private resolve: (file: UnpackedFile | undefined) => void = () => {};

  constructor(readonly content: Uint8Array) {
    this.whole = new Promise((resolve) => (this.resolve = resolve));
  }

  /** No hash means failure. */
  end(sha256: string | undefined): void {
    this.resolve(sha256 === undefined ? undefined : { content: this.content, sha256 });
  }
}

export class UnpackedFiles {
  private readonly pending = new Map<string, PendingFile>();
  private readonly worker = new Worker(workerFile('data/unpack-thread'));
  private isRunning = true;
  private waiting = 0;

  /** Starts the thread; since that takes a while, possibly before the files are known. */
  constructor() {
    const { worker, pending } = this;
    worker.on('message', ({ file, sha256 }: UnpackResult) => pending.get(file)?.end(sha256));
    const end = (): void => {
      this.isRunning = false;
      for (const file of pending.values()) file.end(undefined);
    };
    worker.on('error', end);
    worker.on('exit', end);
    // The thread must not keep the process alive. (Listening does: this comes last.)
    worker.unref();
  }

  /** Unpacks the gzip files at these absolute paths into memory from `reserve`; call once. */
  begin(files: readonly string[], reserve: (bytes: number) => Uint8Array): void {
    for (const file of this.isRunning ? files : []) {
      const size = unpackedSize(file);
      if (size !== undefined) this.pending.set(file, new PendingFile(reserve(size)));
    }
    // They are unpacked in parallel, the largest first.
    const packed = [...this.pending].map(([file, { content }]): UnpackRequest => ({ file, content }));
    this.worker.postMessage(packed.sort((a, b) => b.content.length - a.content.length));
  }

  /** The file at this absolute path, once it is unpacked; undefined if it was not requested or failed. */
  async take(file: string): Promise<UnpackedFile | undefined> {
    const entry = this.pending.get(file);
    if (entry === undefined) return undefined;
    // Keeps the process alive until it arrives.
    if (this.waiting++ === 0) this.worker.ref();
    try {
      return await entry.whole;
    } finally {
      if (--this.waiting === 0) this.worker.unref();
    }
  }
}

let started: UnpackedFiles | undefined;

/** Starts the thread of the command to come: it takes longer to start than most modules to load. */
export function startUnpacking(): void {
  started ??= new UnpackedFiles();
}

/** The one that was started, for one command only; a new one for the next. */
export function takeUnpackedFiles(): UnpackedFiles {
  const taken = started ?? new UnpackedFiles();
  started = undefined;
  return taken;
}

/** The size in a gzip file's trailer (RFC 1952, ISIZE); if it is wrong, unpacking fails. */
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
