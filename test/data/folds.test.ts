import { describe, expect, it } from 'vitest';
import { splitFold } from '../../src/data/folds.js';
import type { Labels } from '../../src/data/labels.js';
import { hostRandom } from '../../src/tensor/random.js';

const labelsOf = (sizes: readonly number[]): Labels => {
  const sorted = sizes.flatMap((size, label) => Array<number>(size).fill(label));
  const order = hostRandom(7, 'labels').permutation(sorted.length);
  return { values: sizes.map((_, i) => `class${i}`), codes: order.map((i) => sorted[i]) };
};
const all = (folds: number) => Array.from({ length: folds }, (_, i) => i + 1);
const testsOf = (size: number, folds: number, labels?: Labels, seed = 1): number[][] =>
  all(folds).map((fold) => [
    ...(splitFold('f', size, { fold, folds }, { stratify: labels !== undefined }, seed, labels).test ?? []),
  ]);

describe('splitFold', () => {
  it('tests every sample in exactly one fold, in parts that differ by one sample at most', () => {
    for (const [size, folds] of [[10, 5], [23, 4], [178, 5], [7, 7]]) {
      const tests = testsOf(size, folds);
      expect(tests.flat().sort((a, b) => a - b)).toEqual([...Array(size).keys()]);
      const sizes = tests.map((rows) => rows.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  }); // prettier-ignore

  it('trains on all that it does not test or validate on', () => {
    const { train, val, test } = splitFold('f', 50, { fold: 2, folds: 5 }, { val: 0.25 }, 3, undefined);
    expect([train?.length, val?.length, test?.length]).toEqual([30, 10, 10]);
    expect([...(train ?? []), ...(val ?? []), ...(test ?? [])].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
  });

  it('gives every fold its share of each class to within one sample, when stratified', () => {
    const sizes = [59, 71, 48, 2];
    const labels = labelsOf(sizes);
    for (const rows of testsOf(180, 5, labels)) {
      sizes.forEach((size, label) => {
        const count = rows.filter((row) => labels.codes[row] === label).length;
        expect(Math.abs(count - size / 5)).toBeLessThan(1);
      });
      expect(rows).toHaveLength(36);
    }
  });

  it('stratifies the validation split of a fold as well', () => {
    const labels = labelsOf([40, 80]);
    const { val } = splitFold('f', 120, { fold: 1, folds: 4 }, { val: 30, stratify: true }, 1, labels);
    expect(val?.filter((row) => labels.codes[row] === 0)).toHaveLength(10);
  });

  it('is a function of the seed, and one division for all folds', () => {
    expect(testsOf(40, 4)).toEqual(testsOf(40, 4));
    expect(testsOf(40, 4, undefined, 2)).not.toEqual(testsOf(40, 4));
  });

  it('refuses folds that would be empty, and a class that cannot both train and test', () => {
    expect(() => testsOf(3, 5)).toThrow('5 folds of 3 samples: some would be empty');
    expect(() => testsOf(11, 2, labelsOf([10, 1]))).toThrow('class "class1" has one sample');
    expect(() => splitFold('f', 9, { fold: 1, folds: 3 }, { stratify: true }, 1, undefined)).toThrow(
      'data.split.stratify needs one class for each sample',
    );
  });
});
