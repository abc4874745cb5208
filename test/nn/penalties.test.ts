import { describe, expect, it } from 'vitest';
import { penalty, regularizationSchema } from '../../src/nn/penalties.js';
import { grad } from '../../src/tensor/index.js';
import { valuesAt } from '../tensor/helpers/expect-gradient.js';
import { given } from './helpers/golden.js';

const weight = given('w', [2, 2], [1, -2, 3, -4]);
const other = given('v', [2], [0.5, -0.5]);
const bias = given('b', [2], [100, 100]);
const parameters = [
  { node: weight.node, kind: 'weight' },
  { node: bias.node, kind: 'bias' },
  { node: other.node, kind: 'weight' },
  { node: bias.node, kind: 'scale' },
];
const valueOf = (config: object): number | undefined => {
  const node = penalty(parameters, regularizationSchema.parse(config));
  return node && valuesAt([node], [weight, other, bias])[0][0];
};

describe('penalties', () => {
  it('are nothing by default', () => {
    expect(valueOf({})).toBeUndefined();
  });

  it('sum the squares and the absolute values of weights, not of biases and scales, as Keras does', () => {
    expect(valueOf({ l2: 0.1 })).toBeCloseTo(0.1 * (1 + 4 + 9 + 16 + 0.5), 12);
    expect(valueOf({ l1: 0.1 })).toBeCloseTo(0.1 * (1 + 2 + 3 + 4 + 1), 12);
    expect(valueOf({ l1: 0.1, l2: 0.01 })).toBeCloseTo(1.1 + 0.305, 12);
  });

  it('add 2 l2 w + l1 sign(w) to the gradient', () => {
    const node = penalty(parameters, { l1: 0.1, l2: 0.01 });
    expect(node).toBeDefined();
    if (node === undefined) return;
    const [gradient] = valuesAt(grad(node, [weight.node]), [weight, other, bias]);
    [0.12, -0.14, 0.16, -0.18].forEach((g, i) => expect(gradient[i]).toBeCloseTo(g, 12));
  });

  it('refuse negative strengths', () => {
    expect(regularizationSchema.safeParse({ l1: -1 }).success).toBe(false);
  });
});
