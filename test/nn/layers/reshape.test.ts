import { describe, expect, it } from 'vitest';
import { expectValues, network, outputOf, wave } from '../helpers/network.js';

describe('reshape', () => {
  it('keeps the values in row-major order, with one size worked out', () => {
    const net = network(['flatten', { reshape: { shape: [2, -1, 1] } }], [3, 4], { batch: 2 });
    expect(net.model.rows.map((row) => row.outputShape)).toEqual([[12], [2, 6, 1]]);
    expectValues(outputOf(net), wave(24, 0.37, 0.11));
  });

  it('says why a shape is impossible', () => {
    expect(() => network([{ reshape: { shape: [28, 27] } }], [784])).toThrow(
      'layers.0 (reshape): [784] cannot become [28, 27]: a sample has 784 values, the shape needs 756',
    );
    expect(() => network([{ reshape: { shape: [-1, 5] } }], [784])).toThrow('the shape needs a multiple of 5');
    expect(() => network([{ reshape: { shape: [-1, -1] } }], [784])).toThrow('only one size of [-1, -1] may be -1');
  });
});
