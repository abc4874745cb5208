import { describe, expect, it } from 'vitest';
import { layers } from '../../../src/nn/layers/index.js';
import { expectValues, network, valuesOf } from '../helpers/network.js';

describe('all layers', () => {
  it('have a one-line description', () => {
    for (const [name, { description }] of Object.entries(layers)) expect(description, name).toMatch(/^\S[^\n]*\.$/);
  });

  it('include every activation function', () => {
    const net = network([{ leaky_relu: { slope: 0.5 } }, 'relu'], [2]);
    expect(net.model.layers.map((l) => l.activation)).toEqual(['leaky_relu', 'relu']);
    expect(net.model.layers[0].preactivation).toBe(net.x);
    expectValues(valuesOf([net.model.layers[0].output], { x: [-2, 2] })[0], [-1, 2]);
  });
});
