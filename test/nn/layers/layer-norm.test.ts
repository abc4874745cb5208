import { describe, it } from 'vitest';
import { expectDerivatives, expectValues, network, outputOf, wave } from '../helpers/network.js';

// Expected numbers are from PyTorch 1.13 in float64, on the values of helpers/network.ts.

describe('layer_norm', () => {
  it('gives the values of PyTorch', () => {
    const given = { 'layers.0.weight': wave(4, 0.9, 0.4).map((v) => 1 + v / 2) };
    const expected = [-1.44235176, 0.356314301, 1.82171003, 1.87043636, 1.53782317, 1.88865319, 0.709592861, -0.923091207]; // prettier-ignore
    expectValues(outputOf(network(['layer_norm'], [4], { batch: 2 }), given), expected);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network(['layer_norm'], [2, 3], { batch: 2 }));
  });
});
