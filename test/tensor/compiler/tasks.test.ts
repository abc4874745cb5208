import { describe, expect, it } from 'vitest';
import { ownOrder } from '../../../src/tensor/compiler/tasks.js';

describe('ownOrder', () => {
  it('has a half of the tasks first, upwards, and then the other from its end', () => {
    expect(ownOrder(0, 5)).toEqual([0, 1, 2, 4, 3]);
    expect(ownOrder(1, 5)).toEqual([3, 4, 2, 1, 0]);
  });

  it('gives two threads every task once, however many each of them takes', () => {
    for (let count = 1; count <= 16; count++) {
      const tasks = Array.from({ length: count }, (_, task) => task);
      for (let first = 0; first <= count; first++) {
        const taken = [...ownOrder(0, count).slice(0, first), ...ownOrder(1, count).slice(0, count - first)];
        expect(taken.sort((a, b) => a - b)).toEqual(tasks);
      }
    }
  });
});
