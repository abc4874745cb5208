import { describe, expect, it } from 'vitest';
import { clipGradients, withNoise } from '../../src/nn/clip.js';
import { RandomSource } from '../../src/nn/random-source.js';
import { globalNorm } from '../../src/nn/norms.js';
import { constant, type Shape } from '../../src/tensor/index.js';
import { valuesAt } from '../tensor/helpers/expect-gradient.js';
import { difference, given, golden } from './helpers/golden.js';

interface Clipped {
  limit: number;
  gradients: number[][];
}
const { shapes, gradients, norms, values } = golden<{
  shapes: Shape[];
  gradients: number[][];
  norms: Clipped[];
  values: Clipped[];
}>('clipping');
const inputs = gradients.map((g, i) => given(`g${i}`, shapes[i], g));
const nodes = inputs.map((g) => g.node);

function expectClipped(limits: { norm?: number; value?: number }, expected: number[][]): void {
  const clipped = valuesAt(clipGradients(nodes, limits), inputs);
  clipped.forEach((g, i) => expect(difference(g, expected[i])).toBeLessThan(1e-12));
}

describe('gradient clipping', () => {
  it.each(norms)('by the global norm $limit is that of PyTorch', ({ limit, gradients: expected }) => {
    expectClipped({ norm: limit }, expected);
  });

  it.each(values)('by the value $limit is that of PyTorch', ({ limit, gradients: expected }) => {
    expectClipped({ value: limit }, expected);
  });

  it('leaves gradients alone where nothing is asked for', () => {
    expect(clipGradients(nodes, {})).toBe(nodes);
  });

  it('by both leaves the norm within its limit', () => {
    const clipped = clipGradients(nodes, { value: 2, norm: 1 });
    expect(valuesAt([globalNorm(clipped)], inputs)[0][0]).toBeCloseTo(1, 5);
  });

  it('keeps gradients of zero', () => {
    const zeros = [given('g0', shapes[0], [0, 0, 0, 0, 0, 0])];
    expect([...valuesAt(clipGradients([zeros[0].node], { norm: 1 }), zeros)[0]]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('adaptively brings the gradient of a unit to a share of the norm of its weights (Brock et al. 2021)', () => {
    // Columns of norm 5, 1 and 0; a tenth of these, or of the least norm 0.1, bounds the gradients' norms 5, 0.05 and 5.
    const weight = { name: 'w', node: constant([3, 0.6, 0, 4, 0.8, 0], [2, 3]), outputAxis: 1 };
    const gradient = constant([3, 0.03, 3, 4, 0.04, 4], [2, 3]);
    const clip = (exclude: string[]) =>
      valuesAt(clipGradients([gradient], { adaptive: { factor: 0.1, epsilon: 0.1, exclude } }, [weight]), [])[0];
    expect(difference(clip([]), [0.3, 0.03, 0.006, 0.4, 0.04, 0.008])).toBeLessThan(1e-12);
    expect([...clip(['w*'])]).toEqual([3, 0.03, 3, 4, 0.04, 4]);
  });

  it('adaptively takes a bias as one unit', () => {
    const bias = { name: 'b', node: constant([3, 4], [2]), outputAxis: 0 };
    const limits = { adaptive: { factor: 0.1, epsilon: 0.1, exclude: [] } };
    expect(difference(valuesAt(clipGradients([constant([0, 2], [2])], limits, [bias]), [])[0], [0, 0.5])).toBeLessThan(1e-12); // prettier-ignore
  });
});

describe('noise on gradients', () => {
  const noiseAt = (step: number, key = [1, 2]): number[] => {
    const random = new RandomSource();
    const [noisy] = withNoise([constant(0, [20_000])], [{ name: 'w' }], { eta: 0.3, gamma: 0.55 }, constant(step), random); // prettier-ignore
    return [...valuesAt([noisy], [{ node: random.key, values: key }])[0]];
  };

  it.each([1, 10, 1000])('has the variance eta / (1 + t)^gamma at step %d, the first being t = 0', (step) => {
    const noise = noiseAt(step);
    const variance = noise.reduce((total, v) => total + v * v, 0) / noise.length;
    // The standard error of the variance of 20,000 normal numbers is 1 %.
    expect(Math.abs(variance / (0.3 / step ** 0.55) - 1)).toBeLessThan(0.04);
  });

  it('is a function of the key of the step', () => {
    expect(noiseAt(1)).toEqual(noiseAt(1));
    expect(noiseAt(1)).not.toEqual(noiseAt(1, [1, 3]));
  });
});
