import { describe, expect, it } from 'vitest';
import { network, outputOf } from '../helpers/network.js';

describe('gaussian_noise', () => {
  it('adds noise of its spread in training only', () => {
    const net = network([{ gaussian_noise: { std: 0.1 } }], [200], { batch: 100 });
    const y = outputOf(net, { x: new Array<number>(20000).fill(0), rng: [5, 6] });
    const mean = y.reduce((a, b) => a + b, 0) / y.length;
    const variance = y.reduce((a, b) => a + b * b, 0) / y.length;
    expect(Math.abs(mean)).toBeLessThan(0.003);
    expect(Math.sqrt(variance) / 0.1).toBeCloseTo(1, 1.5);
    const off = network([{ gaussian_noise: { std: 0.1 } }], [3], { stochastic: false });
    expect(off.model.output).toBe(off.x);
  });
});
