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

describe('stochastic_depth', () => {
  it('keeps or drops whole samples', () => {
    const net = network([{ stochastic_depth: { rate: 0.25 } }], [2, 2], { batch: 400 });
    const y = outputOf(net, { x: new Array<number>(1600).fill(3), rng: [3, 4] });
    const samples = y.filter((_, i) => i % 4 === 0);
    y.forEach((v, i) => expect(v).toBe(samples[Math.floor(i / 4)]));
    expect(new Set(samples)).toEqual(new Set([0, 4]));
    expect(Math.abs(samples.filter((v) => v === 0).length / 400 - 0.25)).toBeLessThan(0.08);
  });
});

describe('alpha_dropout', () => {
  it('keeps the mean 0 and variance 1 of its input, with every dropped value the same', () => {
    const net = network([{ alpha_dropout: { rate: 0.3 } }], [100], { batch: 200 });
    // Evenly spread over [-sqrt 3, sqrt 3]: mean 0, variance 1.
    const x = Array.from({ length: 20000 }, (_, i) => (Math.sqrt(3) * (2 * ((i * 7919) % 20000) + 1 - 20000)) / 20000);
    const y = outputOf(net, { x, rng: [1, 2] });
    const mean = y.reduce((a, b) => a + b) / y.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(y.reduce((a, b) => a + (b - mean) ** 2, 0) / y.length - 1)).toBeLessThan(0.04);
    // PyTorch 1.13: a = ((1 - p) (1 + p * 1.7580993408473766^2))^-0.5 = 0.861185..., a dropped value gives 1.7581 a (p - 1).
    const a = (0.7 * (1 + 0.3 * 1.7580993408473766 ** 2)) ** -0.5;
    const floor = a * 1.7580993408473766 * (0.3 - 1);
    expect(Math.abs(y.filter((v) => Math.abs(v - floor) < 1e-9).length / y.length - 0.3)).toBeLessThan(0.015);
  });

  it('does nothing in evaluation', () => {
    const { x, model } = network([{ alpha_dropout: { rate: 0.5 } }], [2], { training: false });
    expect(model.output).toBe(x);
  });
});

describe('drop_connect and weight_noise', () => {
  const dense = { dense: { units: 200, use_bias: false, drop_connect: 0.25 } };

  it('drop a share of the weights in training, the same ones for all samples, and scale up the rest', () => {
    const net = network([dense], [100], { batch: 2 });
    const x = [...new Array<number>(200).fill(1)];
    const y = outputOf(net, { x, rng: [1, 2], 'layers.0.weight': new Array<number>(20000).fill(0.75) });
    expect(y.slice(0, 200)).toEqual(y.slice(200));
    // Each output is a sum of 100 weights, 0.75 / 0.75 = 1 or 0.
    expect(y.every((v) => Math.abs(v - Math.round(v)) < 1e-9)).toBe(true);
    expect(Math.abs(y.slice(0, 200).reduce((a, b) => a + b) / 20000 - 0.75)).toBeLessThan(0.01);
  });

  it('add noise of the given standard deviation', () => {
    const noisy = { dense: { units: 5000, use_bias: false, weight_noise: 0.1 } };
    const y = outputOf(network([noisy], [1]), { x: [1], rng: [1, 2], 'layers.0.weight': new Array<number>(5000).fill(2) }); // prettier-ignore
    const variance = y.reduce((a, b) => a + (b - 2) ** 2, 0) / y.length;
    expect(Math.sqrt(variance)).toBeCloseTo(0.1, 2);
  });

  it('are off in evaluation', () => {
    const net = network([{ dense: { units: 2, drop_connect: 0.5, weight_noise: 1 } }], [3], { training: false });
    expect(outputOf(net)).toEqual(outputOf(network([{ dense: { units: 2 } }], [3])));
  });

  it('have the derivatives of finite differences', () => {
    expectDerivatives(network([{ dense: { units: 3, drop_connect: 0.5, weight_noise: 0.1 } }, 'tanh'], [4]));
    expectDerivatives(network([{ alpha_dropout: { rate: 0.5 } }, { stochastic_depth: { rate: 0.3 } }, 'tanh'], [4]));
  });
});
