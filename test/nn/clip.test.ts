import { describe, expect, it } from 'vitest';
import { clipGradients } from '../../src/nn/clip.js';
import { globalNorm } from '../../src/nn/norms.js';
import type { Shape } from '../../src/tensor/index.js';
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
    expect([...valuesAt(clipGradients([nodes[0]], { norm: 1 }), zeros)[0]]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
