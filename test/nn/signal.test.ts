import { describe, expect, it } from 'vitest';
import { activations } from '../../src/nn/activations.js';
import { initSchema } from '../../src/nn/initializers.js';
import type { TraceOptions } from '../../src/nn/layer.js';
import { layers as registry } from '../../src/nn/layers/index.js';
import { modelSchema, traceModel, type TracedModel } from '../../src/nn/model.js';
import { RandomSource } from '../../src/nn/random-source.js';
import type { Signals } from '../../src/nn/signal.js';
import { VariableStore } from '../../src/nn/variables.js';
import { input } from '../../src/tensor/index.js';

const trace = (layers: readonly unknown[], inputs: Signals, options: Partial<TraceOptions> = {}): TracedModel =>
  traceModel(modelSchema.parse({ layers }), inputs, new VariableStore(), {
    training: true,
    random: new RandomSource(),
    init: initSchema.parse({}),
    ...options,
  });

const sequence = (channels = 4, lengths = input('lengths', [2], 'i32')) =>
  ({ tensor: input('x', [2, 5, channels]), structure: { kind: 'sequence', lengths } }) as const;

describe('the structure of a signal', () => {
  it('passes through layers that treat every position by itself, and through blocks of them', () => {
    const x = sequence();
    const layers = [
      'layer_norm',
      { dropout: { rate: 0.5 } },
      { residual: { layers: ['gelu', { gaussian_noise: { std: 0.1 } }] } },
      { sequential: { name: 'twice', layers: ['relu'], repeat: 2 } },
      { concat: { inputs: ['input', 'twice'] } },
    ];
    expect(trace(layers, { input: x }).outputs.output.structure).toBe(x.structure);
  });

  it.each(['flatten', 'global_avg_pool1d', { conv1d: { filters: 2, kernel_size: 3, padding: 'same' } }, 'batch_norm'])(
    'is refused by %j, which would mix padding with values',
    (layer) => {
      const message = 'cannot take sequences of different lengths: padding would mix with their values';
      expect(() => trace(['layer_norm', layer], { input: sequence() })).toThrow(message);
      expect(() => trace(['layer_norm', layer], { input: { tensor: input('x', [2, 5, 4]) } })).not.toThrow();
    },
  );

  it('must be the same in all that is merged', () => {
    const signals = { a: sequence(), b: sequence(4, input('others', [2], 'i32')) };
    const message = 'can merge sequences of different lengths only where these lengths are the same';
    expect(() => trace([{ add: { inputs: ['a', 'b'] } }], signals)).toThrow(message);
  });

  it('is kept by every activation function', () => {
    for (const type of Object.keys(activations)) expect(registry[type].traits, type).toContain('per_position');
  });
});

describe('the inputs and outputs of a network', () => {
  const named = { image: { tensor: input('image', [2, 3]) }, label: { tensor: input('label', [2, 4]) } };

  it('have names, which layers take them by', () => {
    const layers = [{ dense: { units: 4, inputs: 'image' } }, { tanh: { name: 'bent' } }, { concat: { inputs: ['bent', 'label'] } }]; // prettier-ignore
    expect(trace(layers, named).output.shape).toEqual([2, 8]);
  });

  it('are all taken by the first layer where it does not say which', () => {
    expect(trace(['concat', { dense: { units: 1 } }], named).parameters[0].node.shape).toEqual([7, 1]);
    expect(() => trace([{ dense: { units: 1 } }], named)).toThrow('layers.0 (dense): takes one input, got 2');
  });

  it('can be several outputs: the last one and those that are asked for', () => {
    const layers = [
      { dense: { units: 8, name: 'encoder' } },
      { dense: { units: 2, name: 'mean', inputs: 'encoder' } },
      { dense: { units: 3, name: 'log_variance', inputs: 'encoder' } },
    ];
    const { outputs, output } = trace(layers, { input: named.image }, { outputs: ['mean'] });
    expect([outputs.mean.tensor.shape, outputs.output.tensor.shape, output.shape]).toEqual([[2, 2], [2, 3], [2, 3]]); // prettier-ignore
    expect(() => trace(layers, { input: named.image })).toThrow('layers.mean (dense): nothing uses its output');
    expect(() => trace(layers, { input: named.image }, { outputs: ['meen'] })).toThrow('did you mean "mean"?');
  });
});
