import { describe, expect, it } from 'vitest';
import { constant, input, matmul, matrixTranspose } from '../../../src/tensor/index.js';
import { valueOf } from '../helpers/value-of.js';

describe('matmul', () => {
  const a = constant([1, 2, 3, 4, 5, 6], [2, 3]);
  const b = constant([1, 0, 2, 1, 0, 3], [3, 2]);

  it('multiplies matrices', () => {
    expect(valueOf(matmul(a, b))).toEqual([5, 11, 14, 23]);
    expect(valueOf(matmul(matrixTranspose(b), matrixTranspose(a)))).toEqual([5, 14, 11, 23]);
  });

  it('multiplies batches, broadcasting leading axes', () => {
    const batch = constant([1, 0, 0, 1, 0, 1, 1, 0], [2, 2, 2]);
    const product = matmul(batch, constant([1, 2, 3, 4], [2, 2]));
    expect(product.shape).toEqual([2, 2, 2]);
    expect(valueOf(product)).toEqual([1, 2, 3, 4, 3, 4, 1, 2]);
    expect(matmul(input('a', [3, 1, 2, 5]), input('b', [4, 5, 7])).shape).toEqual([3, 4, 2, 7]);
  });

  it('refuses operands that do not fit', () => {
    expect(() => matmul(input('a', [4, 3]), input('b', [5, 2]))).toThrow(
      'matmul: shapes [4, 3] and [5, 2] do not fit; the last size of the first (3) must equal the last but one of the second (5)',
    );
    expect(() => matmul(input('a', [3]), input('b', [3, 2]))).toThrow('matmul: shapes [3] and [3, 2] do not fit');
    expect(() => matmul(input('a', [2, 4, 3]), input('b', [3, 3, 2]))).toThrow(
      'matmul: shapes [2, 4, 3] and [3, 3, 2] do not fit',
    );
    expect(() => matmul(input('a', [2, 2], 'i32'), input('b', [2, 2]))).toThrow('matmul needs f32, got i32');
  });
});
