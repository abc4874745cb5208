import { describe, expect, it } from 'vitest';
import { activate, activations, activationSchema } from '../../src/nn/activations.js';
import { softplusBoth } from '../../src/nn/losses/numerics.js';
import { evaluate, grad, input, type Node, portableBackend, reduceSum, wasmBackend } from '../../src/tensor/index.js'; // prettier-ignore
import { expectDerivatives, network } from './helpers/network.js';

const points = [-30, -3, -0.5, 0, 0.25, 2, 30];

// From PyTorch 1.13 in float64: f(x), autograd.grad of its sum, and again.
const pytorch = {
  linear: {
    value: [-30, -3, -0.5, 0, 0.25, 2, 30],
    first: [1, 1, 1, 1, 1, 1, 1],
    second: [0, 0, 0, 0, 0, 0, 0],
  },
  relu: {
    value: [0, 0, 0, 0, 0.25, 2, 30],
    first: [0, 0, 0, 0, 1, 1, 1],
    second: [0, 0, 0, 0, 0, 0, 0],
  },
  'leaky_relu: {slope: 0.1}': {
    value: [-3, -0.3, -0.05, 0, 0.25, 2, 30],
    first: [0.1, 0.1, 0.1, 0.1, 1, 1, 1],
    second: [0, 0, 0, 0, 0, 0, 0],
  },
  // The second derivative jumps at 0; PyTorch's is that of the right side, ours that of the left.
  'elu: {alpha: 1.5}': {
    value: [-1.5, -1.42531939745, -0.590204010431, 0, 0.25, 2, 30],
    first: [1.40364344533e-13, 0.0746806025518, 0.909795989569, 1.5, 1, 1, 1],
    second: [1.40364344533e-13, 0.0746806025518, 0.909795989569, 1.5, 0, 0, 0],
  },
  selu: {
    value: [-1.75809934085, -1.67056872877, -0.691758187803, 0, 0.262675246839, 2.10140197471, 31.5210296207],
    first: [1.64516307734e-13, 0.0875306120803, 1.06634115304, 1.75809934085, 1.05070098736, 1.05070098736, 1.05070098736], // prettier-ignore
    second: [1.64516307734e-13, 0.0875306120803, 1.06634115304, 1.75809934085, 0, 0, 0],
  },
  gelu: {
    value: [-0, -0.00404969409489, -0.154268769363, 0, 0.149676581421, 1.9544997361, 30],
    first: [0, -0.0119456472042, 0.132504875344, 0.5, 0.695373354884, 1.08523180108, 1],
    second: [0, -0.0310229388836, 0.616114321838, 0.797884560803, 0.749169476306, -0.107981933026, 0],
  },
  silu: {
    value: [-2.80728689065e-12, -0.142277619533, -0.188770334399, 0, 0.140544125221, 1.76159415596, 30],
    first: [-2.71371066096e-12, -0.0881041060152, 0.260038812697, 0.5, 0.62371002157, 1.09078424878, 1],
    second: [-2.62013443127e-12, -0.032321404521, 0.441229026977, 0.5, 0.484616287469, 0.0500621686947, -2.61746180286e-12], // prettier-ignore
  },
  sigmoid: {
    value: [9.35762296884e-14, 0.0474258731776, 0.377540668798, 0.5, 0.562176500886, 0.880797077978, 1],
    first: [
      9.35762296884e-14, 0.0451766597309, 0.235003712202, 0.25, 0.246134082738, 0.104993585404, 9.34807786734e-14,
    ],
    second: [9.35762296884e-14, 0.0408915746609, 0.0575567948523, 0, -0.0306075120267, -0.0799625010562, -9.34807786734e-14], // prettier-ignore
  },
  tanh: {
    value: [-1, -0.995054753687, -0.46211715726, 0, 0.244918662404, 0.964027580076, 1],
    first: [0, 0.00986603716544, 0.786447732966, 1, 0.940014848806, 0.0706508248532, 0],
    second: [0, 0.019634494363, 0.726861981384, 0, -0.460454358819, -0.136218687427, 0],
  },
  softplus: {
    value: [9.35762296884e-14, 0.0485873515737, 0.47407698418, 0.69314718056, 0.825939419879, 2.12692801104, 30],
    first: [9.35762296884e-14, 0.0474258731776, 0.377540668798, 0.5, 0.562176500886, 0.880797077978, 1],
    second: [
      9.35762296884e-14, 0.0451766597309, 0.235003712202, 0.25, 0.246134082738, 0.104993585404, 9.34807786734e-14,
    ],
  },
};

/** `name: {params}` as YAML would be parsed. */
function written(text: string): unknown {
  const [, name, key, value] = /^(\w+)(?:: \{(\w+): ([\d.]+)\})?$/.exec(text) ?? [];
  return key ? { [name]: { [key]: Number(value) } } : name;
}

const activated =
  (name: string) =>
  (x: Node): Node =>
    activate(activationSchema.parse(name), x);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));

