import { describe, expect, it } from 'vitest';
import { expectDerivatives, network, outputOf } from '../helpers/network.js';

describe('permute', () => {
  it('reorders the axes of each sample', () => {
    const net = network([{ permute: { axes: [1, 0] } }], [2, 3], { batch: 2 });
    expect(net.model.rows[0].outputShape).toEqual([3, 2]);
    const x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    expect(outputOf(net, { x })).toEqual([1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12]);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network([{ permute: { axes: [2, 0, 1] } }, 'tanh'], [2, 3, 2]));
  });

  it('names axes that are no order of the sample', () => {
    expect(() => network([{ permute: { axes: [1, 1] } }], [2, 3])).toThrow(
      'layers.0 (permute): axes [1, 1] must be [0, 1] of [2, 3] in some order',
    );
  });
});
