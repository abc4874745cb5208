import { describe, expect, it } from 'vitest';
import { input, mul, reduceSum, topologicalOrder, withScope } from '../../../src/tensor/index.js';
import { lower } from '../../../src/tensor/compiler/lower.js';

describe('lowering', () => {
  it('leaves new nodes in the scope of those that they replace', () => {
    const x = input('lower.x', [64, 200]);
    const squares = withScope('layers.0 (dense)', () => mul(x, x));
    const total = withScope('loss', () => reduceSum(squares));
    const [root] = lower([withScope('loss', () => mul(total, 2))]);
    const sums = topologicalOrder([root]).filter(({ op }) => op === 'reduce_sum');
    expect(sums.map(({ scope }) => scope)).toEqual(['loss', 'loss']);
    expect(root.scope).toBe('loss');
    expect(squares.scope).toBe('layers.0 (dense)');
  });
});
