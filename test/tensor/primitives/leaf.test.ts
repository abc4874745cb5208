import { describe, expect, it } from 'vitest';
import { add, constant, evaluate, input, iota, reshape, splatValue } from '../../../src/tensor/index.js';
import { valueOf } from '../helpers/value-of.js';

describe('constant', () => {
  it('is one value everywhere or one value per element', () => {
    expect(valueOf(constant(2.5, [2, 2]))).toEqual([2.5, 2.5, 2.5, 2.5]);
    expect(valueOf(constant([1, 2, 3], [3], 'i32'))).toEqual([1, 2, 3]);
    expect(valueOf(constant(1))).toEqual([1]);
  });

  it('refuses another number of values', () => {
    expect(() => constant([1, 2, 3], [2])).toThrow('a constant of 2 elements was given 3 values');
  });

  it('copies its values', () => {
    const values = [1, 2];
    const node = constant(values, [2]);
    values[0] = 9;
    expect(valueOf(node)).toEqual([1, 2]);
  });
});

describe('iota', () => {
  it('counts along one axis', () => {
    expect(valueOf(iota([2, 3], 1))).toEqual([0, 1, 2, 0, 1, 2]);
    expect(valueOf(iota([2, 3], 0))).toEqual([0, 0, 0, 1, 1, 1]);
    expect(valueOf(iota([2, 3, 2], 1, 'f32'))).toEqual([0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
    expect(iota([2], 0).dtype).toBe('u32');
  });

  it('refuses an axis that is not there', () => {
    expect(() => iota([2, 3], 2)).toThrow('iota along axis 2 of shape [2, 3]');
    expect(() => iota([], 0)).toThrow('iota along axis 0 of shape []');
  });
});

describe('input', () => {
  it('must be given a value', () => {
    const x = input('x', []);
    const noValue = (): never => {
      throw new Error('no value');
    };
    expect(() => evaluate([add(x, 1)], noValue)).toThrow('no value');
  });
});

describe('splatValue', () => {
  it('sees through broadcasts and reshapes of one value', () => {
    expect(splatValue(reshape(constant(3, [4, 2]), [8]))).toBe(3);
    expect(splatValue(constant([1, 2], [2]))).toBeUndefined();
    expect(splatValue(input('x', []))).toBeUndefined();
  });
});
