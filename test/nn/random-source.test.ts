import { describe, expect, it } from 'vitest';
import { RandomSource, SampleRandom } from '../../src/nn/random-source.js';
import { constant, type Node, streamId, threefry2x32 } from '../../src/tensor/index.js';
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

  it('come in pairs that are independent of one another', () => {
    for (const pair of [random.uniformPair('a', [40000]), random.normalPair('a', [40000])]) {
      const [a, b] = pair.map((node) => draw(node));
      const mean = (list: number[]): number => list.reduce((total, v) => total + v, 0) / list.length;
      const [meanA, meanB] = [mean(a), mean(b)];
      // About four standard errors.
      expect(Math.abs(mean(a.map((v, i) => (v - meanA) * (b[i] - meanB))))).toBeLessThan(0.02);
      expect(Math.abs(meanA - meanB)).toBeLessThan(0.03);
    }
  });

  it('are normal by the transform of Box and Muller', () => {
    const [u, v] = random.uniformPair('a', [5000]).map((node) => draw(node));
    const [x, y] = random.normalPair('a', [5000]).map((node) => draw(node));
    const radius = u.map((value) => Math.sqrt(-2 * Math.log(value)));
    const largest = (off: (i: number) => number): number => Math.max(...radius.map((_, i) => Math.abs(off(i))));
    expect(largest((i) => x[i] - radius[i] * Math.cos(2 * Math.PI * v[i]))).toBeLessThan(2e-6);
    expect(largest((i) => y[i] - radius[i] * Math.sin(2 * Math.PI * v[i]))).toBeLessThan(2e-6);
  });

  it('belong to a sample, wherever it is in a batch', () => {
    const of = (order: number[]): number[] =>
      draw(new SampleRandom(random.key, constant(order, [order.length], 'i32')).uniform('a', [order.length, 3]));
    expect(of([5, 9])).toEqual([...of([5]), ...of([9])]);
    expect(of([9, 5])).toEqual([...of([9]), ...of([5])]);
  });

  it('are whole numbers below n, each as often', () => {
    const counts = [0, 0, 0, 0, 0];
    for (const v of draw(random.below('a', [20000], 5))) counts[v]++;
    // Four standard errors of 4,000.
    for (const count of counts) expect(Math.abs(count - 4000)).toBeLessThan(227);
  });

  it.each([
    ['one by one', random.normal('a', [40000])],
    ['the first of a pair', random.normalPair('a', [40000])[0]],
    ['the second of a pair', random.normalPair('a', [40000])[1]],
  ])('are normal (%s): moments 0, 1, 0 and 3', (_, node) => {
    const z = draw(node);
    const moment = (k: number): number => z.reduce((total, v) => total + v ** k, 0) / z.length;
    // About four standard errors each: 1, sqrt 2, sqrt 15 and sqrt 96 over sqrt 40,000.
    expect(Math.abs(moment(1))).toBeLessThan(0.02);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.03);
    expect(Math.abs(moment(3))).toBeLessThan(0.08);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
  });
});
