import { describe, expect, it } from 'vitest';
import { constant, grad, mul, reduceSum, referenceBackend, sub, wasmBackend } from '../../../src/tensor/index.js';
import { expectDerivatives, expectValues, network, outputOf, valuesOf, wave } from '../helpers/network.js';
import { runningMean, VariableStore } from '../../../src/nn/variables.js';

// Expected numbers are from PyTorch 1.13 in float64, on the values of helpers/network.ts.

describe('batch_norm', () => {
  const given = {
    'layers.0.weight': wave(3, 0.9, 0.4).map((v) => 1 + v / 2),
    'layers.0.bias': wave(3, 0.71, 0.3),
  };
  const start = { 'layers.0.running_mean': [0, 0, 0], 'layers.0.running_var': [1, 1, 1] };
  // PyTorch: BatchNorm2d(3, momentum=0.1), one training step from mean 0 and variance 1, then evaluation.
  const running = {
    'layers.0.running_mean': [0.017215872, 0.0214823429, 0.0228412795],
    'layers.0.running_var': [0.954315974, 0.955043376, 0.955308745],
  };

  it('normalizes by the batch in training and moves the running statistics as PyTorch does', () => {
    const { model } = network(['batch_norm'], [2, 2, 3], { batch: 2 });
    const updates = model.observations.map((observation) => runningMean(observation)[1]);
    const [y, mean, variance] = valuesOf([model.output, ...updates], { ...given, ...start });
    expectValues(
      y,
      [
        0.187417117, 1.37411213, 2.04432163, 1.62460157, 2.52288477, 2.39540943, 1.25424098, 1.30066549, 0.672217816,
        -0.512313664, -0.935054923, -1.21134399, -1.71299082, -1.70111329, -1.16324726, -1.01422602, -0.146666236,
        0.763088062, 0.807878765, 2.0017977, 2.42812571, 1.72955372, 2.35802912, 1.98254672,
      ],
    );
    expectValues(mean, running['layers.0.running_mean']);
    expectValues(variance, running['layers.0.running_var']);
  });

  it('normalizes by the running statistics in evaluation, and changes nothing', () => {
    const net = network(['batch_norm'], [2, 2, 3], { batch: 2, training: false });
    expect(net.model.observations).toEqual([]);
    expectValues(
      outputOf(net, { ...given, ...running }),
      [
        0.408720765, 1.51443011, 2.03544702, 1.42295092, 2.33022566, 2.28533594, 1.16158511, 1.46227232, 1.05884361,
        -0.0850836708, -0.125414121, -0.281793202, -0.932409129, -0.669426906, -0.247560061, -0.439286393, 0.434456436,
        1.12352107, 0.846584471, 1.9601781, 2.30862196, 1.49701631, 2.21315418, 1.99147835,
      ],
    );
  });

  it('keeps its statistics under readable names, from mean 0 and variance 1', () => {
    const { model } = network(['batch_norm'], [3], { batch: 2 });
    expect(model.states.map((s) => [s.name, [...s.initial()]])).toEqual([
      ['layers.0.running_mean', [0, 0, 0]],
      ['layers.0.running_var', [1, 1, 1]],
    ]);
    expect(model.parameters.map((p) => [p.name, p.kind])).toEqual([
      ['layers.0.weight', 'scale'],
      ['layers.0.bias', 'bias'],
    ]);
  });

  it('still uses the batch where only randomness is off', () => {
    expect(network(['batch_norm'], [3], { batch: 2, stochastic: false }).model.observations).toHaveLength(2);
  });

  it('has the derivatives of finite differences', () => {
    expectDerivatives(network(['batch_norm'], [2, 2], { batch: 3 }));
    expectDerivatives(network(['batch_norm'], [2], { batch: 3, training: false }));
  });

  it('refuses one value per channel in training', () => {
    expect(() => network(['batch_norm'], [3])).toThrow(
      'layers.0 (batch_norm): needs at least two values per channel in training, got one from a batch of 1 with [3]; use a larger batch_size',
    );
    expect(() => network(['batch_norm'], [])).toThrow('needs at least one axis per sample');
  });
});

describe('batch_norm over several steps', () => {
  // PyTorch: BatchNorm2d(3) and SGD(lr=0.01) on the sum of y^2, three steps on x, 2 x, 3 x; then eval() on x.
  const afterThreeSteps = {
    weight: [0.7081128, 0.8782611, 0.832308],
    bias: [0.175156, 0.5019206, 0.5861189],
    running_mean: [0.09658104, 0.1205159, 0.1281396],
    running_var: [1.457377, 1.467132, 1.47069],
  };
  const evaluated = [
    0.182897, 0.7493647, 1.013788, 0.6693464, 1.139486, 1.133159, 0.543989, 0.7244224, 0.5472681, -0.05394354,
    -0.03482398, -0.0931497, -0.4603414, -0.2949759, -0.07679664, -0.2238278, 0.2329113, 0.5781643, 0.3929071,
    0.9625256, 1.144283, 0.70487, 1.083501, 0.9927846,
  ];

  it.each([
    { backend: referenceBackend, threads: 1 },
    { backend: wasmBackend, threads: 1 },
    { backend: wasmBackend, threads: 2 },
  ])('trains and evaluates as PyTorch does: $backend.name, $threads thread(s)', async ({ backend, threads }) => {
    const variables = new VariableStore();
    const { x, model } = network(['batch_norm'], [2, 2, 3], { batch: 2, variables });
    const evaluation = network(['batch_norm'], [2, 2, 3], { batch: 2, training: false, variables });
    const [weight, bias] = model.parameters.map((p) => p.node);
    const [mean, variance] = model.states.map((s) => s.node);
    const gradients = grad(reduceSum(mul(model.output, model.output)), [weight, bias]);
    const stepped = [weight, bias].map((p, i) => [p, sub(p, mul(gradients[i], constant(0.01)))] as const);
    const session = backend.open({ threads });
    session.write(weight, wave(3, 0.9, 0.4).map((v) => 1 + v / 2)); // prettier-ignore
    session.write(bias, wave(3, 0.71, 0.3));
    model.states.forEach(({ node, initial }) => session.write(node, initial()));
    const step = session.compile({
      name: 'train',
      outputs: [],
      updates: [...stepped, ...model.observations.map(runningMean)],
    });
    for (const factor of [1, 2, 3]) {
      session.write(x, wave(24, 0.37, 0.11).map((v) => v * factor)); // prettier-ignore
      step.run();
    }
    const close = (actual: ArrayLike<number>, expected: readonly number[]): void =>
      expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 5));
    close(await session.read(weight), afterThreeSteps.weight);
    close(await session.read(bias), afterThreeSteps.bias);
    close(await session.read(mean), afterThreeSteps.running_mean);
    close(await session.read(variance), afterThreeSteps.running_var);

    session.write(evaluation.x, wave(24, 0.37, 0.11));
    const evaluate = session.compile({ name: 'evaluate', outputs: [evaluation.model.output], updates: [] });
    evaluate.run();
    close((await evaluate.read())[0], evaluated);
    session.close();
  });
});
