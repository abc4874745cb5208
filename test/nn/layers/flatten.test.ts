import { describe, expect, it } from 'vitest';
import { expectValues, network, outputOf, wave } from '../helpers/network.js';

describe('flatten', () => {
  it('makes one vector of a sample, row-major', () => {
    const net = network(['flatten'], [3, 2, 2], { batch: 2 });
    expect(net.model.rows[0].outputShape).toEqual([12]);
    expectValues(outputOf(net), wave(24, 0.37, 0.11));
  });

  it('makes a vector of one out of a number', () => {
    expect(network(['flatten'], []).model.output.shape).toEqual([1, 1]);
  });
});
