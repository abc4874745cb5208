import { describe, expect, it } from 'vitest';
import { LayerShapeError, modelSchema } from '../../src/nn/model.js';
import { grad, hostRandom, reduceSum, ShapeError } from '../../src/tensor/index.js';
import { VariableStore } from '../../src/nn/variables.js';
import { expectDerivatives, network } from './helpers/network.js';

const cnn = [
  { reshape: { shape: [28, 28, 1] } },
  { conv2d: { filters: 32, kernel_size: 3, activation: 'relu' } },
  'max_pool2d',
  'flatten',
  { dropout: { rate: 0.5 } },
  { dense: { units: 10 } },
];

describe('the layer table', () => {
  it('has shapes, parameters, multiply-accumulates and memory of each layer', () => {
    const { model } = network(cnn, [28, 28], { batch: 4 });
    expect(model.rows.map(({ type, outputShape, parameters, macs }) => [type, outputShape, parameters, macs])).toEqual([
      ['reshape', [28, 28, 1], 0, 0],
      ['conv2d', [26, 26, 32], 9 * 32 + 32, 26 * 26 * 32 * 9],
      ['max_pool2d', [13, 13, 32], 0, 0],
      ['flatten', [5408], 0, 0],
      ['dropout', [5408], 0, 0],
      ['dense', [10], 54090, 54080],
    ]);
    expect(model.rows.map((row) => row.memoryBytes / 4)).toEqual([0, 26 * 26 * 32 + 320, 5408, 0, 5408, 54100]);
  });

  it('makes 10 million weights of 100x100 pixels into 1000 dense units', () => {
    const { model } = network(['flatten', { dense: { units: 1000, use_bias: false } }], [100, 100]);
    expect(model.rows[1].parameters).toBe(10_000_000);
    expect(model.rows[1].macs).toBe(10_000_000);
  });

  it('makes 25,000 weights of 1000 convolutional 5x5 filters', () => {
    const { model } = network([{ conv2d: { filters: 1000, kernel_size: 5, use_bias: false } }], [100, 100, 1]);
    expect(model.rows[0].parameters).toBe(25_000);
    expect(model.rows[0].macs).toBe(96 * 96 * 25_000);
  });

  it('counts the weights of a group only for its own channels', () => {
    const { model } = network([{ conv2d: { filters: 8, kernel_size: 3, groups: 4, padding: 'same' } }], [5, 5, 4]);
    expect(model.rows[0].parameters).toBe(9 * 8 + 8);
    expect(model.rows[0].macs).toBe(25 * 9 * 8);
  });
});

describe('tracing a model', () => {
  it('gives the training and the evaluation graph of one store the same parameter nodes', () => {
    const variables = new VariableStore();
    const training = network(cnn, [28, 28], { batch: 4, variables }).model;
    const evaluation = network(cnn, [28, 28], { batch: 7, training: false, variables }).model;
    expect(training.parameters.map((p) => p.name)).toEqual([
      'layers.1.weight',
      'layers.1.bias',
      'layers.5.weight',
      'layers.5.bias',
    ]);
    training.parameters.forEach((p, i) => expect(evaluation.parameters[i].node).toBe(p.node));
    expect(training.parameters.map((p) => p.layer)).toEqual(['layers.1', 'layers.1', 'layers.5', 'layers.5']);
  });

  it('makes initial values that fit the parameters', () => {
    for (const p of network(cnn, [28, 28]).model.parameters)
      expect(p.initialize(hostRandom(1, p.name))).toHaveLength(p.node.shape.reduce((a, b) => a * b, 1));
  });

  it('names the layer in every node and in shape errors', () => {
    const { model } = network(cnn, [28, 28]);
    expect(model.layers[2].output.scope).toBe('layers.2 (max_pool2d)');
    const failing = () => network([{ conv2d: { filters: 32, kernel_size: 3 } }, { dense: { units: 10 } }], [28, 28, 1]);
    expect(failing).toThrow(ShapeError);
    expect(failing).toThrow(
      'layers.1 (dense): needs a vector per sample, got [26, 26, 32]; put a flatten layer before it',
    );
  });

  it('attributes the derivative of a layer to it', () => {
    const { model } = network([{ dense: { units: 3, activation: 'tanh' } }, { dense: { units: 1 } }], [2], {
      batch: 5,
    });
    const [gradient] = grad(reduceSum(model.output), [model.parameters[0].node]);
    expect(gradient.scope).toBe('layers.0 (dense) gradient');
  });

  it('has the derivatives of finite differences as a whole', () => {
    const layers = [
      { conv2d: { filters: 2, kernel_size: 2 } },
      'batch_norm',
      'gelu',
      'max_pool2d',
      { dropout: { rate: 0.25 } },
      'flatten',
      { dense: { units: 2, activation: 'softplus' } },
    ];
    expectDerivatives(network(layers, [5, 5, 1], { batch: 2 }));
  });
});

