import { describe, expect, it } from 'vitest';
import type { LayerTrait } from '../../../src/nn/layer.js';
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

describe('traits of layers', () => {
  const withTrait = (wanted: LayerTrait): string[] =>
    Object.entries(layers).flatMap(([type, { traits = [] }]) => (traits.includes(wanted) ? [type] : []));
  const settings: Readonly<Record<string, object>> = { reshape: { shape: [4, -1] }, permute: { axes: [2, 0, 1] } };
  const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

  it.each(withTrait('moves_values'))('%s returns its input in another order or shape', (type) => {
    const [before, after] = valuesOf([...inputAndOutput({ [type]: settings[type] ?? {} })]);
    expect(ascending(after)).toEqual(ascending(before));
  });

  it.each(withTrait('drops_units'))('%s replaces some values by one constant in training', (type) => {
    const [, after] = valuesOf([...inputAndOutput({ [type]: { rate: 0.5 } })], { rng: [1, 2] });
    const dropped = after.filter((value) => value === after.find((one, i) => after.indexOf(one) !== i));
    expect(dropped.length).toBeGreaterThan(1);
    expect(dropped.length).toBeLessThan(after.length);
  });

  it('tell every pooling layer', () => {
    expect(withTrait('pools')).toEqual(Object.keys(layers).filter((type) => type.includes('pool')));
  });
});

function inputAndOutput(layer: object) {
  const { x, model } = network([layer], [2, 4, 3], { batch: 2 });
  return [x, model.output] as const;
}
