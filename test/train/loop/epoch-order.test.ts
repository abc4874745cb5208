import { describe, expect, it } from 'vitest';
import type { Split } from '../../../src/data/index.js';
import { epochOrder } from '../../../src/train/loop/epoch-order.js';
import { experiment } from '../tiny.js';

/** Samples 0 to 9 of class 0, 10 to 12 of class 2, and sample 13 of class 5. */
const labels = [...Array<number>(10).fill(0), 2, 2, 2, 5];
const split: Split = {
  size: labels.length,
  fields: {
    features: { shape: [1], dtype: 'f32', values: new Float32Array(labels.length) },
    targets: { shape: [], dtype: 'i32', values: Int32Array.from(labels) },
  },
};
const order = (train: object, epoch: number, seed = 1): number[] => [
  ...epochOrder(experiment({ seed, model: { layers: [{ dense: { units: 6 } }] }, train }), split, epoch),
];
const timesOf = (drawn: readonly number[]): number[] => labels.map((_, i) => drawn.filter((at) => at === i).length);

describe('the order of an epoch', () => {
  it('has every sample once, in another order in each epoch', () => {
    expect(order({}, 1)).not.toEqual(order({}, 2));
    for (const epoch of [1, 2]) expect(order({}, epoch).sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
    expect(order({ shuffle: false }, 2)).toEqual(labels.map((_, i) => i));
  });

  it('has every class equally often where sampling is balanced, and their samples in turn', () => {
    for (let epoch = 1; epoch <= 20; epoch++) {
      const times = timesOf(order({ sampling: 'balanced' }, epoch));
      const [frequent, rare, single] = [times.slice(0, 10), times.slice(10, 13), times.slice(13)];
      // 14 samples: five each of two classes, four of the third.
      const sums = [frequent, rare, single].map((own) => own.reduce((a, b) => a + b, 0));
      expect([...sums].sort()).toEqual([4, 5, 5]);
      expect(Math.max(...frequent)).toBe(1);
      expect(Math.min(...rare)).toBe(1);
      expect(Math.max(...rare)).toBe(2);
    }
  });

  it('depends on the seed and the epoch alone', () => {
    const train = { sampling: 'balanced' };
    expect(order(train, 3)).toEqual(order(train, 3));
    expect(order(train, 3)).not.toEqual(order(train, 4));
    expect(order(train, 3)).not.toEqual(order(train, 3, 2));
  });
});
