/** Records in a file: what is written is read, whether it is asked for at once or read ahead. */
import { ftruncateSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Records, type RecordLayout } from '../../src/data/records.js';
import { ScratchFile } from '../../src/data/cache/scratch-file.js';
import { hostRandom } from '../../src/tensor/random.js';
import { tempFolder } from './files.js';

const { dir } = tempFolder();
const scratch = path.join(dir, 'scratch');
mkdirSync(scratch);

/** Records of which number i is a function of record and entry, and what they should be. */
function filled(layout: RecordLayout, count: number) {
  const file = new ScratchFile(scratch);
  const records = new Records(file, layout);
  const isFlag = (entry: number): boolean => layout.dtype === 'f32' && layout.isFlag?.(entry) === true;
  const value = (record: number, entry: number): number => {
    if (layout.dtype === 'u8') return (7 * record + entry) % 256;
    return isFlag(entry) ? Number((record + entry) % 3 === 0) : Math.fround(record + entry / 64);
  };
  const { width } = layout;
  const block = (first: number, length: number): Uint8Array | Float32Array => {
    const values = layout.dtype === 'u8' ? new Uint8Array(length * width) : new Float32Array(length * width);
    for (let i = 0; i < values.length; i++) values[i] = value(first + Math.floor(i / width), i % width);
    return values;
  };
  for (let first = 0; first < count; first += 1000) records.write(first, block(first, Math.min(1000, count - first)));
  /** Whether these are the records `rows`. */
  const are = (values: Uint8Array | Float32Array, rows: Int32Array): boolean =>
    values.length === rows.length * width &&
    rows.every((row, i) => {
      for (let entry = 0; entry < width; entry++) if (values[i * width + entry] !== value(row, entry)) return false;
      return true;
    });
  /** Says what is to come when the thread has started, so that it is read ahead. */
  const expectAll = (order: Int32Array, all: Int32Array, batchSize: number): void => {
    records.expect(order, all, batchSize);
    records.expect(order, all, batchSize);
  };
  return { file, records, are, expectAll };
}

const layouts: [string, RecordLayout, number][] = [
  ['bytes', { dtype: 'u8', width: 1001 }, 9000],
  ['few bytes', { dtype: 'u8', width: 3 }, 40_000],
  ['large ones', { dtype: 'u8', width: 70_000 }, 60],
  ['numbers', { dtype: 'f32', width: 300 }, 9000],
  ['numbers and flags', { dtype: 'f32', width: 90, isFlag: (entry) => entry > 2 && entry !== 50 }, 50_000],
];

describe('records', () => {
  it.each(layouts)('give back what was written, in any order: %s', (_, layout, count) => {
    const { records, are } = filled(layout, count);
    expect(records.count).toBe(count);
    for (const rows of [
      [3, 4, 5, 1],
      [count - 1, 0],
      [7, 7],
    ].map((list) => Int32Array.from(list)))
      expect(are(records.read(rows), rows)).toBe(true);
    records.close();
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('take a bit for what is 0 or 1, and refuse what it is not', () => {
    const file = new ScratchFile(scratch);
    const records = new Records(file, { dtype: 'f32', width: 34, isFlag: (entry) => entry > 0 });
    const first = file.append(new Uint8Array(0));
    records.write(0, new Float32Array(34 * 10).fill(1));
    expect(file.append(new Uint8Array(0)) - first).toBe(10 * 4 * (1 + 2));
    expect(() => records.write(0, new Float32Array(34).fill(0.5))).toThrow('entry 1 is 0.5, expected 0 or 1');
    records.close();
  });
});

describe('records that are read ahead', () => {
  it.each(layouts)('are those that are read at once, over several windows: %s', (_, layout, count) => {
    const { records, are, expectAll } = filled(layout, count);
    const random = hostRandom(3, 'read ahead');
    const all = random.permutation(count).subarray(0, count - 5);
    for (const batchSize of [50, 7]) {
      const order = random.permutation(all.length).subarray(3);
      expectAll(order, all, batchSize);
      for (let first = 0; first < order.length; first += batchSize) {
        const rows = order.subarray(first, first + batchSize).map((i) => all[i]);
        expect(are(records.read(rows), rows)).toBe(true);
      }
    }
    records.close();
  });

  it('need not be those that were expected', () => {
    const { records, are, expectAll } = filled({ dtype: 'f32', width: 5 }, 3000);
    const order = hostRandom(4, 'order').permutation(3000);
    expectAll(order, order, 10);
    const read = (rows: Int32Array): void => expect(are(records.read(rows), rows)).toBe(true);
    const batch = (i: number): Int32Array => order.subarray(10 * i, 10 * i + 10).map((row) => order[row]);
    read(batch(0));
    read(Int32Array.of(5, 1));
    read(batch(1));
    read(batch(2).subarray(0, 4));
    records.expect(order.subarray(100), order, 10);
    read(batch(10));
    read(batch(11));
    // More than was said.
    read(order.slice());
    records.close();
  });

  it('are there although the file has gone meanwhile; what cannot be read tells what is wrong', () => {
    const { file, records, are, expectAll } = filled({ dtype: 'u8', width: 1000 }, 4000);
    const all = Int32Array.from({ length: 4000 }, (_, i) => i);
    expectAll(all, all, 100);
    let read = 0;
    const next = (): void => {
      const rows = all.subarray(read, read + 100);
      expect(are(records.read(rows), rows)).toBe(true);
      read += 100;
    };
    next();
    ftruncateSync(file.descriptor, 0);
    expect(() => {
      while (read < 4000) next();
    }).toThrow(/is shorter than what was written to it/);
    // A mebibyte is read at first.
    expect(read).toBeGreaterThanOrEqual(1000);
    records.close();
  });
});
