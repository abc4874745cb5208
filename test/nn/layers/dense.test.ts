import { describe, expect, it } from 'vitest';
import { expectDerivatives, expectValues, network, outputOf, valuesOf } from '../helpers/network.js';

// Expected numbers are from PyTorch 1.13 in float64, on the values of helpers/network.ts.

describe('dense', () => {
  it('is x times weight plus bias', () => {
    const net = network([{ dense: { units: 2 } }], [3], { batch: 2 });
    expectValues(outputOf(net), [1.30709642, 1.58674548, 2.11147421, 2.71495761]);
    expect(net.model.parameters.map((p) => [p.name, p.kind, p.node.shape])).toEqual([
      ['layers.0.weight', 'weight', [3, 2]],
      ['layers.0.bias', 'bias', [2]],
    ]);
  });

  it('has no bias where use_bias is false', () => {
    const { model } = network([{ dense: { units: 2, use_bias: false } }], [3]);
    expect(model.parameters.map((p) => p.name)).toEqual(['layers.0.weight']);
  });

  it('applies its activation, and says what it was applied to', () => {
    const { model } = network([{ dense: { units: 2, activation: { leaky_relu: { slope: 0.5 } } } }], [3]);
    const weight = { 'layers.0.weight': [1, -1, 0, 0, 0, 0], 'layers.0.bias': [0, 0], x: [2, 0, 0] };
    expectValues(valuesOf([model.output], weight)[0], [2, -1]);
    const [layer] = model.layers;
    expect(layer.activation).toBe('leaky_relu');
    expectValues(valuesOf(layer.preactivation ? [layer.preactivation] : [], weight)[0], [2, -2]);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network([{ dense: { units: 3, activation: 'tanh' } }], [4], { batch: 2 }));
  });

  it('wants a vector per sample', () => {
    expect(() => network([{ dense: { units: 2 } }], [26, 26, 32])).toThrow(
      'layers.0 (dense): needs a vector per sample, got [26, 26, 32]; put a flatten layer before it',
    );
    expect(() => network([{ dense: { units: 2 } }], [])).toThrow('got []; put a reshape: {shape: [1]} layer before it');
  });
});
