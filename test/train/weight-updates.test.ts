import { describe, expect, it } from 'vitest';
import { referenceBackend, wasmBackend } from '../../src/tensor/index.js';
import { describeData, type ExperimentConfig, fitModel, train, type TrainOptions } from '../../src/train/index.js';
import { experimentSchema } from '../../src/train/index.js';
import { classificationData, experiment, latest, recording, regressionData } from './tiny.js';

const regression = (optimizer: unknown, options: Record<string, unknown>): ExperimentConfig =>
  experiment({
    task: 'regression',
    model: { layers: [{ dense: { units: 1 } }] },
    optimizer,
    train: { shuffle: false, ...options },
  });

/** The tensors at the end of a run, and after each epoch. */
async function run(config: ExperimentConfig, partial: Partial<TrainOptions> = {}, backend = referenceBackend) {
  const { recorded, options } = recording(partial);
  const session = backend.open({ threads: 1 });
  const result = await train(session, config, regressionData(), options);
  session.close();
  const epochs = recorded.checkpoints.filter(({ kind }) => kind === 'last').map(({ snapshot }) => snapshot.tensors);
  const tensors = Object.fromEntries(
    [...latest(recorded, 'last').tensors].map(([name, { values }]) => [name, Array.from(values)]),
  );
  return { result, recorded, epochs, tensors };
}

const expectClose = (actual: readonly number[], expected: readonly number[]): void =>
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 6));

describe('gradient accumulation', () => {
  it.each(['adamw', { sgd: { lr: 0.1, momentum: 0.9 } }])(
    'of two batches of 4 is a batch of 8: %j',
    async (optimizer) => {
      const small = { batch_size: 4, accumulate_batches: 2, gradient_clip_norm: 0.5 };
      const { tensors: collected } = await run(regression(optimizer, small));
      const { tensors: whole } = await run(regression(optimizer, { batch_size: 8, gradient_clip_norm: 0.5 }));
      for (const [name, values] of Object.entries(whole)) expectClose(collected[name], values);
      expectClose(collected['optimizer.gradient_sum.layers.0.weight'], [0, 0]);
    },
  );

  it('keeps what is collected in the checkpoint, so that a run resumes in between', async () => {
    const config = regression('adam', { batch_size: 4, accumulate_batches: 4, max_epochs: 2, weight_average: {} });
    const { tensors: whole } = await run(config, {}, wasmBackend);
    let steps = 0;
    const { recorded } = await run(config, { shouldStop: () => ++steps === 7 }, wasmBackend);
    const { tensors: resumed } = await run(config, { resume: { last: latest(recorded, 'last') } }, wasmBackend);
    expect(resumed).toEqual(whole);
  });
});

describe('parameter groups', () => {
  const grouped = (parameter_groups: unknown[]) =>
    regression({ adamw: { lr: 0.01, weight_decay: 0 } }, { max_steps: 3, parameter_groups });

  it('have a rate of their own, which the schedule moves too', async () => {
    const { tensors } = await run(grouped([{ parameters: '*.bias', lr: 0.02 }]));
    const { tensors: double } = await run(regression({ adamw: { lr: 0.02, weight_decay: 0 } }, { max_steps: 1 }));
    const { tensors: usual } = await run(regression({ adamw: { lr: 0.01, weight_decay: 0 } }, { max_steps: 1 }));
    const { tensors: first } = await run({ ...grouped([{ parameters: '*.bias', lr: 0.02 }]), train: { ...grouped([{ parameters: '*.bias', lr: 0.02 }]).train, max_steps: 1 } }); // prettier-ignore
    expectClose(first['layers.0.bias'], double['layers.0.bias']);
    expectClose(first['layers.0.weight'], usual['layers.0.weight']);
    expect(tensors['layers.0.bias']).not.toEqual(first['layers.0.bias']);
  });

  it('stay as they are at a rate of 0', async () => {
    const { tensors } = await run(grouped([{ parameters: 'layers.0.*', lr: 0 }]));
    expect(tensors['layers.0.bias']).toEqual([0]);
  });

  it('have a weight decay of their own', async () => {
    const { tensors: plain } = await run(grouped([]));
    const { tensors } = await run(grouped([{ parameters: '*.weight', weight_decay: 10 }]));
    const size = (values: readonly number[]): number => Math.hypot(...values);
    expect(size(tensors['layers.0.weight'])).toBeLessThan(0.95 * size(plain['layers.0.weight']));
  });

  it('must fit some weight, and the optimizer', () => {
    const problemsOf = (groups: unknown[]) => {
      const config = experiment({ train: { parameter_groups: groups } });
      return fitModel(config, describeData(config, classificationData())).problems;
    };
    expect(problemsOf([{ parameters: 'layers.1.*' }, { parameters: '*' }])).toEqual([]);
    expect(problemsOf([{ parameters: 'layer.*', lr: 1 }])).toEqual([
      {
        path: ['train', 'parameter_groups', 0, 'parameters'],
        message:
          'no weight belongs to "layer.*": there are layers.0.weight, layers.0.bias, layers.1.weight, layers.1.bias',
      },
    ]);
    expect(problemsOf([{ parameters: '*' }, { parameters: '*.bias' }])[0].message).toBe(
      'no weight belongs to "*.bias": all of its weights belong to groups before it',
    );
    const withOptimizer = (optimizer: unknown, group: object) =>
      experimentSchema.safeParse({
        task: 'regression',
        data: { source: { csv: { path: 'a.csv', target: 'y' } } },
        model: { layers: ['flatten'] },
        optimizer,
        train: { parameter_groups: [{ parameters: '*', ...group }] },
      }).error?.issues[0].message;
    expect(withOptimizer('rprop', { weight_decay: 1 })).toBe('rprop has no weight decay');
    expect(withOptimizer({ sgd: { lr: 0 } }, { lr: 1 })).toContain('needs an optimizer.lr above 0');
  });
});

