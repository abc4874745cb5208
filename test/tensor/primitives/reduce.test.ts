import { describe, expect, it } from 'vitest';
import { argmax, input, reduceMax, reduceSum } from '../../../src/tensor/index.js';
import { valueWith } from '../helpers/value-of.js';

const values = [1, 5, -2, 7, 0, 7];
const x = input('x', [2, 3]);

describe('reduceSum', () => {
  it('sums over the given axes, which disappear', () => {
    expect(valueWith([2, 3], values, (n) => reduceSum(n))).toEqual([18]);
    expect(valueWith([2, 3], values, (n) => reduceSum(n, 0))).toEqual([8, 5, 5]);
    expect(valueWith([2, 3], values, (n) => reduceSum(n, [-1]))).toEqual([4, 14]);
    expect(valueWith([2, 1, 3], values, (n) => reduceSum(n, [2, 0]))).toEqual([18]);
    expect(reduceSum(x, []).shape).toEqual([2, 3]);
  });

  it('refuses axes that are not there and types that would overflow', () => {
    expect(() => reduceSum(x, 2)).toThrow('sum: axes [2] of a tensor of shape [2, 3]');
    expect(() => reduceSum(x, -3)).toThrow('sum: axes [-3] of a tensor of shape [2, 3]');
    expect(() => reduceSum(input('b', [2], 'bool'))).toThrow('sum needs f32 or i32 or u32, got bool');
  });
});

describe('reduceMax', () => {
  it('takes the maximum over the given axes', () => {
    expect(valueWith([2, 3], values, (n) => reduceMax(n))).toEqual([7]);
    expect(valueWith([2, 3], values, (n) => reduceMax(n, 0))).toEqual([7, 5, 7]);
    expect(valueWith([2, 3], values, (n) => reduceMax(n, 1))).toEqual([5, 7]);
    expect(valueWith([2], [-Infinity, -5], (n) => reduceMax(n))).toEqual([-5]);
    expect(valueWith([2], [NaN, 1], (n) => reduceMax(n))).toEqual([NaN]);
  });

  it('refuses axes that are not there', () => {
    expect(() => reduceMax(x, [0, 5])).toThrow('max: axes [0, 5] of a tensor of shape [2, 3]');
  });
});

describe('argmax', () => {
  it('gives the first maximum', () => {
    expect(valueWith([2, 3], values, (n) => argmax(n, 1))).toEqual([1, 0]);
    expect(valueWith([2, 3], values, (n) => argmax(n, 0))).toEqual([1, 0, 1]);
    expect(argmax(x, -1).dtype).toBe('i32');
  });

  it('refuses axes that are not there', () => {
    expect(() => argmax(x, 2)).toThrow('argmax: axes [2] of a tensor of shape [2, 3]');
  });
});
