/**
 * Reads the records of a file before they are asked for, on a thread of its own: while a window of them is used up, the next one is
 * filled. A window is read in the order of the file, so that records which lie near each other come with one call, and a disk sees
 * one sweep a window instead of a jump a record.
 */
import { Worker } from 'node:worker_threads';
import { workerFile } from '../../tensor/worker-file.js';
import { type ReadThreadData, WORDS } from './read-exchange.js';

/** Bytes of a window; there are two. */
const WINDOW = 2 ** 25;
/** The first one is small, so that it is soon there, and each is twice as large as the one before. */
const FIRST_WINDOW = 2 ** 20;
/** More in a window than this is no faster, and the thread needs 24 bytes for each. */
const MOST_RECORDS = 2 ** 20;
/** Longer than the slowest disk takes for a window, in milliseconds; what lasts longer is no longer waited for. */
const PATIENCE = 60_000;

/** Samples of an epoch in their order: sample i is record all[order[i]]. */
interface Expected {
  readonly order: Int32Array;
  readonly all: Int32Array;
  readonly batchSize: number;
}

/** What a window holds: the expected samples from `first` to `end`. */
interface ReadWindow {
  readonly first: number;
  readonly end: number;
  readonly buffer: 0 | 1;
}

export class ReadAhead {
  private readonly words = new Int32Array(new SharedArrayBuffer(4 * WORDS.length));
  private readonly capacity: number;
  private readonly rows: readonly [Int32Array, Int32Array];
  private readonly windows: readonly [Uint8Array, Uint8Array];
  private expected: Expected | undefined;
  private isUsable = true;
  /** The sample to come. */
  private next = 0;
  /** The window that is used up, and the one that is being filled. */
  private current: ReadWindow = { first: 0, end: 0, buffer: 1 };
  private coming: ReadWindow | undefined;

  /** `records` of `size` bytes each are in the file `fd`. */
  constructor(
    fd: number,
    private readonly size: number,
    records: number,
  ) {
    this.capacity = Math.max(1, Math.min(records, MOST_RECORDS, Math.floor(WINDOW / size)));
    const make = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * this.capacity));
    const room = (): Uint8Array => new Uint8Array(new SharedArrayBuffer(size * this.capacity));
    this.rows = [make(), make()];
    this.windows = [room(), room()];
    const { words, rows, windows } = this;
    const workerData: ReadThreadData = { fd, size, words, rows, windows };
    const worker = new Worker(workerFile('data/cache/read-thread'), { workerData });
    worker.unref();
    // Then the records are read where they are asked for, and what is wrong with the file is told there.
    worker.on('error', () => (this.isUsable = false));
  }

  /** Says what will be asked for, in batches of `batchSize`, from now on. */
  expect(order: Int32Array, all: Int32Array, batchSize: number): void {
    if (this.coming !== undefined) this.wait();
    this.coming = undefined;
    this.current = { first: 0, end: 0, buffer: 1 };
    this.next = 0;
    this.expected = batchSize > this.capacity ? undefined : { order, all, batchSize };
    this.request();
  }

  /** The bytes of the records `rows`, until the next call; undefined where they are not what was to come, or not to be had. */
  take(rows: Int32Array): Uint8Array | undefined {
    if (!this.isUsable || this.expected === undefined) return undefined;
    const { order, all } = this.expected;
    const first = this.next;
    if (first + rows.length > order.length) return undefined;
    for (let i = 0; i < rows.length; i++) if (rows[i] !== all[order[first + i]]) return undefined;
    this.next += rows.length;
    // Nobody waits for a thread that is still starting.
    if (Atomics.load(this.words, WORDS.isRunning) === 0) return undefined;
    while (first >= this.current.end) if (!this.turn()) return undefined;
    const { current, size } = this;
    if (first + rows.length > current.end) return undefined;
    return this.windows[current.buffer].subarray(
      (first - current.first) * size,
      (first + rows.length - current.first) * size,
    );
  }

  /** Ends the thread once it has done what it is doing. */
  close(): void {
    if (this.coming !== undefined) this.wait();
    this.isUsable = false;
    Atomics.store(this.words, WORDS.requested, -1);
    Atomics.notify(this.words, WORDS.requested);
  }

  /** Goes on to the next window; false where there is none. */
  private turn(): boolean {
    if (this.coming === undefined || !this.wait()) return false;
    this.current = this.coming;
    this.request();
    return true;
  }

  /** Has the window after the current one filled. */
  private request(): void {
    this.coming = undefined;
    if (this.expected === undefined || !this.isUsable) return;
    const { order, all, batchSize } = this.expected;
    const { first: before, end: first, buffer: used } = this.current;
    if (first === order.length) return;
    const wished = Math.max(Math.floor(FIRST_WINDOW / this.size), 2 * (first - before), batchSize);
    const batches = Math.floor(Math.min(wished, this.capacity) / batchSize);
    const end = Math.min(order.length, first + batches * batchSize);
    const buffer = used === 0 ? 1 : 0;
    for (let i = first; i < end; i++) this.rows[buffer][i - first] = all[order[i]];
    this.coming = { first, end, buffer };
    const { words } = this;
    words[WORDS.count] = end - first;
    words[WORDS.buffer] = buffer;
    Atomics.add(words, WORDS.requested, 1);
    Atomics.notify(words, WORDS.requested);
  }

  /** Waits until what was asked for last has been read; false where it could not be. */
  private wait(): boolean {
    const { words } = this;
    const wanted = Atomics.load(words, WORDS.requested);
    for (;;) {
      const done = Atomics.load(words, WORDS.done);
      if (done === wanted || !this.isUsable) break;
      if (Atomics.wait(words, WORDS.done, done, PATIENCE) === 'timed-out') this.isUsable = false;
    }
    if (Atomics.load(words, WORDS.hasFailed) === 1) this.isUsable = false;
    return this.isUsable;
  }
}
