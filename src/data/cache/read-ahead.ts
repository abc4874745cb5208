/**
 * Prefetches the records of a file on a worker thread: while one window is being consumed, the next one is
 * filled. A window is read in file order, so that neighbouring records come with one call and the disk makes
 * one sweep per window instead of one seek per record.
 */
import { Worker } from 'node:worker_threads';
import { workerFile } from '../../tensor/worker-file.js';
import { type ReadThreadData, WORDS } from './read-exchange.js';

/** Bytes per window; there are two. */
const WINDOW = 2 ** 25;
/** The first window is small, so that it is ready soon; each next one is twice as large. */
const FIRST_WINDOW = 2 ** 20;
/** More records per window are no faster, and the thread needs 24 bytes for each. */
const MOST_RECORDS = 2 ** 20;
/** Timeout in milliseconds, longer than the slowest disk takes for a window. */
const PATIENCE = 60_000;

/** Samples of an epoch in their order: sample i is record all[order[i]]. */
interface Expected {
  readonly order: Int32Array;
  readonly all: Int32Array;
  readonly batchSize: number;
}

/** A window: the expected samples from `first` to `end`. */
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
  /** The next sample. */
  private next = 0;
  /** The window being consumed, and the one being filled. */
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
    // Fall back to reading records on demand, which reports what is wrong with the file.
    worker.on('error', () => (this.isUsable = false));
  }

  /** Sets the samples to prefetch, in batches of `batchSize`. */
  expect(order: Int32Array, all: Int32Array, batchSize: number): void {
    if (this.coming !== undefined) this.wait();
    this.coming = undefined;
    this.current = { first: 0, end: 0, buffer: 1 };
    this.next = 0;
    this.expected = batchSize > this.capacity ? undefined : { order, all, batchSize };
    this.request();
  }

  /** The bytes of the records `rows`, valid until the next call; undefined if they were not expected next or could not be read. */
  take(rows: Int32Array): Uint8Array | undefined {
    if (!this.isUsable || this.expected === undefined) return undefined;
    const { order, all } = this.expected;
    const first = this.next;
    if (first + rows.length > order.length) return undefined;
    for (let i = 0; i < rows.length; i++) if (rows[i] !== all[order[first + i]]) return undefined;
    this.next += rows.length;
    // Do not wait for a thread that is still starting.
    if (Atomics.load(this.words, WORDS.isRunning) === 0) return undefined;
    while (first >= this.current.end) if (!this.turn()) return undefined;
    const { current, size } = this;
    if (first + rows.length > current.end) return undefined;
    return this.windows[current.buffer].subarray(
      (first - current.first) * size,
      (first + rows.length - current.first) * size,
    );
  }

  /** Stops the thread after its current read. */
  close(): void {
    if (this.coming !== undefined) this.wait();
    this.isUsable = false;
    Atomics.store(this.words, WORDS.requested, -1);
    Atomics.notify(this.words, WORDS.requested);
  }

  /** Advances to the next window; false if there is none. */
  private turn(): boolean {
    if (this.coming === undefined || !this.wait()) return false;
    this.current = this.coming;
    this.request();
    return true;
  }

  /** Requests the window after the current one. */
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

  /** Waits for the last request; false if it failed. */
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
