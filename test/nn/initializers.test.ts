import { describe, expect, it } from 'vitest';
import { type Initializer, initializers, initializerSchema, initSchema } from '../../src/nn/initializers.js';
import { hostRandom, type Shape } from '../../src/tensor/index.js';
import { network } from './helpers/network.js';

/** Values of an initializer as written in a config, for a dense layer of this shape unless fans are given. */
function drawn(written: unknown, shape: Shape, fanIn = shape[0], fanOut = shape[shape.length - 1], seed = 3): number[] {
  const config = initializerSchema.parse(written);
  const chosen: Initializer = initializers[config.type];
  return [...chosen.values(shape, fanIn, fanOut, hostRandom(seed, 'test'), config)];
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const spreadOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return Math.sqrt(meanOf(values.map((v) => (v - mean) ** 2)));
};
const product = (matrix: readonly number[], columns: number, byRows: boolean): number[][] => {
  const rows = matrix.length / columns;
  const vectors = byRows
    ? Array.from({ length: rows }, (_, r) => matrix.slice(r * columns, (r + 1) * columns))
    : Array.from({ length: columns }, (_, c) => matrix.filter((_v, i) => i % columns === c));
  return vectors.map((a) => vectors.map((b) => a.reduce((total, v, i) => total + v * b[i], 0)));
};

describe('initializers', () => {
  // 300 x 200 = 60,000 values: the standard error of the spread is 0.3 %, of the mean 0.4 % of the spread.
  it.each([
    ['he_normal', Math.sqrt(2 / 300)],
    ['he_uniform', Math.sqrt(2 / 300)],
    ['glorot_normal', Math.sqrt(2 / 500)],
    ['glorot_uniform', Math.sqrt(2 / 500)],
    ['lecun_normal', Math.sqrt(1 / 300)],
    ['lecun_uniform', Math.sqrt(1 / 300)],
    [{ normal: { std: 0.5 } }, 0.5],
    [{ uniform: { low: -1, high: 1 } }, 1 / Math.sqrt(3)],
    // A standard normal cut at two has the variance 1 - 4 phi(2) / (2 Phi(2) - 1) = 0.7737.
    [{ truncated_normal: { std: 1 } }, 0.87962566103423978],
  ])('%j has mean 0 and the spread of its formula', (written, spread) => {
    const values = drawn(written, [300, 200]);
    expect(spreadOf(values) / spread).toBeCloseTo(1, 1.5);
    expect(Math.abs(meanOf(values)) / spread).toBeLessThan(0.015);
  });

  it('uniform ones keep to their limits, sqrt(6 / fan_in) for he', () => {
    const limit = Math.sqrt(6 / 300);
    const values = drawn('he_uniform', [300, 200]);
    expect(Math.max(...values.slice(0, 10000))).toBeLessThanOrEqual(Math.fround(limit));
    expect(Math.max(...values.slice(0, 10000))).toBeGreaterThan(0.99 * limit);
    expect(drawn({ uniform: { low: 2, high: 3 } }, [100]).every((v) => v >= 2 && v <= 3)).toBe(true);
  });

  it('truncated_normal has nothing beyond two standard deviations', () => {
    const values = drawn({ truncated_normal: { mean: 1, std: 0.1 } }, [100, 100]);
    expect(values.every((v) => Math.abs(v - 1) <= 0.2 + 1e-6)).toBe(true);
  });

  it('zeros, ones and constant', () => {
    expect(drawn('zeros', [3])).toEqual([0, 0, 0]);
    expect(drawn('ones', [2])).toEqual([1, 1]);
    expect(drawn({ constant: { value: 0.5 } }, [2])).toEqual([0.5, 0.5]);
  });

  it.each([
    [[7, 4], 4, false],
    [[4, 7], 7, true],
    [[3, 3, 2, 5], 5, false],
  ])('orthogonal %j has orthonormal columns, or rows where there are fewer', (shape, columns, byRows) => {
    product(drawn('orthogonal', shape), columns, byRows).forEach((row, i) =>
      row.forEach((value, j) => expect(value).toBeCloseTo(i === j ? 1 : 0, 6)),
    );
  });

  it('orthogonal takes a gain', () => {
    expect(product(drawn({ orthogonal: { gain: 2 } }, [3, 3]), 3, true)[0][0]).toBeCloseTo(4, 5);
  });

  it('identity passes each input to its output', () => {
    expect(drawn('identity', [2, 3])).toEqual([1, 0, 0, 0, 1, 0]);
  });

  it('identity of a 3x3 kernel sits at its centre', () => {
    const values = drawn({ identity: { gain: 3 } }, [3, 3, 2, 2]);
    expect(values.slice(16, 20)).toEqual([3, 0, 0, 3]);
    expect(values.reduce((a, b) => a + b, 0)).toBe(6);
  });

  it('delta_orthogonal is orthogonal at the centre of a kernel and 0 elsewhere', () => {
    const values = drawn('delta_orthogonal', [3, 3, 2, 4]);
    const centre = values.slice(4 * 8, 5 * 8);
    product(centre, 4, true).forEach((row, i) =>
      row.forEach((value, j) => expect(value).toBeCloseTo(i === j ? 1 : 0, 6)),
    );
    expect(values.filter((v) => v !== 0)).toHaveLength(centre.length);
  });

  it('sparse connects each output of a transposed convolution with its number of inputs', () => {
    // [kernel, filters, channels]: outputs are the filters.
    const layers = [
      { conv1d_transpose: { filters: 4, kernel_size: 3, init: { weights: { sparse: { connections: 5 } } } } },
    ];
    const [weight] = network(layers, [6, 10]).model.parameters;
    const [kernel, filters, channels] = weight.node.shape;
    expect([kernel, filters, channels]).toEqual([3, 4, 10]);
    const values = weight.initialize(hostRandom(1, 'sparse'));
    for (let filter = 0; filter < filters; filter++) {
      const seen = [...values].filter((value, i) => value !== 0 && Math.floor(i / channels) % filters === filter);
      expect(seen).toHaveLength(5);
    }
  });

  it('sparse connects each output with its number of inputs', () => {
    const columns = 200;
    const values = drawn({ sparse: { connections: 15, std: 2 } }, [50, columns]);
    for (let c = 0; c < columns; c++) expect(values.filter((v, i) => i % columns === c && v !== 0)).toHaveLength(15);
    expect(spreadOf(values.filter((v) => v !== 0)) / 2).toBeCloseTo(1, 1);
    expect(drawn({ sparse: { connections: 15 } }, [3, 2]).every((v) => v !== 0)).toBe(true);
  });

  it('lsuv begins as orthogonal, before data scale it (test/train/lsuv.test.ts)', () => {
    expect(drawn('lsuv', [7, 4])).toEqual(drawn('orthogonal', [7, 4]));
  });

  it('are all compared with values or moments from outside above', () => {
    const checked = ['zeros', 'ones', 'constant', 'uniform', 'normal', 'truncated_normal', 'he_normal', 'he_uniform', 'glorot_normal', 'glorot_uniform', 'lecun_normal', 'lecun_uniform', 'orthogonal', 'delta_orthogonal', 'lsuv', 'sparse', 'identity']; // prettier-ignore
    expect(Object.keys(initializers)).toEqual(checked);
  });

  it('give the same values for the same seed and others for another', () => {
    expect(drawn('he_normal', [4, 4])).toEqual(drawn('he_normal', [4, 4]));
    expect(drawn('he_normal', [4, 4])).not.toEqual(drawn('he_normal', [4, 4], 4, 4, 4));
  });
});

