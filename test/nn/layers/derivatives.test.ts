import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { activations } from '../../../src/nn/activations.js';
import { layers } from '../../../src/nn/layers/index.js';
import { grad, input, mul, reduceSum, type Shape, sizeOf } from '../../../src/tensor/index.js';
import { expectGradient } from '../../tensor/helpers/expect-gradient.js';
import { golden } from '../helpers/golden.js';
import { expectDerivatives, network, outputOf, valuesOf, wave } from '../helpers/network.js';

/** What layers of several inputs merge with the input of the model. */
const other = { dense: { units: 3, activation: 'tanh', name: 'other' } };

/** Every layer that is no activation function, with samples that it takes, and layers before it. */
const cases: Readonly<Record<string, readonly [params: object, sample: Shape, before?: readonly object[]]>> = {
  dense: [{ units: 2 }, [3]],
  conv1d: [{ filters: 2, kernel_size: 2 }, [4, 2]],
  conv2d: [{ filters: 2, kernel_size: 2 }, [3, 3, 2]],
  conv3d: [{ filters: 2, kernel_size: 2 }, [2, 3, 2, 2]],
  conv1d_transpose: [{ filters: 2, kernel_size: 3, strides: 2 }, [3, 2]],
  conv2d_transpose: [{ filters: 2, kernel_size: 2, strides: 2 }, [2, 2, 2]],
  conv3d_transpose: [{ filters: 2, kernel_size: 2 }, [2, 1, 2, 1]],
  depthwise_conv2d: [{ kernel_size: 2 }, [3, 3, 2]],
  separable_conv2d: [{ filters: 2, kernel_size: 2 }, [3, 3, 2]],
  max_pool1d: [{ pool_size: 2 }, [4, 2]],
  avg_pool1d: [{ pool_size: 2 }, [4, 2]],
  global_avg_pool1d: [{}, [4, 2]],
  global_max_pool1d: [{}, [4, 2]],
  max_pool2d: [{ pool_size: 2 }, [4, 2, 2]],
  avg_pool2d: [{ pool_size: 2 }, [4, 2, 2]],
  global_avg_pool2d: [{}, [2, 3, 2]],
  global_max_pool2d: [{}, [2, 3, 2]],
  max_pool3d: [{ pool_size: 2 }, [2, 2, 4, 1]],
  avg_pool3d: [{ pool_size: 2 }, [2, 2, 4, 1]],
  global_avg_pool3d: [{}, [2, 2, 2, 2]],
  global_max_pool3d: [{}, [2, 2, 2, 2]],
  upsample1d: [{ size: 2 }, [3, 2]],
  upsample2d: [{ size: 2, interpolation: 'bilinear' }, [2, 3, 1]],
  zero_pad2d: [{ padding: 1 }, [2, 2, 1]],
  embedding: [{ vocabulary: 3, units: 2 }, [3]],
  flatten: [{}, [2, 3]],
  reshape: [{ shape: [3, 2] }, [2, 3]],
  permute: [{ axes: [1, 0] }, [2, 3]],
  dropout: [{ rate: 0.4 }, [6]],
  spatial_dropout: [{ rate: 0.4 }, [3, 4]],
  alpha_dropout: [{ rate: 0.4 }, [6]],
  stochastic_depth: [{ rate: 0.5 }, [3]],
  gaussian_noise: [{ std: 0.3 }, [4]],
  activity_regularization: [{ l1: 0.1, l2: 0.1 }, [4]],
  batch_norm: [{}, [3]],
  layer_norm: [{}, [4]],
  group_norm: [{ groups: 2 }, [3, 4]],
  instance_norm: [{}, [3, 2, 2]],
  sequential: [{ layers: [{ dense: { units: 2 } }, 'tanh'], repeat: 2 }, [2]],
  residual: [{ layers: [{ dense: { units: 3, activation: 'tanh' } }] }, [3]],
  parallel: [{ branches: [[{ dense: { units: 2 } }], ['tanh']] }, [3]],
  add: [{ inputs: ['input', 'other'] }, [3], [other]],
  multiply: [{ inputs: ['input', 'other'] }, [3], [other]],
  concat: [{ inputs: ['input', 'other'] }, [2], [other]],
};
const names = Object.keys(layers).filter((name) => !Object.hasOwn(activations, name));

