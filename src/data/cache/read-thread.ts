/** The thread of `ReadAhead`: reads windows of records on request. */
import { readSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { type ReadThreadData, WORDS } from './read-exchange.js';

const { fd, size, words, rows, windows } = workerData as ReadThreadData;
/** Gaps between records below this many bytes are read too: that takes no longer than another call. */
const GAP = 2 ** 14;
/** Bytes per read call. */
const BLOCK = 2 ** 18;
/** Words per record if it is small enough to copy word by word; else 0. */
const wordsEach = size % 4 === 0 && size <= 512 ? size / 4 : 0;
const block = new Uint8Array(BLOCK);
const blockWords = new Int32Array(block.buffer);

const room = (): Int32Array => new Int32Array(rows[0].length);
// One slot per record; each sorting pass goes from one pair to the other.
let [sorted, places] = [room(), room()];
let [nextSorted, nextPlaces] = [room(), room()];
/** Bits per sorting pass. */
const DIGIT = 12;
const starts = new Int32Array(2 ** DIGIT);

/** LSD radix sort; places[i] is the window position of sorted[i]. */
function sort(rows: Int32Array, count: number): void {
  let highest = 0;
  for (let i = 0; i < count; i++) {
    sorted[i] = rows[i];
    places[i] = i;
    if (rows[i] > highest) highest = rows[i];
  }
  for (let shift = 0; shift < 31 && highest >> shift > 0; shift += DIGIT) {
    starts.fill(0);
    for (let i = 0; i < count; i++) starts[(sorted[i] >> shift) & (starts.length - 1)]++;
    for (let digit = 0, end = 0; digit < starts.length; digit++) {
      end += starts[digit];
      starts[digit] = end - starts[digit];
    }
    for (let i = 0; i < count; i++) {
      const to = starts[(sorted[i] >> shift) & (starts.length - 1)]++;
      nextSorted[to] = sorted[i];
      nextPlaces[to] = places[i];
    }
    [sorted, nextSorted] = [nextSorted, sorted];
    [places, nextPlaces] = [nextPlaces, places];
  }
}

/** Reads `count` bytes at `position` of the file into the buffer at `start`. */
function read(into: Uint8Array, start: number, count: number, position: number): void {
  for (let done = 0; done < count;) {
    const got = readSync(fd, into, start + done, count - done, position + done);
    if (got === 0) throw new Error('the file is too short');
    done += got;
  }
}

/** Reads the first `count` of `rows` into `window`. */
function fill(rows: Int32Array, window: Uint8Array, count: number): void {
  const windowWords = new Int32Array(window.buffer, 0, window.length >> 2);
  sort(rows, count);
  for (let i = 0; i < count;) {
    const first = sorted[i];
    let [end, last] = [i + 1, first];
    for (; end < count; end++) {
      const row = sorted[end];
      if ((row - last - 1) * size > GAP || (row + 1 - first) * size > BLOCK) break;
      last = row;
    }
    if (end === i + 1) read(window, places[i] * size, size, first * size);
    else {
      read(block, 0, (last + 1 - first) * size, first * size);
      for (let k = i; k < end && wordsEach > 0; k++) {
        const from = (sorted[k] - first) * wordsEach;
        const to = places[k] * wordsEach;
        for (let w = 0; w < wordsEach; w++) windowWords[to + w] = blockWords[from + w];
      }
      for (let k = i; k < end && wordsEach === 0; k++) {
        const from = (sorted[k] - first) * size;
        window.set(block.subarray(from, from + size), places[k] * size);
      }
    }
    i = end;
  }
}

Atomics.store(words, WORDS.isRunning, 1);
for (let seen = 0; ;) {
  Atomics.wait(words, WORDS.requested, seen);
  seen = Atomics.load(words, WORDS.requested);
  if (seen < 0) break;
  const buffer = words[WORDS.buffer] as 0 | 1;
  try {
    fill(rows[buffer], windows[buffer], words[WORDS.count]);
  } catch {
    Atomics.store(words, WORDS.hasFailed, 1);
  }
  Atomics.store(words, WORDS.done, seen);
  Atomics.notify(words, WORDS.done);
}
