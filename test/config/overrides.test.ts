import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { applyOverrides } from '../../src/config/overrides.js';
import { plain } from '../../src/config/tree.js';
import { parseConfigText } from '../../src/config/yaml-source.js';
import { experiment } from './example-schema.js';

function apply(config: unknown, ...overrides: string[]): unknown {
  const { root } = parseConfigText(stringify(config), 'a.yaml');
  const { root: changed, faults } = applyOverrides(root, experiment, overrides, { LR: '0.5' });
  expect(faults).toEqual([]);
  return plain(changed);
}

describe('an override', () => {
  it('steps over the name of a component, or through it', () => {
    const config = { model: { layers: ['flatten', { dense: { units: 128 } }] } };
    const expected = { model: { layers: ['flatten', { dense: { units: 64 } }] } };
    expect(apply(config, 'model.layers.1.units=64')).toEqual(expected);
    expect(apply(config, 'model.layers[1].units=64')).toEqual(expected);
    expect(apply(config, 'model.layers.1.dense.units=64')).toEqual(expected);
    expect(apply(config, 'model.layers.1.dense={units: 64}')).toEqual(expected);
  });

  it('gives a bare component parameters', () => {
    expect(apply({ optimizer: 'adam' }, 'optimizer.lr=0.01')).toEqual({ optimizer: { adam: { lr: 0.01 } } });
    expect(apply({ optimizer: { adam: null } }, 'optimizer.lr=0.01')).toEqual({ optimizer: { adam: { lr: 0.01 } } });
  });

  it('of null unsets what may be left out, whatever it takes', () => {
    const config = { seed: 3, model: { layers: ['flatten', { dense: { units: 8, activation: 'relu' } }] }, optimizer: { adam: { lr: 1 } } };
    const unset = apply(config, 'seed=null', 'model.layers.1.activation=null', 'optimizer.lr=null');
    expect(unset).toEqual({ model: { layers: ['flatten', { dense: { units: 8 } }] }, optimizer: { adam: {} } });
    expect(apply(config, 'optimizer=null')).toEqual({ seed: 3, model: config.model });
    // A key that must be there stays, so that the schema can complain of it.
    expect(apply(config, 'model.layers.1.units=null')).toMatchObject({ model: { layers: ['flatten', { dense: { units: null } }] } });
  }); // prettier-ignore

  it('starts from the default of what the file leaves out', () => {
    expect(apply({ name: 'x' }, 'optimizer.lr=0.01')).toEqual({ name: 'x', optimizer: { adam: { lr: 0.01 } } });
    expect(apply({ name: 'x' }, 'optimizer.betas.0=0.5')).toEqual({
      name: 'x',
      optimizer: { adam: { betas: [0.5, 0.999] } },
    });
  });

  it('replaces a whole component, also to set its parameters next', () => {
    expect(apply({ optimizer: { adam: { lr: 1 } } }, 'optimizer=sgd', 'optimizer.lr=2')).toEqual({
      optimizer: { sgd: { lr: 2 } },
    });
    expect(apply({ optimizer: 'adam' }, 'optimizer={sgd: {lr: 1}}')).toEqual({ optimizer: { sgd: { lr: 1 } } });
  });

  it('reaches into components within components', () => {
    const config = {
      model: { layers: [{ residual: { layers: [{ dense: { units: 1, activation: 'leaky_relu' } }] } }] },
    };
    expect(apply(config, 'model.layers.0.layers.0.activation.slope=0.3')).toEqual({
      model: {
        layers: [{ residual: { layers: [{ dense: { units: 1, activation: { leaky_relu: { slope: 0.3 } } } }] } }],
      },
    });
  });

  it('makes the mappings on its way', () => {
    expect(apply({ name: 'x' }, 'train.early_stopping.patience=3')).toEqual({
      name: 'x',
      train: { early_stopping: { patience: 3 } },
    });
  });

  it('has a YAML value, in which an equals sign and the environment are fine', () => {
    expect(apply({ name: 'x' }, 'name=a=b')).toEqual({ name: 'a=b' });
    expect(apply({ name: 'x' }, 'name="1"')).toEqual({ name: '1' });
    expect(apply({ name: 'x' }, 'name=null')).toEqual({});
    expect(apply({ optimizer: 'adam' }, 'optimizer.lr=${env:LR}')).toEqual({ optimizer: { adam: { lr: 0.5 } } });
  });

  it('leaves the tree that it is applied to as it was, aliases included', () => {
    const { root } = parseConfigText('a: &x {units: 1}\nb: *x\n', 'a.yaml');
    const { root: changed } = applyOverrides(root, experiment, ['b.units=2'], {});
    expect(plain(root)).toEqual({ a: { units: 1 }, b: { units: 1 } });
    expect(plain(changed)).toEqual({ a: { units: 1 }, b: { units: 2 } });
  });
});
