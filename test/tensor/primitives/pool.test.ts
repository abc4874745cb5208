import { describe, expect, it } from 'vitest';
import { type PoolAttrs } from '../../../src/tensor/graph.js';
import { avgPool, constant, grad, input, maxPool, mul, type Node, reduceSum, sumPool } from '../../../src/tensor/index.js'; // prettier-ignore
import { valueOf } from '../helpers/value-of.js';

/** (5 i) % 11 - 4. */
const image = (...shape: number[]): Node =>
  constant(
    Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => ((5 * i) % 11) - 4),
    shape,
  );

/** The derivative by x of the elements of y weighted with 1, 2, 3, ... */
const derivative = (y: Node, x: Node): number[] => {
  const weights = constant(Array.from({ length: valueOf(y).length }, (_, i) => i + 1), y.shape); // prettier-ignore
  return valueOf(grad(reduceSum(mul(y, weights)), [x])[0]);
};
const expectClose = (values: number[], expected: number[]): void => {
  expect(values.length).toBe(expected.length);
  values.forEach((v, i) => expect(v).toBeCloseTo(expected[i], 13));
};

/** Values of torch.nn.functional.max_pool2d and avg_pool2d(count_include_pad=False) and their backward, PyTorch 1.13. */
describe('overlapping 2x2 windows with stride 1', () => {
  const attrs: PoolAttrs = { window: [2, 2], strides: [1, 1], padding: [[0, 0], [0, 0]] }; // prettier-ignore
  const x = image(1, 4, 3, 2);

  it('maximum', () => {
    const y = maxPool(x, attrs);
    expect(y.shape).toEqual([1, 3, 2, 2]);
    expect(valueOf(y)).toEqual([6, 1, 6, 0, 4, 6, 3, 5, 1, 6, 0, 5]);
    expect(derivative(y, x)).toEqual([0, 2, 4, 4, 0, 0, 5, 0, 7, 0, 0, 0, 9, 16, 11, 20, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('mean and sum', () => {
    expect(valueOf(avgPool(x, attrs))).toEqual([2.25, -1, 4, -2, 2, 1.5, 1, 0.5, -1, 4, -2, 3]);
    expect(valueOf(sumPool(x, attrs))).toEqual([9, -4, 16, -8, 8, 6, 4, 2, -4, 16, -8, 12]);
    const expected = [1, 2, 4, 6, 3, 4, 6, 8, 16, 20, 10, 12, 14, 16, 32, 36, 18, 20, 9, 10, 20, 22, 11, 12];
    expect(derivative(sumPool(x, attrs), x)).toEqual(expected);
    expect(derivative(avgPool(x, attrs), x)).toEqual(expected.map((v) => v / 4));
  });
});

describe('3x3 windows with stride 2 and padding 1', () => {
  const attrs: PoolAttrs = { window: [3, 3], strides: [2, 2], padding: [[1, 1], [1, 1]] }; // prettier-ignore
  const x = image(1, 5, 4, 1);

  it('maximum', () => {
    const y = maxPool(x, attrs);
    expect(y.shape).toEqual([1, 3, 2, 1]);
    expect(valueOf(y)).toEqual([5, 6, 6, 6, 6, 6]);
    expect(derivative(y, x)).toEqual([0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0]);
  });

  it('mean of what lies inside', () => {
    const y = avgPool(x, attrs);
    expectClose(valueOf(y), [1 / 4, 8 / 6, 11 / 6, 7 / 9, 10 / 4, 16 / 6]);
    expectClose(
      derivative(y, x),
      [9, 21, 12, 12, 27, 55, 28, 28, 18, 34, 16, 16, 63, 115, 52, 52, 45, 81, 36, 36].map((v) => v / 36),
    );
  });
});

describe('max pooling', () => {
  const attrs: PoolAttrs = { window: [1, 2], strides: [1, 2], padding: [[0, 0], [0, 0]] }; // prettier-ignore

  it('gives the cotangent of a tie to the first', () => {
    const x = constant([3, 3, 0, 0], [1, 1, 4, 1]);
    expect(derivative(maxPool(x, attrs), x)).toEqual([1, 0, 2, 0]);
  });

  it('never lets padding win', () => {
    const padded: PoolAttrs = { window: [1, 2], strides: [1, 1], padding: [[0, 0], [1, 1]] }; // prettier-ignore
    expect(valueOf(maxPool(constant([-3, -5], [1, 1, 2, 1]), padded))).toEqual([-3, -3, -5]);
  });
});

describe('pooling refuses', () => {
  const attrs: PoolAttrs = { window: [2, 2], strides: [2, 2], padding: [[0, 0], [0, 0]] }; // prettier-ignore

  it('other ranks and types', () => {
    expect(() => maxPool(input('x', [4, 4]), attrs)).toThrow(
      'pooling needs [batch, height, width, channels], got [4, 4]',
    );
    expect(() => sumPool(input('x', [1, 4, 4, 1], 'u8'), attrs)).toThrow('pooling needs f32, got u8');
  });

  it('a window that does not fit', () => {
    expect(() => maxPool(input('x', [1, 1, 8, 3]), attrs)).toThrow(
      'pooling: a window of 2x2 does not fit an input of 1x8',
    );
  });

  it('padding that would fill a whole window', () => {
    const padded: PoolAttrs = { ...attrs, padding: [[0, 0], [2, 0]] }; // prettier-ignore
    expect(() => avgPool(input('x', [1, 4, 4, 1]), padded)).toThrow(
      'pooling: padding 2, 0 must be smaller than the window 2',
    );
  });
});
