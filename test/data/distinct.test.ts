/** Counting different numbers: as a set would, whatever their bits. */
import { describe, expect, it } from 'vitest';
import { countDistinct } from '../../src/data/distinct.js';
import { hostRandom } from '../../src/tensor/random.js';

const random = hostRandom(1, 'distinct');
const numbers = (count: number, make: () => number): Float64Array => Float64Array.from({ length: count }, make);

describe('countDistinct', () => {
  it.each<[string, Float64Array]>([
    ['none', numbers(0, () => 0)],
    ['one', numbers(50_000, () => 7)],
    ['few values', numbers(100, () => random.below(10))],
    ['many values, few of them different', numbers(50_000, () => random.below(300) / 7)],
    ['many values, most of them different', numbers(60_000, () => random.normal())],
    ['whole numbers', numbers(60_000, () => random.below(40_000) - 20_000)],
    ['very large and very small ones', numbers(50_000, () => 10 ** (random.below(600) - 300))],
    ['the end of a larger array', numbers(50_001, () => random.normal()).subarray(1)],
  ])('counts as a set does: %s', (_, values) => {
    const before = values.slice();
    expect(countDistinct(values)).toBe(new Set(values).size);
    expect(values).toEqual(before);
  });

  it('takes 0 and -0 for the same', () => {
    for (const count of [10, 40_000]) {
      const zeros = Float64Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 0 : -0));
      expect(countDistinct(zeros)).toBe(1);
    }
  });
});