/** In float64: what does not cancel in any digit. */
const formulas: Record<
  string,
  { build: (x: Node) => Node; value: (x: number) => number; slope: (x: number) => number }
> = {
  sigmoid: { build: activated('sigmoid'), value: sigmoid, slope: (x) => sigmoid(x) * sigmoid(-x) },
  silu: { build: activated('silu'), value: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)) },
  softplus: { build: activated('softplus'), value: softplus, slope: sigmoid },
  elu: { build: activated('elu'), value: (x) => (x > 0 ? x : Math.expm1(x)), slope: (x) => Math.exp(Math.min(0, x)) },
  tanh: { build: activated('tanh'), value: Math.tanh, slope: (x) => 1 / Math.cosh(x) ** 2 },
  'softplus of losses': { build: (x) => softplusBoth(x).positive, value: softplus, slope: sigmoid },
  'softplus of -x of losses': {
    build: (x) => softplusBoth(x).negative,
    value: (x) => softplus(-x),
    slope: (x) => -sigmoid(-x),
  },
};
/** Absolute errors of value and slope that are allowed: where the slope crosses zero, and where tanh has reached 1. */
const limits: Record<string, readonly [number, number]> = { silu: [0, 1e-7], tanh: [0, 6e-7] };

describe('activation functions', () => {
  it.each(Object.entries(pytorch))('%s: value, first and second derivative are those of PyTorch', (name, expected) => {
    const x = input('x', [points.length]);
    const y = activate(activationSchema.parse(written(name)), x);
    const [first] = grad(reduceSum(y), [x]);
    const [second] = grad(reduceSum(first), [x]);
    const results = evaluate([y, first, second], () => Float64Array.from(points));
    [expected.value, expected.first, expected.second].forEach((values, k) =>
      values.forEach((value, i) => expect(results[k][i], `order ${k} at ${points[i]}`).toBeCloseTo(value, 10)),
    );
  });

  it('are all in the table above, but for softmax, which is not element-wise', () => {
    const tested = Object.keys(pytorch).map((name) => name.split(':')[0]);
    expect([...tested, 'softmax'].sort()).toEqual(Object.keys(activations).sort());
  });

  it('stay finite with their derivatives far out', () => {
    const far = [-1e4, -200, 200, 1e4];
    for (const name of Object.keys(activations)) {
      const x = input('x', [far.length]);
      const y = activate(activationSchema.parse(name), x);
      const [first] = grad(reduceSum(y), [x]);
      const [second] = grad(reduceSum(first), [x]);
      for (const values of evaluate([y, first, second], () => Float64Array.from(far)))
        expect([...values].every(Number.isFinite), name).toBe(true);
    }
  });

  it.each([wasmBackend, portableBackend])('keep their digits far out on $name', async (backend) => {
    const far = Float32Array.from({ length: 20_001 }, (_, i) => (i - 10_000) / 100);
    const x = input('x', [far.length]);
    const session = backend.open({ threads: 1 });
    session.write(x, far);
    for (const [name, { build, value, slope }] of Object.entries(formulas)) {
      const y = build(x);
      const outputs = [y, ...grad(reduceSum(y), [x])];
      const executable = session.compile({ name, outputs, updates: [] });
      executable.run();
      const results = await executable.read();
      for (const [k, formula] of [value, slope].entries()) {
        const worst = { error: 0, at: NaN };
        far.forEach((v, i) => {
          // Denormal numbers are 2^-149 apart, and x times such a one 2^-149 |x|.
          const allowed = Math.max(
            1e-6 * Math.abs(formula(v)),
            2 ** -149 * Math.max(1, Math.abs(v)),
            limits[name]?.[k] ?? 0,
          );
          const error = Math.abs(results[k][i] - formula(v)) / allowed;
          if (!(error <= worst.error)) Object.assign(worst, { error, at: v });
        });
        expect(worst.error, `${name}, order ${k}, at ${worst.at}`).toBeLessThan(1);
      }
    }
    session.close();
  });

  it('softmax sums to 1 over the last axis and does not overflow', () => {
    const x = input('x', [2, 3]);
    const [y] = evaluate([activate(activationSchema.parse('softmax'), x)], () =>
      Float64Array.of(1, 2, 4, -1000, 0, 1000),
    );
    // PyTorch: softmax([[1, 2, 4], [-1000, 0, 1000]], -1)
    [0.04201006613406605, 0.11419519938459449, 0.8437947344813395, 0, 0, 1].forEach((value, i) =>
      expect(y[i]).toBeCloseTo(value, 12),
    );
  });

  it('softmax as a layer has the derivatives of finite differences', () => {
    expectDerivatives(network(['softmax'], [4], { batch: 2 }));
  });

  it('refuse parameters that they do not have', () => {
    expect(activationSchema.safeParse({ relu: { slope: 1 } }).success).toBe(false);
    expect(activationSchema.safeParse('swish').success).toBe(false);
  });
});
