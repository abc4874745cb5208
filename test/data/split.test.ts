import { describe, expect, it } from 'vitest';
import { splitRows } from '../../src/data/split.js';
import type { Labels } from '../../src/data/labels.js';
import { hostRandom } from '../../src/tensor/random.js';

/** `sizes[i]` samples of class i, mixed. */
function labelsOf(sizes: readonly number[]): Labels {
  const sorted = sizes.flatMap((size, label) => Array<number>(size).fill(label));
  const order = hostRandom(7, 'labels').permutation(sorted.length);
  return { values: sizes.map((_, i) => `class${i}`), codes: order.map((i) => sorted[i]) };
}
const countsOf = (labels: Labels, rows: Int32Array): number[] =>
  labels.values.map((_, label) => rows.filter((row) => labels.codes[row] === label).length);
const allOf = (rows: Int32Array | undefined): Int32Array => rows ?? new Int32Array();

describe('splitRows', () => {
  it('keeps the order of the file where nothing is carved off', () => {
    expect(splitRows('f', 10, {}, 1, undefined)).toEqual({ train: undefined });
  });

  it('takes fractions of the whole file and counts as they are', () => {
    const { train, val, test } = splitRows('f', 150, { val: 30, test: 0.2 }, 1, undefined);
    expect([train?.length, val?.length, test?.length]).toEqual([90, 30, 30]);
  });

  it('shuffles first', () => {
    const { train } = splitRows('f', 1000, { val: 1 }, 1, undefined);
    const rising = allOf(train).filter((row, i, all) => i > 0 && row > all[i - 1]).length;
    expect(rising).toBeGreaterThan(400);
    expect(rising).toBeLessThan(600);
  });

  it('is a function of the seed', () => {
    const sizes = { val: 0.25, test: 0.25 };
    expect(splitRows('f', 100, sizes, 5, undefined)).toEqual(splitRows('f', 100, sizes, 5, undefined));
    expect(splitRows('f', 100, sizes, 5, undefined)).not.toEqual(splitRows('f', 100, sizes, 6, undefined));
  });

  const random = hostRandom(11, 'split-test');
  const cases = Array.from({ length: 200 }, (_, i) => {
    const classes = Array.from({ length: 2 + random.below(8) }, () => 3 + random.below(60));
    const total = classes.reduce((sum, size) => sum + size, 0);
    const room = total - 3 * classes.length;
    const val = classes.length + random.below(Math.max(1, Math.floor(room / 2)));
    const test = classes.length + random.below(Math.max(1, Math.floor(room / 2)));
    return { i, classes, total, val, test };
  });

  it('puts every sample into exactly one part, on 200 random shapes, stratified or not', () => {
    for (const { i, classes, total, val, test } of cases) {
      for (const stratify of [false, true]) {
        const parts = splitRows('f', total, { val, test, stratify }, i, labelsOf(classes));
        expect([parts.val?.length, parts.test?.length]).toEqual([val, test]);
        const all = [...allOf(parts.train), ...allOf(parts.val), ...allOf(parts.test)].sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: total }, (_, row) => row));
      }
    }
  });

  it('gives every part its share of each class to within one sample, and training always some, when stratified', () => {
    let seen = 0;
    for (const { i, classes, total, val, test } of cases) {
      // Classes of a few samples that must keep one for training may pass the share on.
      if (classes.some((size) => size < 8) || val + test > total / 2) continue;
      seen++;
      const labels = labelsOf(classes);
      const parts = splitRows('f', total, { val, test, stratify: true }, i, labels);
      for (const [part, size] of [[parts.val, val] as const, [parts.test, test] as const]) {
        countsOf(labels, allOf(part)).forEach((count, label) => {
          expect(Math.abs(count - (size * classes[label]) / total)).toBeLessThan(1);
        });
      }
      expect(Math.min(...countsOf(labels, allOf(parts.train)))).toBeGreaterThan(0);
    }
    expect(seen).toBeGreaterThan(20);
  });

  it('keeps a sample of every class for training even of tiny classes', () => {
    const labels = labelsOf([3, 3, 3, 100]);
    const parts = splitRows('f', 109, { val: 0.4, test: 0.4, stratify: true }, 1, labels);
    expect(Math.min(...countsOf(labels, allOf(parts.train)))).toBeGreaterThan(0);
    expect([parts.val?.length, parts.test?.length]).toEqual([44, 44]);
  });

  it.each([
    [{ val: 10 }, 'data.split (val 10, test 0) leaves nothing of 10 samples to train on'],
    [{ val: 0.5, test: 5 }, 'data.split (val 0.5, test 5) leaves nothing of 10 samples to train on'],
    [{ test: 11 }, 'data.split.test asks for 11 samples, but the file has 10'],
    [{ val: 0.01 }, 'data.split.val: 0.01 of 10 samples leaves no sample'],
    [{ val: 2, stratify: true }, 'data.split.stratify: a part of 2 samples cannot hold 3 classes'],
    [{ val: 3, test: 3, stratify: true }, 'data.split.stratify: class "class2" has 2 samples, too few for 3 parts'],
  ])('refuses %o', (sizes, message) => {
    expect(() => splitRows('f.csv', 10, sizes, 1, labelsOf([4, 4, 2]))).toThrow(`f.csv: ${message}`);
  });

  it('refuses to stratify numbers', () => {
    expect(() => splitRows('f', 10, { val: 2, stratify: true }, 1, undefined)).toThrow(
      'needs one class for each sample',
    );
  });
});
