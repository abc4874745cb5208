import { describe, expect, it } from 'vitest';
import { grad, mul, reduceSum, referenceBackend, sizeOf, wasmBackend } from '../../../src/tensor/index.js';
import { LayerShapeError } from '../../../src/nn/model.js';
import { expectDerivatives, expectValues, network, outputOf, valuesOf, wave } from '../helpers/network.js';
import { runningMean } from '../../../src/nn/variables.js';

const namesOf = ({ model }: ReturnType<typeof network>): string[] => model.parameters.map((p) => p.name);
const linear = (units: number) => ({ dense: { units, use_bias: false } });

describe('sequential', () => {
  it('repeats its layers, each copy with its own weights', () => {
    const net = network([{ sequential: { layers: [linear(2), 'relu'], repeat: 3 } }], [2]);
    expect(namesOf(net)).toEqual(['layers.0.0.0.weight', 'layers.0.1.0.weight', 'layers.0.2.0.weight']);
    const weights = {
      'layers.0.0.0.weight': [1, 0, 0, 2],
      'layers.0.1.0.weight': [0, 1, 1, 0],
      'layers.0.2.0.weight': [1, 1, 1, -1],
    };
    // [3, 1] -> [3, 2] -> [2, 3] -> relu [5, -1]
    expectValues(outputOf(net, { ...weights, x: [3, 1] }), [5, 0]);
  });

  it('is only a group where it is not repeated, and puts its name into those of the weights', () => {
    const block = { layers: [linear(2), { sequential: { name: 'inner', layers: [linear(3)] } }], name: 'encoder' };
    expect(namesOf(network([{ sequential: block }], [4]))).toEqual([
      'layers.encoder.0.weight',
      'layers.encoder.inner.0.weight',
    ]);
    const twice = [{ sequential: { name: 'a', layers: ['relu'] } }, { sequential: { name: 'a', layers: ['relu'] } }];
    expect(() => network(twice, [4])).toThrow(
      'layers.a (sequential): another layer is called layers.a; give each its own name',
    );
  });

  it('draws its own dropout in each copy', () => {
    const net = network([{ sequential: { layers: [{ dropout: { rate: 0.5 } }], repeat: 2 } }], [64]);
    const [first, second] = valuesOf(
      net.model.layers.slice(0, 2).map(({ output }) => output),
      { x: Array.from({ length: 64 }, () => 1), rng: [1, 2] },
    );
    const [kept, both] = [first, second].map((values) => values.filter((v) => v !== 0).length);
    expect(both).toBeLessThan(kept);
    expect(both).toBeGreaterThan(0);
  });

  it('comes before its layers in the layer table and counts nothing twice', () => {
    const layers = [linear(4), { sequential: { layers: [{ residual: { layers: [linear(4), 'relu'] } }], repeat: 2 } }];
    const { rows } = network(layers, [3], { batch: 5 }).model;
    expect(rows.map((r) => [r.name, r.type, r.parameters, r.macs])).toEqual([
      ['layers.0', 'dense', 12, 12],
      ['layers.1', 'sequential', 0, 0],
      ['layers.1.0.0', 'residual', 0, 0],
      ['layers.1.0.0.0', 'dense', 16, 16],
      ['layers.1.0.0.1', 'relu', 0, 0],
      ['layers.1.1.0', 'residual', 0, 0],
      ['layers.1.1.0.0', 'dense', 16, 16],
      ['layers.1.1.0.1', 'relu', 0, 0],
    ]);
    // The sum of a residual block is kept; a sequential block has nothing of its own.
    expect(rows.slice(1, 3).map((r) => r.memoryBytes)).toEqual([0, 16]);
  });

  it('lists a layer once for those who look at its output', () => {
    const { layers } = network([{ sequential: { layers: [linear(2), 'relu'] } }], [2]).model;
    expect(layers.map((l) => l.name)).toEqual(['layers.0.0', 'layers.0.1']);
  });
});

