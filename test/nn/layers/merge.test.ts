import { describe, expect, it } from 'vitest';
import { grad, reduceSum, mul } from '../../../src/tensor/index.js';
import { expectValues, network, outputOf, valuesOf } from '../helpers/network.js';

const linear = (units: number, name?: string, inputs?: string | string[]) => ({
  dense: { units, use_bias: false, ...(name && { name }), ...(inputs && { inputs }) },
});

describe('add, multiply and concat', () => {
  const values = { x: [1, 2], 'layers.a.weight': [1, 0, 0, 2], 'layers.b.weight': [0, 1, 1, 0] };
  const merging = (type: string, params = {}) =>
    network([linear(2, 'a'), linear(2, 'b', 'input'), { [type]: { inputs: ['a', 'b'], ...params } }], [2]);

  // a = [1, 4], b = [2, 1]
  it.each([
    ['add', [3, 5]],
    ['multiply', [2, 4]],
    ['concat', [1, 4, 2, 1]],
  ])('%s merges outputs of earlier layers', (type, expected) => {
    expectValues(outputOf(merging(type), values), expected);
  });

  it('take as many inputs as are listed, also the same one twice', () => {
    const net = network([linear(2, 'a'), { add: { inputs: ['a', 'a', 'input'] } }], [2]);
    expectValues(outputOf(net, values), [1 + 1 + 1, 4 + 4 + 2]);
  });

  it('concat puts samples side by side along any of their axes', () => {
    const layers = [{ reshape: { shape: [2, 2], name: 'a' } }, { concat: { inputs: ['a', 'a'], axis: 0 } }, 'flatten'];
    expectValues(outputOf(network(layers, [4]), { x: [1, 2, 3, 4] }), [1, 2, 3, 4, 1, 2, 3, 4]);
    const last = [{ reshape: { shape: [2, 2], name: 'a' } }, { concat: { inputs: ['a', 'a'] } }, 'flatten'];
    expectValues(outputOf(network(last, [4]), { x: [1, 2, 3, 4] }), [1, 2, 1, 2, 3, 4, 3, 4]);
  });

  it.each([
    [{ add: { inputs: ['a', 'wide'] } }, 'layers.2 (add): can add inputs of one shape only, got [2], [3]'],
    [{ multiply: { inputs: ['a', 'wide'] } }, 'can multiply inputs of one shape only, got [2], [3]'],
    [{ concat: { inputs: ['a', 'wide'], axis: 1 } }, 'a sample [2] has no axis 1'],
    [{ add: { inputs: 'a' } }, 'needs at least two inputs, by name: inputs: [a, b]'],
    ['concat', 'needs at least two inputs, by name: inputs: [a, b]'],
    [{ dense: { units: 2, inputs: ['a', 'wide'] } }, 'takes one input, got 2; merge them before it with a layer add, multiply or concat'], // prettier-ignore
  ])('refuse what they cannot merge: %j', (layer, message) => {
    expect(() => network([linear(2, 'a'), linear(3, 'wide', 'input'), layer], [2])).toThrow(message);
  });

  it('give the bits and derivatives of the block that says the same', () => {
    const blocks = [linear(3), { residual: { layers: [linear(3), 'tanh'] } }, { parallel: { branches: [[linear(2)], []] } }]; // prettier-ignore
    const named = [
      linear(3, 'stem'),
      linear(3),
      { tanh: { name: 'bent' } },
      { add: { inputs: ['bent', 'stem'], name: 'sum' } },
      linear(2, 'left', 'sum'),
      { concat: { inputs: ['left', 'sum'] } },
    ];
    const order = (net: ReturnType<typeof network>): number[][] => {
      const weights = net.model.parameters.map(({ node }) => node);
      const { output } = net.model;
      const given = Object.fromEntries(net.model.parameters.map(({ name, node }, k) => [name, Array.from({ length: node.shape[0] * node.shape[1] }, (_, i) => Math.sin(i + k))])); // prettier-ignore
      return valuesOf([output, ...grad(reduceSum(mul(output, output)), weights)], { ...given, x: [0.3, -0.8] });
    };
    expect(order(network(named, [2]))).toEqual(order(network(blocks, [2])));
  });
});
