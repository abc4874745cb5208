import { describe, expect, it } from 'vitest';
import { broadcastTo, concat, input, pad, reshape, reverse, slice, transpose } from '../../../src/tensor/index.js';
import { valueWith } from '../helpers/value-of.js';

const ramp = [0, 1, 2, 3, 4, 5];
const x = input('x', [2, 3]);

describe('reshape', () => {
  it('keeps the elements in order, with one size left open', () => {
    expect(valueWith([2, 3], ramp, (n) => reshape(n, [3, 2]))).toEqual(ramp);
    expect(reshape(x, [3, -1]).shape).toEqual([3, 2]);
    expect(reshape(x, [-1]).shape).toEqual([6]);
  });

  it('refuses another number of elements', () => {
    expect(() => reshape(x, [4, 2])).toThrow('reshape: [2, 3] has 6 elements, [4, 2] asks for 8');
    expect(() => reshape(x, [4, -1])).toThrow('reshape: [2, 3] has 6 elements, [4, -1] asks for 6');
  });
});

describe('transpose', () => {
  it('moves axes', () => {
    expect(valueWith([2, 3], ramp, (n) => transpose(n))).toEqual([0, 3, 1, 4, 2, 5]);
    expect(transpose(input('x', [2, 3, 4]), [2, 0, 1]).shape).toEqual([4, 2, 3]);
    expect(valueWith([1, 2, 3], ramp, (n) => transpose(n, [2, 0, 1]))).toEqual([0, 3, 1, 4, 2, 5]);
  });

  it('composes', () => {
    const y = input('y', [2, 3, 4]);
    expect(transpose(transpose(y, [1, 2, 0]), [1, 2, 0])).toBe(transpose(y, [2, 0, 1]));
  });

  it('refuses axes that are not a permutation', () => {
    expect(() => transpose(x, [0, 0])).toThrow('transpose: [0, 0] is not a permutation of the axes of [2, 3]');
    expect(() => transpose(x, [0])).toThrow('transpose: [0] is not a permutation of the axes of [2, 3]');
  });
});

describe('broadcastTo', () => {
  it('repeats along axes of size 1 and new leading axes', () => {
    expect(valueWith([2, 1], [1, 2], (n) => broadcastTo(n, [2, 2, 2]))).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    expect(valueWith([], [7], (n) => broadcastTo(n, [3]))).toEqual([7, 7, 7]);
  });

  it('refuses shapes that do not fit', () => {
    expect(() => broadcastTo(x, [3, 3])).toThrow('cannot broadcast [2, 3] to [3, 3]');
    expect(() => broadcastTo(x, [3])).toThrow('cannot broadcast [2, 3] to [3]');
    expect(() => broadcastTo(x, [2, 1])).toThrow('cannot broadcast [2, 3] to [2, 1]');
  });
});

describe('slice', () => {
  it('takes every step-th element from start below stop', () => {
    expect(valueWith([2, 3], ramp, (n) => slice(n, [0, 1], [2, 3]))).toEqual([1, 2, 4, 5]);
    expect(valueWith([6], ramp, (n) => slice(n, [1], [6], [2]))).toEqual([1, 3, 5]);
    expect(valueWith([6], ramp, (n) => slice(n, [0], [6], [4]))).toEqual([0, 4]);
    expect(slice(x, [0, 0], [2, 3])).toBe(x);
  });

  it('refuses what lies outside, another rank and steps that do not advance', () => {
    const message = 'slice from [0, 1] to [2, 4] in steps [1, 1] of shape [2, 3]';
    expect(() => slice(x, [0, 1], [2, 4])).toThrow(message);
    expect(() => slice(x, [0], [2])).toThrow('slice from [0] to [2] in steps [1] of shape [2, 3]');
    expect(() => slice(x, [0, 0, 0], [2, 3, 1])).toThrow('slice from [0, 0, 0] to [2, 3, 1]');
    expect(() => slice(x, [0, -1], [2, 3])).toThrow('slice from [0, -1]');
    expect(() => slice(x, [0, 0], [2, 3], [1, 0])).toThrow('in steps [1, 0]');
  });
});

describe('pad', () => {
  it('adds elements around and between', () => {
    expect(valueWith([2], [1, 2], (n) => pad(n, [1], [2], [1], 9))).toEqual([9, 1, 9, 2, 9, 9]);
    expect(valueWith([2, 1], [1, 2], (n) => pad(n, [0, 1], [1, 0]))).toEqual([0, 1, 0, 2, 0, 0]);
    expect(valueWith([1], [1], (n) => pad(n, [0], [1], [5], -Infinity))).toEqual([1, -Infinity]);
  });

  it('refuses negative amounts and another rank', () => {
    expect(() => pad(x, [-1, 0], [0, 0])).toThrow(
      'pad: low [-1, 0], high [0, 0], interior [0, 0] around shape [2, 3]; each needs one size an axis, none negative',
    );
    expect(() => pad(x, [0], [0])).toThrow('pad: low [0], high [0], interior [0] around shape [2, 3]');
  });
});

describe('concat', () => {
  it('joins along an axis, counted from either end', () => {
    expect(valueWith([2, 3], ramp, (n) => concat([n, n], 0))).toEqual([...ramp, ...ramp]);
    const side = [0, 1, 2, 0, 3, 4, 5, 3];
    expect(valueWith([2, 3], ramp, (n) => concat([n, slice(n, [0, 0], [2, 1])], 1))).toEqual(side);
    expect(valueWith([2, 3], ramp, (n) => concat([n, slice(n, [0, 0], [2, 1])], -1))).toEqual(side);
  });

  it('refuses parts that do not fit and axes that are not there', () => {
    const y = input('y', [2, 2]);
    expect(() => concat([x, y], 0)).toThrow('concat along axis 0: shapes [2, 3], [2, 2] must agree on all other axes');
    expect(() => concat([x, x], 2)).toThrow('concat: axes [2] of a tensor of shape [2, 3]');
    expect(() => concat([x, x], -3)).toThrow('concat: axes [-3] of a tensor of shape [2, 3]');
    expect(() => concat([x, input('z', [2, 3], 'i32')], 0)).toThrow('concat: parts of types f32 and i32');
    expect(() => concat([input('s', []), input('s', [])], 0)).toThrow('concat: axes [0] of a tensor of shape []');
  });
});

describe('reverse', () => {
  it('turns axes around, counted from either end', () => {
    expect(valueWith([2, 3], ramp, (n) => reverse(n, [1]))).toEqual([2, 1, 0, 5, 4, 3]);
    expect(valueWith([2, 3], ramp, (n) => reverse(n, [-1]))).toEqual([2, 1, 0, 5, 4, 3]);
    expect(valueWith([2, 3], ramp, (n) => reverse(n, [0, 1]))).toEqual([5, 4, 3, 2, 1, 0]);
    expect(reverse(x, [])).toBe(x);
  });

  it('refuses axes that are not there', () => {
    expect(() => reverse(x, [2])).toThrow('reverse: axes [2] of a tensor of shape [2, 3]');
  });
});