describe('averaged weights', () => {
  const config = regression({ sgd: { lr: 0.1 } }, { batch_size: 24, max_epochs: 4, weight_average: { decay: 0.15 } });

  it('follow the weights, first at once, then more and more slowly', async () => {
    const { epochs } = await run(config);
    let expected = 0;
    epochs.forEach((tensors, i) => {
      const [weight, average] = ['layers.0.bias', 'average.layers.0.bias'].map((name) => tensors.get(name)?.values[0]);
      // Decays 0 / 10, 1 / 11, 2 / 12 (beyond 0.15) and 0.15.
      const decay = Math.min(i / (i + 10), 0.15);
      expected = decay * expected + (1 - decay) * Number(weight);
      expect(average).toBeCloseTo(expected, 12);
    });
  });

  it('are what is judged and tested', async () => {
    const { recorded, result } = await run(config);
    const { tensors } = latest(recorded, 'last');
    const [weight, bias] = ['average.layers.0.weight', 'average.layers.0.bias'].map((name) => tensors.get(name)?.values ?? []); // prettier-ignore
    const { test } = regressionData();
    const squares = Array.from({ length: 8 }, (_, i) => {
      const [a, b] = test?.features.values.slice(2 * i, 2 * i + 2) ?? [];
      return (Number(a) * weight[0] + Number(b) * weight[1] + bias[0] - (test?.targets.values[i] ?? 0)) ** 2;
    });
    expect(result.test?.loss).toBeCloseTo(squares.reduce((a, b) => a + b) / 8, 6);
  });
});

describe('regularization', () => {
  /** y = 2 a - b + 0.5, learned by full batches. */
  const constrained = (regularization: object, max_epochs = 60) =>
    experiment({
      task: 'regression',
      model: { layers: [{ dense: { units: 1 } }] },
      optimizer: { sgd: { lr: 0.1 } },
      regularization,
      train: { shuffle: false, batch_size: 24, max_epochs },
    });

  it('max_norm and non_negative hold after every step', async () => {
    const { epochs } = await run(constrained({ constraint: { weights: { max_norm: { max: 1 } } } }));
    for (const tensors of epochs) expect(Math.hypot(...(tensors.get('layers.0.weight')?.values ?? []))).toBeLessThan(1 + 1e-6); // prettier-ignore
    expect(Math.hypot(...(epochs.at(-1)?.get('layers.0.weight')?.values ?? []))).toBeCloseTo(1, 5);
    const { tensors } = await run(constrained({ constraint: { weights: 'non_negative' } }));
    expect(tensors['layers.0.weight'][1]).toBe(0);
  });

  it('proximal_l1 reaches the lasso’s solution, with exact zeros that the result reports', async () => {
    // At the solution, the gradient of the mean squared error is -strength * sign(w), or within it where w = 0.
    const { tensors, result } = await run(constrained({ weights: { proximal_l1: { strength: 2.5 } } }, 400)); // prettier-ignore
    const [a, b] = tensors['layers.0.weight'];
    const { features, targets, size } = regressionData().train;
    const gradient = [0, 1].map((column) => {
      let total = 0;
      for (let i = 0; i < size; i++) {
        const [x, y] = features.values.slice(2 * i, 2 * i + 2);
        const residual = a * x + b * y + tensors['layers.0.bias'][0] - targets.values[i];
        total += (2 * residual * (column === 0 ? x : y)) / size;
      }
      return total;
    });
    expect(a).toBeGreaterThan(0);
    expect(gradient[0]).toBeCloseTo(-2.5, 6);
    expect(b).toBe(0);
    expect(Math.abs(gradient[1])).toBeLessThan(2.5);
    expect(result.sparsity).toEqual({ total: 0.5, 'layers.0.weight': 0.5 });
  });
});