describe('the init section', () => {
  it('is he_normal weights and zero biases by default', () => {
    expect(initSchema.parse({})).toEqual({ weights: { type: 'he_normal' }, bias: { type: 'zeros' } });
  });

  it('applies to all layers but those that say otherwise', () => {
    const init = { weights: { constant: { value: 2 } }, bias: 'ones' };
    const { model } = network(
      [{ dense: { units: 2 } }, { dense: { units: 2, init: { weights: { constant: { value: 3 } } } } }],
      [2],
      { init },
    );
    const firstValues = model.parameters.map((p) => p.initialize(hostRandom(1, p.name))[0]);
    expect(firstValues).toEqual([2, 1, 3, 1]);
  });

  it('counts the places of a kernel in the fans of a convolution', () => {
    const { model } = network([{ conv2d: { filters: 64, kernel_size: 5 } }], [9, 9, 16]);
    const values = [...model.parameters[0].initialize(hostRandom(1, 'w'))];
    expect(spreadOf(values) / Math.sqrt(2 / (5 * 5 * 16))).toBeCloseTo(1, 1.5);
  });

  it('refuses an initializer of matrices for biases', () => {
    expect(() => network([{ dense: { units: 2 } }], [2], { init: { bias: 'orthogonal' } })).toThrow(
      'layers.0 (dense): the initializer orthogonal needs a matrix, but bias has the shape [2]',
    );
  });
});
