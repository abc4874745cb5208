import { describe, expect, it } from 'vitest';
import { expectDerivatives, network, outputOf, valuesOf } from '../helpers/network.js';

describe('dropout', () => {
  const options = { batch: 100 };
  const ones = new Array<number>(20000).fill(1);

  it('drops its share in training and scales up the rest, so that the mean stays', () => {
    const y = outputOf(network([{ dropout: { rate: 0.2 } }], [200], options), { x: ones, rng: [1, 2] });
    const kept = y.filter((v) => v !== 0);
    expect(kept.every((v) => Math.abs(v - 1.25) < 1e-12)).toBe(true);
    // 20,000 draws: a standard error of 0.28 %.
    expect(Math.abs(kept.length / y.length - 0.8)).toBeLessThan(0.01);
  });

  it('is a function of the key and of its place in the network', () => {
    const net = network([{ dropout: { rate: 0.5 } }, { dropout: { rate: 0.5 } }], [200], options);
    const outputs = net.model.layers.map((l) => l.output);
    const [first, both] = valuesOf(outputs, { x: ones, rng: [1, 2] });
    expect(valuesOf(outputs, { x: ones, rng: [1, 2] })).toEqual([first, both]);
    expect(valuesOf(outputs, { x: ones, rng: [1, 3] })[0]).not.toEqual(first);
    expect(both.filter((v) => v !== 0).length / both.length).toBeCloseTo(0.25, 1);
  });

  it.each([{ training: false }, { stochastic: false }])('does nothing where %j', (off) => {
    const { x, model } = network([{ dropout: { rate: 0.5 } }], [3], off);
    expect(model.output).toBe(x);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network([{ dropout: { rate: 0.5 } }, 'tanh'], [5]));
  });
});

describe('spatial_dropout', () => {
  it('keeps or drops a whole channel of a sample', () => {
    const net = network([{ spatial_dropout: { rate: 0.5 } }], [5, 1, 20], { batch: 20 });
    const y = outputOf(net, { x: new Array<number>(2000).fill(1), rng: [3, 4] });
    const channels = y.filter((_, i) => i % 100 < 20);
    y.forEach((v, i) => expect(v).toBe(channels[Math.floor(i / 100) * 20 + (i % 20)]));
    // 400 decisions: a standard error of 2.5 %.
    expect(channels.filter((v) => v === 2).length / 400).toBeCloseTo(0.5, 0.7);
    expect(new Set(channels)).toEqual(new Set([0, 2]));
  });

  it('does nothing in evaluation', () => {
    const { x, model } = network([{ spatial_dropout: { rate: 0.5 } }], [2, 2, 1], { training: false });
    expect(model.output).toBe(x);
  });
});
