import { describe, expect, it } from 'vitest';
import { constraintOf, constraints, constraintSchema } from '../../src/nn/constraints.js';
import { constant, type Shape } from '../../src/tensor/index.js';
import { valuesAt } from '../tensor/helpers/expect-gradient.js';

const projected = (written: unknown, shape: Shape, values: readonly number[], axis = shape.length - 1): number[] => {
  const config = constraintSchema.parse(written);
  return [...valuesAt([constraintOf(config).project(constant(values, shape), axis, config)], [])[0]];
};
/** Computed by hand from Keras's formulas, whose epsilon of 1e-7 moves the seventh digit. */
const expectNear = (actual: readonly number[], expected: readonly number[]): void => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 6));
};

// Columns (3, 4) of norm 5 and (0.6, 0.8) of norm 1.
const dense = [3, 0.6, 4, 0.8];

describe('constraints', () => {
  it('max_norm shrinks the incoming weights of each unit, a column, to the norm', () => {
    expectNear(projected({ max_norm: { max: 2 } }, [2, 2], dense), [1.2, 0.6, 1.6, 0.8]);
  });

  it('max_norm leaves weights within the bound exactly unchanged', () => {
    expect(projected({ max_norm: { max: 5.1 } }, [2, 2], dense)).toEqual(dense);
    expect(projected('max_norm', [2, 2], [0, 0, 0, 0])).toEqual([0, 0, 0, 0]);
  });

  it('takes the norm of a filter over height, width and channels', () => {
    // [2, 1, 2, 2]: filter 0 has 1, 1, 1, 1 (norm 2), filter 1 has 2, 4, 4, 8 (norm 10).
    const values = [1, 2, 1, 4, 1, 4, 1, 8];
    expectNear(projected({ max_norm: { max: 5 } }, [2, 1, 2, 2], values), [1, 1, 1, 2, 1, 2, 1, 4]);
    expectNear(projected('unit_norm', [2, 1, 2, 2], values), [0.5, 0.2, 0.5, 0.4, 0.5, 0.4, 0.5, 0.8]);
  });

  it('takes outputs along the axis that numbers them', () => {
    // Rows (3, 4) and (0.3, 0.4).
    expectNear(projected({ max_norm: { max: 1 } }, [2, 2], [3, 4, 0.3, 0.4], 0), [0.6, 0.8, 0.3, 0.4]);
  });

  it('takes a bias as a whole, as Keras does', () => {
    expectNear(projected({ max_norm: { max: 1 } }, [2], [3, 4]), [0.6, 0.8]);
  });

  it('min_max_norm goes a share of the way to the nearest norm between the two', () => {
    // Norms 5 and 1 to [2, 3]: 3 and 2; half of the way 4 and 1.5.
    expectNear(projected({ min_max_norm: { min: 2, max: 3 } }, [2, 2], dense), [1.8, 1.2, 2.4, 1.6]);
    expectNear(projected({ min_max_norm: { min: 2, max: 3, rate: 0.5 } }, [2, 2], dense), [2.4, 0.9, 3.2, 1.2]);
    expect(constraintSchema.safeParse({ min_max_norm: { min: 2, max: 1 } }).success).toBe(false);
  });

  it('unit_norm gives every unit the norm 1', () => {
    expectNear(projected('unit_norm', [2, 2], dense), [0.6, 0.6, 0.8, 0.8]);
  });

  it('non_negative sets negative weights to 0', () => {
    expect(projected('non_negative', [3], [-1, 0, 2])).toEqual([0, 0, 2]);
  });

  it.each(Object.keys(constraints))('%s changes nothing when applied again', (name) => {
    const once = projected({ [name]: null }, [2, 2], [-3, 0.6, 4, 0.8]);
    expectNear(projected({ [name]: null }, [2, 2], once), once);
  });
});
