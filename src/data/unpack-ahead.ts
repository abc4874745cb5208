/**
 * Packed files are unpacked by a thread of its own while the program that is going to use them is still being loaded. Nothing depends
 * on it: a file that cannot be unpacked ahead is read in its turn, and whoever reads it then says what is wrong.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

export interface UnpackedFile {
  /** What is packed in the file; its first bytes are there, the others come. */
  readonly content: Uint8Array;
  /** Once all of it is there, and as the checksum says: the hash of the bytes on disk, in hex. Undefined where something is wrong. */
  readonly sha256: Promise<string | undefined>;
}

/** Larger files are not unpacked ahead. */
const MOST_BYTES = 128 * 2 ** 20;
/** Bytes that are unpacked at once. */
const CHUNK = 2 ** 20;

/**
 * Unpacks one file after the other to where it is told; says of each when it has begun, and at the end its hash, or that something
 * is wrong.
 */
const THREAD_SOURCE = `
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
const { createGunzip } = require('node:zlib');
const unpack = async (file, content) => {
  const bytes = readFileSync(file);
  const unpacked = createGunzip({ chunkSize: workerData });
  unpacked.end(bytes);
  // While the first piece is being unpacked.
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  let at = 0;
  for await (const piece of unpacked) {
    content.set(piece, at); // Throws where there is more than fits.
    if (at === 0) parentPort.postMessage({ file });
    at += piece.length;
  }
  return at === content.length ? sha256 : undefined;
};
parentPort.once('message', async (files) => {
  for (const { file, content } of files) {
    const sha256 = await unpack(file, content).catch(() => undefined);
    parentPort.postMessage({ file, end: { sha256 } });
  }
});
`;

/** What the thread says of a file. */
interface News {
  readonly file: string;
  /** Absent where it has begun. */
  readonly end?: { readonly sha256?: string };
}

class Coming {
  readonly begun: Promise<void>;
  readonly sha256: Promise<string | undefined>;
  private begin: () => void = () => {};
  private end: (sha256: string | undefined) => void = () => {};

  constructor(readonly content: Uint8Array) {
    this.begun = new Promise((resolve) => (this.begin = resolve));
    this.sha256 = new Promise((resolve) => (this.end = resolve));
  }

  tell(end: News['end']): void {
    this.begin();
    if (end !== undefined) this.end(end.sha256);
  }
}

export class UnpackedFiles {
  private readonly coming = new Map<string, Coming>();
  private readonly worker = new Worker(THREAD_SOURCE, { eval: true, workerData: CHUNK });
  private isRunning = true;
  private waiting = 0;

  /** Starts the thread, which takes a while, so this may be before the files are known. */
  constructor() {
    const { worker, coming } = this;
    worker.on('message', ({ file, end }: News) => coming.get(file)?.tell(end));
    const end = (): void => {
      this.isRunning = false;
      for (const file of coming.values()) file.tell({});
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
      if (size !== undefined) this.coming.set(file, new Coming(reserve(size)));
    }
    // So that all have soon begun.
    const packed = [...this.coming].map(([file, { content }]) => ({ file, content }));
    this.worker.postMessage(packed.sort((a, b) => a.content.length - b.content.length));
  }

  /** The file at this absolute path, once it has begun to be unpacked; undefined where it is not. */
  async take(file: string): Promise<UnpackedFile | undefined> {
    const coming = this.coming.get(file);
    if (coming === undefined) return undefined;
    const sha256 = this.awaited(coming.sha256);
    await coming.begun;
    return { content: coming.content, sha256 };
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
    opened = openSync(file, 'r');
    const { size } = fstatSync(opened);
    const last = Buffer.alloc(4);
    if (size > MOST_BYTES || readSync(opened, last, 0, 4, size - 4) < 4) return undefined;
    const unpacked = last.readUInt32LE();
    return unpacked > MOST_BYTES ? undefined : unpacked;
  } catch {
    return undefined;
  } finally {
    if (opened !== undefined) closeSync(opened);
  }
}