describe('residual', () => {
  it('adds its input to the output of its layers, then applies its activation', () => {
    const net = network([{ residual: { layers: [linear(2)], activation: 'relu' } }], [2]);
    expectValues(outputOf(net, { x: [1, 2], 'layers.0.0.weight': [1, -1, 1, -3] }), [4, 0]);
    expect(net.model.layers.map((l) => [l.name, l.activation])).toEqual([
      ['layers.0.0', undefined],
      ['layers.0', 'relu'],
    ]);
  });

  it('sends the input through a shortcut where there is one', () => {
    const net = network([{ residual: { layers: [linear(1)], shortcut: [linear(1)] } }], [2]);
    expect(namesOf(net)).toEqual(['layers.0.0.weight', 'layers.0.shortcut.0.weight']);
    const weights = { 'layers.0.0.weight': [1, 2], 'layers.0.shortcut.0.weight': [10, 20] };
    expectValues(outputOf(net, { x: [3, 4], ...weights }), [11 + 110]);
  });

  it('has the derivatives of finite differences', () => {
    const conv = { conv2d: { filters: 2, kernel_size: 3, padding: 'same' } };
    const block = { layers: [conv, 'batch_norm', 'tanh'], shortcut: [conv], activation: 'silu' };
    expectDerivatives(network([{ residual: block }], [3, 2, 1], { batch: 2 }));
  });

  it('names both shapes where they differ, and the place in the config', () => {
    const layers = [linear(4), { sequential: { layers: [{ residual: { layers: [linear(3)] } }], repeat: 2 } }];
    const failing = () => network(layers, [4]);
    expect(failing).toThrow(
      'layers.1.0.0 (residual): the layers give [3], the input is [4]: both must have one shape; bring it there with a shortcut',
    );
    try {
      failing();
    } catch (error) {
      expect(error).toBeInstanceOf(LayerShapeError);
      expect((error as LayerShapeError).path).toEqual(['layers', 1, 'layers', 0]);
    }
  });
});

describe('parallel', () => {
  const branches = [[linear(1)], [linear(2), 'relu'], []];

  it('puts the outputs of its branches side by side', () => {
    const net = network([{ parallel: { branches } }], [2]);
    expect(namesOf(net)).toEqual(['layers.0.0.0.weight', 'layers.0.1.0.weight']);
    const weights = { 'layers.0.0.0.weight': [1, 1], 'layers.0.1.0.weight': [1, -1, 0, 0] };
    expectValues(outputOf(net, { x: [3, 4], ...weights }), [7, 3, 0, 3, 4]);
  });

  it('adds them where asked to', () => {
    const net = network([{ parallel: { branches: [[linear(2)], []], merge: 'add', activation: 'relu' } }], [2]);
    expectValues(outputOf(net, { x: [3, 4], 'layers.0.0.0.weight': [1, -1, 0, -1] }), [6, 0]);
  });

  it('joins images along their channels', () => {
    const conv = (filters: number, kernel_size: number) => [{ conv2d: { filters, kernel_size, padding: 'same' } }];
    const pool = ['relu', { max_pool2d: { pool_size: 3, strides: 1, padding: 'same' } }];
    const inception = network([{ parallel: { branches: [conv(2, 1), conv(3, 3), pool] } }], [4, 4, 1]);
    expect(inception.model.output.shape).toEqual([1, 4, 4, 6]);
    expect(() => network([{ parallel: { branches: [conv(2, 1), ['max_pool2d']] } }], [4, 4, 1])).toThrow(
      'layers.0 (parallel): can concatenate branches that differ in the last axis only, got [4, 4, 2], [2, 2, 1]',
    );
    expect(() => network([{ parallel: { branches: [conv(2, 1), []], merge: 'add' } }], [4, 4, 1])).toThrow(
      'layers.0 (parallel): can add branches of one shape only, got [4, 4, 2], [4, 4, 1]',
    );
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network([{ parallel: { branches: [[linear(2), 'tanh'], []] } }], [3], { batch: 2 }));
  });
});

describe('shared weights', () => {
  const shared = { dense: { units: 2, share: 'twin', activation: 'tanh' } };

  it('are one tensor with one entry, whose gradient is the sum over its uses', () => {
    const net = network([shared, shared], [2], { batch: 3 });
    expect(namesOf(net)).toEqual(['shared.twin.weight', 'shared.twin.bias']);
    expect(net.model.rows.map((r) => r.parameters)).toEqual([6, 0]);
    expectDerivatives(net);
    // PyTorch: the same nn.Linear applied twice, tanh after each, the sum of the outputs differentiated.
    const [gradient] = grad(reduceSum(net.model.output), [net.model.parameters[0].node]);
    const given = { 'shared.twin.weight': wave(4, 0.53, 0.2), 'shared.twin.bias': wave(2, 0.71, 0.3) };
    expectValues(valuesOf([gradient], given)[0], [0.584627365, 0.115868157, 0.717074446, 0.162691622]);
  });

  it('also belong to all copies of a repeated block', () => {
    const net = network([{ sequential: { layers: [shared], repeat: 3 } }], [2]);
    expect(namesOf(net)).toEqual(['shared.twin.weight', 'shared.twin.bias']);
  });

  it('must fit every layer that shares them', () => {
    expect(() => network([{ dense: { units: 3, share: 'a' } }, { dense: { units: 3, share: 'a' } }], [2])).toThrow(
      'layers.1 (dense): shares the weight of layers.0 (share: a), which is [2, 3], but needs [3, 3]',
    );
  });
});

