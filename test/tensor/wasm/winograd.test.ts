import { describe, expect, it } from 'vitest';
import {
  add, type Backend, conv, convInput, convWeight, hostRandom, input, maximum, type Node, portableBackend, referenceBackend, sizeOf, type SessionOptions, wasmBackend,
} from '../../../src/tensor/index.js'; // prettier-ignore
import {
  type Arithmetic, kernelAdjoint, kernelTransform, PATCH, patchTransform, TILE, tileAdjoint, tileTransform, type Transform,
} from '../../../src/tensor/wasm/emit/winograd-matrices.js'; // prettier-ignore

const numbers: Arithmetic<number> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  scale: (factor, x) => factor * x,
  madd: (factor, x, y) => factor * x + y,
};

/** The transform's matrix: its value at each unit vector is a column. */
function matrixOf(transform: Transform): number[][] {
  const { inputs, outputs } = transform;
  const columns = Array.from({ length: inputs }, (_, j) =>
    transform.apply(numbers, Array.from({ length: inputs }, (_, i) => Number(i === j))),
  ); // prettier-ignore
  return Array.from({ length: outputs }, (_, i) => columns.map((c) => c[i]));
}
const transposed = (m: number[][]): number[][] => m[0].map((_, j) => m.map((row) => row[j]));

describe('the transforms', () => {
  it('make a convolution of four outputs with three weights', () => {
    const random = hostRandom(1, 'winograd');
    const d = Array.from({ length: PATCH }, () => random.uniform() - 0.5);
    const g = Array.from({ length: 3 }, () => random.uniform() - 0.5);
    const [u, v] = [patchTransform.apply(numbers, d), kernelTransform.apply(numbers, g)];
    const y = tileTransform.apply(numbers, u.map((x, i) => x * v[i])); // prettier-ignore
    expect(y).toHaveLength(TILE);
    y.forEach((value, i) => expect(value).toBeCloseTo(d[i] * g[0] + d[i + 1] * g[1] + d[i + 2] * g[2], 14));
  });

  it('have the adjoints that the weight gradient uses', () => {
    for (const [forward, adjoint] of [[tileTransform, tileAdjoint], [kernelTransform, kernelAdjoint]]) {
      const [expected, actual] = [transposed(matrixOf(forward)), matrixOf(adjoint)];
      expect(actual.length).toBe(expected.length);
      actual.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(expected[i][j], 14)));
    } // prettier-ignore
  });
});

interface Shape {
  batch: number;
  size: readonly [number, number];
  channels: number;
  filters: number;
  padding: readonly [readonly [number, number], readonly [number, number]];
}

/** Convolution, its gradients and one with work fused behind it, over random values. */
function results({ batch, size, channels, filters, padding }: Shape, seed: string, whole = false) {
  const attrs = { strides: [1, 1], padding, dilation: [1, 1], groups: 1 } as const;
  const out = size.map((s, d) => s + padding[d][0] + padding[d][1] - 2);
  const x = input(`${seed}.x`, [batch, ...size, channels]);
  const w = input(`${seed}.w`, [3, 3, channels, filters]);
  const g = input(`${seed}.g`, [batch, ...out, filters]);
  const bias = input(`${seed}.bias`, [filters]);
  const outputs = [
    conv(x, w, attrs),
    convInput(g, w, x.shape, attrs),
    convWeight(x, g, w.shape, attrs),
    maximum(add(conv(x, w, attrs), bias), 0),
  ];
  const values = new Map<Node, Float32Array>();
  const random = hostRandom(1, seed);
  for (const node of [x, w, g, bias]) {
    const value = (): number => (whole ? Math.floor(random.uniform() * 5) - 2 : Math.fround(random.uniform() - 0.5));
    values.set(node, Float32Array.from({ length: sizeOf(node.shape) }, value));
  }
  return async (backend: Backend, options: SessionOptions) => {
    const session = backend.open(options);
    for (const [node, v] of values) session.write(node, v);
    const executable = session.compile({ name: seed, outputs, updates: [] });
    executable.run();
    const all = (await executable.read()).map((values) => Float64Array.from(values));
    session.close();
    return all;
  };
}

const same = [[1, 1], [1, 1]] as const; // prettier-ignore
const shapes: Record<string, Shape> = {
  'tiles that fit': { batch: 2, size: [16, 16], channels: 32, filters: 64, padding: same },
  'tiles that reach over the edges': { batch: 3, size: [14, 9], channels: 36, filters: 68, padding: same },
  'no padding': { batch: 4, size: [13, 12], channels: 40, filters: 44, padding: [[0, 0], [0, 0]] },
  'padding of one side only': { batch: 4, size: [10, 10], channels: 64, filters: 36, padding: [[2, 0], [0, 2]] },
  'images smaller than a patch': { batch: 16, size: [4, 4], channels: 32, filters: 32, padding: same },
  'more filters than one block': { batch: 2, size: [8, 8], channels: 72, filters: 136, padding: same },
}; // prettier-ignore

const names = ['convolution', 'input gradient', 'weight gradient', 'fused'];

describe('3x3 convolutions by Winograd', () => {
  it.each(Object.entries(shapes))('%s: no more than four times the error of plain sums', async (name, shape) => {
    const run = results(shape, name);
    const exact = await run(referenceBackend, { threads: 1 });
    const direct = await run(wasmBackend, { threads: 1, winograd: false });
    const fast = await run(wasmBackend, { threads: 1 });
    exact.forEach((values, k) => {
      const error = (actual: Float64Array): number =>
        Math.sqrt(values.reduce((sum, v, i) => sum + (v - actual[i]) ** 2, 0) / values.length);
      expect(fast[k], `${names[k]} did not go by Winograd`).not.toEqual(direct[k]);
      expect(error(fast[k]), names[k]).toBeLessThan(4 * error(direct[k]));
    });
  });

  it('give the same bits with any number of threads', async () => {
    const run = results(shapes['tiles that reach over the edges'], 'threads');
    const [one, ...more] = await Promise.all([1, 2, 3].map((threads) => run(wasmBackend, { threads })));
    for (const many of more) expect(many).toEqual(one);
  });

  it('can be turned off, and is off on the portable backend: sums of whole numbers are exact then', async () => {
    const run = results(shapes['tiles that fit'], 'whole', true);
    const exact = await run(referenceBackend, { threads: 1 });
    expect(await run(wasmBackend, { threads: 1, winograd: false })).toEqual(exact);
    expect(await run(portableBackend, { threads: 1 })).toEqual(exact);
    expect(await run(wasmBackend, { threads: 1 })).not.toEqual(exact);
  });
});
