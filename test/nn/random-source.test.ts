import { describe, expect, it } from 'vitest';
import { RandomSource } from '../../src/nn/random-source.js';
import { type Node, streamId, threefry2x32 } from '../../src/tensor/index.js';
import { valuesOf } from './helpers/network.js';

const random = new RandomSource();
const draw = (node: Node, key = [11, 22]): number[] => valuesOf([node], { rng: key })[0];

describe('random numbers in a graph', () => {
  it('are the top 24 bits of Threefry at (key, element, stream)', () => {
    const expected = [0, 1, 2, 3].map((i) => (threefry2x32(11, 22, i, streamId('a'))[0] >>> 8) / 2 ** 24);
    expect(draw(random.uniform('a', [2, 2]))).toEqual(expected);
  });

  it('differ by stream and by key, and do not depend on the shape', () => {
    expect(draw(random.uniform('a', [4]))).toEqual(draw(random.uniform('a', [2, 2])));
    expect(draw(random.uniform('a', [4]))).not.toEqual(draw(random.uniform('b', [4])));
    expect(draw(random.uniform('a', [4]))).not.toEqual(draw(random.uniform('a', [4]), [11, 23]));
  });

  it('are below a probability as often as it says', () => {
    for (const p of [0, 0.3, 1]) {
      const share = draw(random.bernoulli('a', [20000], p)).reduce((a, b) => a + b) / 20000;
      expect(Math.abs(share - p)).toBeLessThanOrEqual(p === 0.3 ? 0.015 : 0);
    }
  });

  it('are normal: moments 0, 1, 0 and 3', () => {
    const z = draw(random.normal('a', [40000]));
    const moment = (k: number): number => z.reduce((total, v) => total + v ** k, 0) / z.length;
    // About four standard errors each: 1, sqrt 2, sqrt 15 and sqrt 96 over sqrt 40,000.
    expect(Math.abs(moment(1))).toBeLessThan(0.02);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.03);
    expect(Math.abs(moment(3))).toBeLessThan(0.08);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
  });
});