describe('a tied decoder', () => {
  const autoencoder = [
    { dense: { units: 2, use_bias: false } },
    { dense: { units: 3, tie: 'layers.0', use_bias: false } },
  ];

  it('uses the transpose of the weights of the encoder', () => {
    const net = network(autoencoder, [3]);
    expect(namesOf(net)).toEqual(['layers.0.weight']);
    // x W = [14, 32], times the transpose of W
    expectValues(outputOf(net, { x: [1, 2, 3], 'layers.0.weight': [1, 4, 2, 5, 3, 6] }), [
      14 + 4 * 32,
      28 + 160,
      42 + 192,
    ]);
    expectDerivatives(network(autoencoder, [3], { batch: 2 }));
  });

  it('finds weights by what they share, also those of an embedding', () => {
    const layers = [{ dense: { units: 2, share: 'code' } }, { dense: { units: 3, tie: 'code' } }];
    expect(namesOf(network(layers, [3]))).toEqual(['shared.code.weight', 'shared.code.bias', 'layers.1.bias']);
    const words = [{ embedding: { vocabulary: 5, units: 2 } }, { dense: { units: 5, tie: 'layers.0' } }];
    expect(network(words, []).model.output.shape).toEqual([1, 5]);
  });

  it('says which layers there are, and which shape is needed', () => {
    expect(() => network([linear(2), { dense: { units: 3, tie: 'layers.3' } }], [3])).toThrow(
      'layers.1 (dense): no layer before it is called "layers.3"; there are layers.0',
    );
    expect(() => network([linear(2), { dense: { units: 4, tie: 'layers.0' } }], [3])).toThrow(
      'layers.1 (dense): is tied to layers.0, whose weights are [3, 2], but needs the transpose of [4, 2]',
    );
    expect(() => network([linear(2), { dense: { units: 3, tie: 'layers.0', share: 'a' } }], [3])).toThrow(
      'a tied layer has no weights of its own',
    );
  });
});

describe('networks of blocks on wasm', () => {
  const conv = (filters: number, kernel_size: number, strides = 1) => ({
    conv2d: { filters, kernel_size, strides, padding: 'same', use_bias: false },
  });
  const shrinking = {
    layers: [conv(6, 3, 2), 'batch_norm', 'relu', conv(6, 3), 'batch_norm'],
    shortcut: [conv(6, 1, 2)],
    activation: 'relu',
  };
  const inception = { branches: [[conv(2, 1)], [conv(2, 1), 'tanh', conv(3, 3)], []], activation: 'relu' };
  const twin = { dense: { units: 6, share: 'twin', activation: 'tanh' } };
  const layers = [
    { parallel: inception },
    { residual: shrinking },
    'global_avg_pool2d',
    { dense: { units: 6, activation: 'tanh' } },
    { sequential: { layers: [twin], repeat: 2 } },
    { dense: { units: 6, tie: 'layers.3' } },
  ];

  it.each([1, 2])('have the outputs and gradients of the reference, %i thread(s)', async (threads) => {
    const { x, model } = network(layers, [5, 6, 3], { batch: 4 });
    const inputs = [x, ...model.parameters.map((p) => p.node)];
    const outputs = [model.output, ...grad(reduceSum(mul(model.output, model.output)), inputs)];
    const [expected, actual] = await Promise.all(
      [referenceBackend, wasmBackend].map(async (backend) => {
        const session = backend.open({ threads });
        inputs.forEach((node, i) => session.write(node, wave(sizeOf(node.shape), 0.37 + 0.1 * i, 0.11)));
        model.states.forEach(({ node, initial }) => session.write(node, initial()));
        const executable = session.compile({ name: 'blocks', outputs, updates: model.observations.map(runningMean) });
        executable.run();
        const values = (await executable.read()).map((read) => Array.from(read));
        const states = await Promise.all(model.states.map(async ({ node }) => Array.from(await session.read(node))));
        session.close();
        return [...values, ...states];
      }),
    );
    expected.forEach((values, k) => {
      const scale = Math.max(1, ...values.map(Math.abs));
      values.forEach((value, i) => expect(Math.abs(actual[k][i] - value) / scale, `${k}, ${i}`).toBeLessThan(1e-4));
    });
  });
});