describe('inputs by name', () => {
  it('stand in the layer table and put names into those of weights', () => {
    const layers = [
      { dense: { units: 4, name: 'stem' } },
      { dense: { units: 4, name: 'branch' } },
      { add: { inputs: ['branch', 'stem'], name: 'sum' } },
      { add: { inputs: ['sum', 'stem'] } },
    ];
    const { model } = network(layers, [3]);
    expect(model.rows.map(({ name, inputs }) => [name, inputs])).toEqual([
      ['layers.stem', undefined],
      ['layers.branch', undefined],
      ['layers.sum', ['branch', 'stem']],
      ['layers.3', ['sum', 'stem']],
    ]);
    expect(model.parameters.map((p) => p.name)).toContain('layers.stem.weight');
  });

  it('reach out of a block, and the inner of two equal names is meant', () => {
    const inner = { sequential: { layers: [{ dense: { units: 2, name: 'a' } }, { add: { inputs: ['a', 'outer'] } }] } };
    const { model } = network([{ dense: { units: 2, name: 'outer' } }, { dense: { units: 3, name: 'a' } }, inner], [3]);
    expect(model.output.shape).toEqual([1, 2]);
  });

  it.each([
    [[{ dense: { units: 2, name: 'stem' } }, { relu: { inputs: 'sten' } }], 'layers.1 (relu): no layer before it is called "sten"; did you mean "stem"? there are input, stem', ['layers', 1, 'inputs']], // prettier-ignore
    [[{ relu: { inputs: 'later' } }, { dense: { units: 2, name: 'later' } }], 'no layer before it is called "later"', ['layers', 0, 'inputs']], // prettier-ignore
    [[{ sequential: { layers: [{ relu: { name: 'hidden' } }] } }, { relu: { inputs: 'hidden' } }], 'no layer before it is called "hidden"', ['layers', 1, 'inputs']], // prettier-ignore
    [[{ dense: { units: 2 } }, { relu: { inputs: 'input' } }], 'layers.0 (dense): nothing uses its output: give it a name', ['layers', 0]], // prettier-ignore
  ])('of layers that are not there, or that nobody takes, are refused: %j', (layers, message, path) => {
    try {
      network(layers, [3]);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(LayerShapeError);
      expect((error as LayerShapeError).message).toContain(message);
      expect((error as LayerShapeError).path).toEqual(path);
    }
  });
});

describe('the model section', () => {
  it('fills in defaults', () => {
    expect(modelSchema.parse({ layers: ['max_pool2d', { dense: { units: 2, activation: 'relu' } }] })).toEqual({
      layers: [
        { type: 'max_pool2d', pool_size: 2, padding: 'valid' },
        { type: 'dense', units: 2, activation: { type: 'relu' }, use_bias: true },
      ],
    });
  });

  it.each([
    [[]],
    [['dense']],
    [[{ dense: { units: 0 } }]],
    [[{ dense: { units: 2, kernel: 3 } }]],
    [[{ dropout: { rate: 1 } }]],
    [[{ conv2d: { filters: 2, kernel_size: [3, 3, 3] } }]],
    [['dens']],
    [[{ add: { inputs: [] } }]],
    [[{ relu: { name: 'input' } }]],
    [[{ relu: { name: '1st' } }]],
  ])('refuses %j', (layers) => {
    expect(modelSchema.safeParse({ layers }).success).toBe(false);
  });
});