/** Where layers that PyTorch's values of `golden/layers.json` leave out are compared with other values from outside. */
const elsewhere: Readonly<Record<string, string>> = {
  dense: 'dense',
  conv2d: 'conv2d',
  max_pool2d: 'pool2d',
  avg_pool2d: 'pool2d',
  global_avg_pool2d: 'pool2d',
  global_max_pool2d: 'pool2d',
  embedding: 'embedding',
  flatten: 'flatten',
  reshape: 'reshape',
  permute: 'permute',
  dropout: 'dropout',
  spatial_dropout: 'dropout',
  alpha_dropout: 'dropout',
  stochastic_depth: 'dropout',
  gaussian_noise: 'gaussian-noise',
  activity_regularization: '../regularization',
  batch_norm: 'batch-norm',
  layer_norm: 'layer-norm',
  group_norm: 'group-norm',
  instance_norm: 'group-norm',
  sequential: 'blocks',
  residual: 'blocks',
  parallel: 'blocks',
  add: 'merge',
  multiply: 'merge',
  concat: 'merge',
};

describe('every layer', () => {
  it('has a case here', () => {
    expect(Object.keys(cases).sort()).toEqual([...names].sort());
  });

  it.each(Object.entries(cases))(
    '%s has the first and second derivatives of finite differences',
    (name, [params, sample, before = []]) => {
      // What is linear has none of second order; a tanh behind it gives it one.
      expectDerivatives(network([...before, { [name]: params }, 'tanh'], sample, { batch: 2 }));
    },
  );

  it('is compared with values that are not its own', () => {
    const inGolden = golden<{ layer: string | object }[]>('layers').map(({ layer }) => (typeof layer === 'string' ? layer : Object.keys(layer)[0])); // prettier-ignore
    expect([...new Set([...inGolden, ...Object.keys(elsewhere)])].sort()).toEqual([...names].sort());
    for (const [name, file] of Object.entries(elsewhere)) {
      expect(readFileSync(`test/nn/layers/${file}.test.ts`, 'utf8'), file).toContain(name);
    }
  });

  it('that penalizes its output has the derivatives of the penalty', () => {
    const { x, model } = network([{ activity_regularization: { l1: 0.3, l2: 0.2 } }], [4], { batch: 2 });
    expect(model.penalties).toHaveLength(1);
    expectGradient(model.penalties[0], [{ node: x, values: wave(8, 0.37, 0.11) }]);
  });
});

describe('layers that are random', () => {
  /** d sum(y w) / dx of a layer with the random key [1, 2], and y. */
  function derivative(layer: object, sample: Shape): { x: number[]; y: number[]; dx: number[]; w: number[] } {
    const net = network([layer], sample, { batch: 3 });
    const w = input('w', net.model.output.shape);
    const size = sizeOf(net.x.shape);
    const given = { x: wave(size, 0.37, 0.11), w: wave(size, 0.53, 0.2), rng: [1, 2] };
    const [dx] = valuesOf(grad(reduceSum(mul(net.model.output, w)), [net.x]), given);
    return { x: given.x, w: given.w, dx, y: outputOf(net, given) };
  }

  // The derivative of a mask is the mask.
  it.each<[string, object, Shape]>([
    ['dropout', { dropout: { rate: 0.4 } }, [7]],
    ['spatial_dropout', { spatial_dropout: { rate: 0.4 } }, [3, 4]],
    ['stochastic_depth', { stochastic_depth: { rate: 0.4 } }, [5]],
  ])('%s passes to each input the gradient of what it let through, scaled as that', (_, layer, sample) => {
    const { x, y, dx, w } = derivative(layer, sample);
    y.forEach((value, i) => expect(dx[i]).toBeCloseTo(w[i] * (value === 0 ? 0 : value / x[i]), 10));
    expect(y.some((value) => value === 0)).toBe(true);
    expect(y.some((value) => value !== 0)).toBe(true);
    y.forEach((value, i) => expect([0, 1 / 0.6]).toContainEqual(expect.closeTo(value / x[i], 7) as number));
  });

  it('gaussian_noise passes the gradient unchanged', () => {
    const { dx, w } = derivative({ gaussian_noise: { std: 0.5 } }, [6]);
    expect(dx).toEqual(w);
  });

  it('alpha_dropout gives a x + b for what it keeps and for what it drops the same with -alpha scale in the place of x', () => {
    // Klambauer et al. 2017: alpha' = -1.7580993408473766, q = 0.6 kept.
    const [floor, q] = [-1.7580993408473766, 0.6];
    const a = (q + floor ** 2 * q * (1 - q)) ** -0.5;
    const b = -a * (1 - q) * floor;
    const { x, y, dx, w } = derivative({ alpha_dropout: { rate: 0.4 } }, [8]);
    y.forEach((value, i) => {
      const kept = Math.abs(value - (a * x[i] + b)) < 1e-9;
      if (!kept) expect(value).toBeCloseTo(a * floor + b, 9);
      expect(dx[i]).toBeCloseTo(kept ? a * w[i] : 0, 9);
    });
  });
});
