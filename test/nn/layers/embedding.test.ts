import { describe, expect, it } from 'vitest';
import { hostRandom } from '../../../src/tensor/index.js';
import { expectDerivatives, network, outputOf } from '../helpers/network.js';

const written = { embedding: { vocabulary: 3, units: 2 } };
const table = { 'layers.0.weight': [1, 2, 3, 4, 5, 6] };

describe('embedding', () => {
  it('gives the row of each number', () => {
    const net = network([written], [2], { batch: 2 });
    expect(net.model.rows[0].outputShape).toEqual([2, 2]);
    expect(outputOf(net, { ...table, x: [0, 2, 1, 2] })).toEqual([1, 2, 5, 6, 3, 4, 5, 6]);
  });

  it('never reads outside of its table', () => {
    expect(outputOf(network([written], [3]), { ...table, x: [-4, 3, 1e30] })).toEqual([1, 2, 5, 6, 5, 6]);
  });

  it('gives the row `unknown` to all other numbers', () => {
    const net = network([{ embedding: { vocabulary: 3, units: 2, unknown: 1 } }], [4]);
    expect(outputOf(net, { ...table, x: [-1, 3, 2, 1e30] })).toEqual([3, 4, 3, 4, 5, 6, 3, 4]);
    expect(() => network([{ embedding: { vocabulary: 3, units: 2, unknown: 3 } }], [1])).toThrow('unknown: 3 is not a row of a vocabulary of 3'); // prettier-ignore
  });

  it('starts small whatever the initializers of the model', () => {
    const { model } = network([{ embedding: { vocabulary: 1000, units: 10 } }], [1], { init: { weights: 'ones' } });
    const values = model.parameters[0].initialize(hostRandom(1, 'table'));
    expect(Math.sqrt(values.reduce((total, v) => total + v * v, 0) / values.length) / 0.05).toBeCloseTo(1, 1.5);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network([written, 'tanh'], [3], { batch: 2 }));
  });
});
