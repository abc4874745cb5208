import { describe, expect, it } from 'vitest';
import { constant, gather, input, scatterAdd } from '../../../src/tensor/index.js';
import { valueOf } from '../helpers/value-of.js';

describe('gather', () => {
  it('takes rows by index', () => {
    const x = constant([1, 2, 3, 4, 5, 6], [3, 2]);
    expect(valueOf(gather(x, constant([2, 0, 2], [3], 'i32')))).toEqual([5, 6, 1, 2, 5, 6]);
    const square = gather(x, constant([0, 1, 1, 2], [2, 2], 'i32'));
    expect(square.shape).toEqual([2, 2, 2]);
    expect(valueOf(square)).toEqual([1, 2, 3, 4, 3, 4, 5, 6]);
    expect(valueOf(gather(x, constant(1, [], 'i32')))).toEqual([3, 4]);
    expect(valueOf(gather(constant([7, 8], [2], 'u8'), constant([1, 1], [2], 'i32')))).toEqual([8, 8]);
  });

  it('refuses float indices and scalars', () => {
    expect(() => gather(input('x', [3]), input('i', [2]))).toThrow('gather by indices needs i32, got f32');
    expect(() => gather(input('x', []), input('i', [2], 'i32'))).toThrow(
      'gather needs a tensor with at least one axis',
    );
  });
});

describe('scatterAdd', () => {
  it('adds rows at their index, equal indices together', () => {
    const updates = constant([1, 2, 3, 4, 5, 6], [3, 2]);
    expect(valueOf(scatterAdd(constant([2, 0, 2], [3], 'i32'), updates, 4))).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
  });

  it('refuses updates that do not fit the indices', () => {
    const indices = input('i', [3], 'i32');
    expect(() => scatterAdd(indices, input('u', [2, 3]), 4)).toThrow(
      'scatter_add: updates [2, 3] must start with the shape of the indices [3]',
    );
    expect(() => scatterAdd(input('i', [3]), input('u', [3]), 4)).toThrow('scatter_add at indices needs i32, got f32');
    expect(() => scatterAdd(indices, input('u', [3], 'i32'), 4)).toThrow('scatter_add of updates needs f32, got i32');
  });
});
