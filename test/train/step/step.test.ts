import { describe, expect, it } from 'vitest';
import { type Node, referenceBackend, type Session } from '../../../src/tensor/index.js';
import type { Split } from '../../../src/data/index.js';
import { datasetOf, upload } from '../../../src/train/step/dataset.js';
import type { ExperimentConfig } from '../../../src/train/index.js';
import { trainingStep } from '../../../src/train/step/step.js';
import { experiment } from '../tiny.js';
import { RunInputs } from '../../../src/train/step/run-inputs.js';

/** Two samples: x = (1, 2) with target 3, x = (0, -1) with target 1. */
const samples: Split = {
  size: 2,
  fields: {
    features: { shape: [2], dtype: 'f32', values: Float32Array.of(1, 2, 0, -1) },
    targets: { shape: [1], dtype: 'f32', values: Float32Array.of(3, 1) },
  },
};
const linear = (parts: Record<string, unknown> = {}): ExperimentConfig =>
  experiment({
    task: 'regression',
    model: { layers: [{ dense: { units: 1 } }] },
    optimizer: 'sgd',
    ...parts,
  });

/** A step of gradient descent with rate 0.1 from the weights (0.5, 0.25) and bias 0; what it leaves. */
async function step(config: ExperimentConfig, split: Split = samples) {
  const session: Session = referenceBackend.open({ threads: 1 });
  const dataset = datasetOf('train', split);
  upload(session, dataset, split);
  const { program, inputs, parameters, slots } = trainingStep(config, dataset, split.size, new RunInputs());
  const executable = session.compile(program);
  const [weight, bias] = parameters.map(({ node }) => node);
  session.write(weight, [0.5, 0.25]);
  session.write(inputs.indices, [0, 1]);
  session.write(inputs.rate, [0.1]);
  session.write(inputs.step, [1]);
  executable.run();
  const outputs = await executable.read();
  const read = async (node: Node) => [...(await session.read(node))];
  return {
    lossSum: outputs.loss[0],
    health: outputs.health[0],
    statistics: [...outputs['metrics.rmse']],
    weight: await read(weight),
    bias: await read(bias),
    slots: await Promise.all(slots.map(async ({ name, node }) => [name, await read(node)] as const)),
  };
}

const close = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 12));
};

// Predictions 1 and -0.25, residuals d = -2 and -1.25; the mean squared error has the gradient mean(2 d x).
const gradient = { weight: [-2, -4 + 1.25], bias: -3.25 };

describe('a training step', () => {
  it('gathers, predicts, differentiates and updates as computed by hand', async () => {
    const { lossSum, health, statistics, weight, bias } = await step(linear());
    expect(lossSum).toBeCloseTo(4 + 1.5625, 12);
    expect(health).toBe(0);
    close(statistics, [5.5625, 2]);
    close(weight, [0.5 + 0.2, 0.25 + 0.275]);
    close(bias, [0.325]);
  });

  it('adds the derivative of the penalties to the weights, not the biases, and leaves them out of the loss', async () => {
    const { lossSum, weight, bias } = await step(linear({ regularization: { l1: 0.5, l2: 2 } }));
    expect(lossSum).toBeCloseTo(5.5625, 12);
    close(weight, [0.7 - 0.1 * (0.5 + 2), 0.525 - 0.1 * (0.5 + 1)]);
    close(bias, [0.325]);
  });

  it('clips the gradients of all parameters together by their norm', async () => {
    const { weight, bias } = await step(linear({ train: { gradient_clip_norm: 1 } }));
    const norm = Math.hypot(...gradient.weight, gradient.bias) + 1e-6;
    close(weight, [0.5 + 0.2 / norm, 0.25 + 0.275 / norm]);
    close(bias, [0.325 / norm]);
  });

  it('clips every element of the gradients by value', async () => {
    const { weight, bias } = await step(linear({ train: { gradient_clip_value: 0.5 } }));
    close(weight, [0.55, 0.3]);
    close(bias, [0.05]);
  });

  it('names the optimizer’s slots after their parameters', async () => {
    const { slots } = await step(linear({ optimizer: { sgd: { momentum: 0.9 } } }));
    expect(slots.map(([name]) => name)).toEqual([
      'optimizer.momentum.layers.0.weight',
      'optimizer.momentum.layers.0.bias',
    ]);
    close(slots[0][1], gradient.weight);
  });

  it('changes nothing where the loss is not finite', async () => {
    const targets = { shape: [1], dtype: 'f32' as const, values: Float32Array.of(3, Infinity) };
    const { health, weight, bias, slots } = await step(linear({ optimizer: 'adam' }), {
      ...samples,
      fields: { ...samples.fields, targets },
    });
    expect(health).not.toBe(0);
    expect({ weight, bias }).toEqual({ weight: [0.5, 0.25], bias: [0] });
    for (const [, values] of slots) expect(values.every((v) => v === 0)).toBe(true);
  });
});
