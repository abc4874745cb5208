import { describe, expect, it } from 'vitest';
import { bitsIn, forEachSample, sampleOf, type Table } from '../../src/data/fields.js';

/** Sequences of two, none and one item of two values each. */
const ragged: Table = {
  shape: [2],
  dtype: 'f32',
  values: Float32Array.of(1, 2, 3, 4, 5, 6),
  offsets: Int32Array.of(0, 2, 2, 3),
};

describe('a ragged table', () => {
  it('has as many items in a sample as its offsets say', () => {
    expect([0, 1, 2].map((i) => [...sampleOf(ragged, i)])).toEqual([[1, 2, 3, 4], [], [5, 6]]);
  });

  it('is visited sample by sample', () => {
    const visited: number[][] = [];
    forEachSample(ragged, 3, (values, sample) => visited.push([sample, ...values]));
    expect(visited).toEqual([[0, 1, 2, 3, 4], [1], [2, 5, 6]]);
  });

  it('gives the rows of a split, whichever these are', () => {
    const split: Table = { ...ragged, rows: Int32Array.of(2, 0) };
    expect([0, 1].map((i) => [...sampleOf(split, i)])).toEqual([[5, 6], [1, 2, 3, 4]]); // prettier-ignore
  });

  it('says where the bits of a sample lie', () => {
    const bits = bitsIn(ragged);
    expect([0, 1, 2].map((i) => bits(i).slice(1))).toEqual([[0, 4], [4, 4], [4, 6]]); // prettier-ignore
  });
});
