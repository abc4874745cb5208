import { describe, expect, it } from 'vitest';
import type { Split } from '../../../src/data/index.js';
import { embeddingIdProblems } from '../../../src/train/index.js';
import { experiment } from '../tiny.js';

const split = (values: number[]): Split => ({
  size: values.length / 2,
  fields: { features: { shape: [2], dtype: 'f32', values: Float32Array.from(values) } },
});
const config = (params: object, before: readonly unknown[] = []) =>
  experiment({
    model: {
      layers: [...before, { embedding: { vocabulary: 4, units: 2, ...params } }, 'flatten', { dense: { units: 3 } }],
    },
  });

describe('numbers that an embedding has no row for', () => {
  it('are pointed out before the first step, with the sample and its split', () => {
    const data = { train: split([0, 3, 1, 2]), val: split([0, 0, 1, 4]) };
    expect(embeddingIdProblems(config({}), data)).toEqual([
      {
        path: ['model', 'layers', 0, 'vocabulary'],
        message:
          'sample 1 of the val split (counted from 0) has 4, and the embedding has rows for the integers from 0 to 3; ' +
          'make the vocabulary larger, or give a row for all others: unknown: 0',
      },
    ]);
    expect(embeddingIdProblems(config({}), { train: data.train })).toEqual([]);
  });

  it.each([[-1], [0.5], [NaN]])('are %d, too', (value) => {
    expect(embeddingIdProblems(config({}), { train: split([0, value]) })).toHaveLength(1);
  });

  it('are seen as preprocessing leaves them', () => {
    const affine = { scale: [2], shift: [0] };
    expect(embeddingIdProblems(config({}), { train: split([0, 1]), affine })).toEqual([]);
    expect(embeddingIdProblems(config({}), { train: split([0, 2]), affine })).toHaveLength(1);
  });

  it('are right where a row is theirs, or where other layers stand between', () => {
    expect(embeddingIdProblems(config({ unknown: 0 }), { train: split([0, 9]) })).toEqual([]);
    expect(embeddingIdProblems(config({}, ['relu']), { train: split([0, 9]) })).toEqual([]);
  });
});
