import { describe, expect, it } from 'vitest';
import { referenceBackend, wasmBackend } from '../../../src/tensor/index.js';
import {
  describeData,
  type ExperimentConfig,
  fitModel,
  type Tensors,
  train,
  type TrainOptions,
} from '../../../src/train/index.js';
import { experimentSchema } from '../../../src/train/index.js';
import { referenceOf } from '../../../src/train/step/dataset.js';
import { classificationData, experiment, latest, recording, regressionData } from '../tiny.js';

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

  it.each([
    [
      'at the end of an epoch',
      { batch_size: 4, accumulate_batches: 4, max_epochs: 2 },
      { batch_size: 16, max_epochs: 2 },
    ],
    ['of fewer batches than that in an epoch', { batch_size: 8, accumulate_batches: 64 }, { batch_size: 24 }],
    [
      'at the last of `max_steps`',
      { batch_size: 4, accumulate_batches: 4, max_steps: 3 },
      { batch_size: 12, max_steps: 1 },
    ],
  ])('averages an incomplete group %s over the batches that are in it', async (_where, small, large) => {
    // 24 samples: batches of 4 in groups of 16 and 8, which are the batches of 16.
    const { tensors: collected } = await run(regression('adamw', small));
    const { tensors: whole } = await run(regression('adamw', large));
    for (const [name, values] of Object.entries(whole)) expectClose(collected[name], values);
    expect(collected['optimizer.collected']).toEqual([0]);
  });

  it('makes an update of the only batch of a fast run', async () => {
    const { tensors } = await run(regression('adamw', { batch_size: 4, accumulate_batches: 4 }), { fastDevRun: true });
    const { tensors: single } = await run(regression('adamw', { batch_size: 4 }), { fastDevRun: true });
    for (const [name, values] of Object.entries(single)) expectClose(tensors[name], values);
  });

  const resumable = regression('adam', { batch_size: 4, accumulate_batches: 4, max_epochs: 2, weight_average: {} });
  const stopAfter = async (step: number) => {
    let asked = 0;
    // The validation after the six steps of the first epoch asks too.
    const count = step > 6 ? step + 1 : step;
    const { recorded } = await run(resumable, { shouldStop: () => ++asked === count }, wasmBackend);
    return latest(recorded, 'last');
  };

  it.each([2, 5, 7])('keeps what is collected in the checkpoint, so that a run resumes after step %i', async (step) => {
    const { tensors: whole } = await run(resumable, {}, wasmBackend);
    const last = await stopAfter(step);
    expect(last.meta.step).toBe(step);
    const { tensors: resumed } = await run(resumable, { resume: { last } }, wasmBackend);
    expect(resumed).toEqual(whole);
  });

  it('goes on with a checkpoint of before groups were counted', async () => {
    const { tensors: whole } = await run(resumable, {}, wasmBackend);
    const { tensors, meta } = await stopAfter(3);
    const counts = ['optimizer.collected', 'optimizer.updates'];
    const old = new Map([...tensors].filter(([name]) => !counts.includes(name)));
    expect(old.size).toBe(tensors.size - 2);
    const { tensors: resumed } = await run(resumable, { resume: { last: { tensors: old, meta } } }, wasmBackend);
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
      const [a, b] = test?.fields.features.values.slice(2 * i, 2 * i + 2) ?? [];
      return (Number(a) * weight[0] + Number(b) * weight[1] + bias[0] - (test?.fields.targets?.values[i] ?? 0)) ** 2;
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

  it('reports the zeros that a constraint makes too, of the averages where these are judged', async () => {
    const regularization = { constraint: { weights: 'non_negative' } };
    const { result } = await run(constrained(regularization));
    expect(result.sparsity).toEqual({ total: 0.5, 'layers.0.weight': 0.5 });
    const own = constrained(regularization);
    const averaged = await run({ ...own, train: { ...own.train, weight_average: { method: 'ema', decay: 0.9 } } });
    const mean = averaged.tensors['average.layers.0.weight'];
    expect(averaged.result.sparsity?.total).toBe(mean.filter((weight) => weight === 0).length / 2);
    expect((await run(constrained({}))).result.sparsity).toBeUndefined();
  });

  it('proximal_l1 reaches the lasso’s solution, with exact zeros that the result reports', async () => {
    // At the solution, the gradient of the mean squared error is -strength * sign(w), or within it where w = 0.
    const { tensors, result } = await run(constrained({ weights: { proximal_l1: { strength: 2.5 } } }, 400)); // prettier-ignore
    const [a, b] = tensors['layers.0.weight'];
    const { train } = regressionData();
    const { size } = train;
    const { features } = train.fields;
    const targets = referenceOf(train);
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

describe('stochastic weight averaging', () => {
  const swa = (options: object, more: object = {}) =>
    regression({ sgd: { lr: 0.1 } }, { batch_size: 24, max_epochs: 6, weight_average: { method: 'swa', ...options }, ...more }); // prettier-ignore
  const biases = (epochs: readonly Tensors[], name: string): number[] => epochs.map((tensors) => Number(tensors.get(name)?.values[0])); // prettier-ignore
  const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

  it('is the weights until it starts, then the mean of the weights at the ends of epochs', async () => {
    const { epochs } = await run(swa({ start_epoch: 3 }));
    const [own, average] = ['layers.0.bias', 'average.layers.0.bias'].map((name) => biases(epochs, name));
    expect(average.slice(0, 3)).toEqual(own.slice(0, 3));
    [4, 5, 6].forEach((epoch) => expect(average[epoch - 1]).toBeCloseTo(meanOf(own.slice(2, epoch)), 12));
  });

  it('is tested at the best of the epochs that have an average, and says of how many weights', async () => {
    // Before the rate grows too large the validation loss is smaller than it ever is again.
    const { schedule } = experiment({ schedule: { step: { step_size: 2, gamma: 20 } } });
    const { result, recorded } = await run({ ...swa({ start_epoch: 3 }), schedule });
    const losses = recorded.rows.map(({ values }) => values['val/loss']);
    expect(losses.indexOf(Math.min(...losses))).toBeLessThan(3);
    const averaged = losses.slice(3);
    const best = 4 + averaged.indexOf(Math.min(...averaged));
    expect(result.best?.epoch).toBe(best);
    expect(latest(recorded, 'best').meta.epoch).toBe(best);
    expect(result.averaged_weights).toBe(best - 2);
  });

  it('says so where the run ended before there was an average', async () => {
    const { result } = await run(swa({ start_epoch: 6 }));
    expect(result.averaged_weights).toBe(1);
    expect(result.best?.epoch).toBe(6);
    const { result: ema } = await run(regression('sgd', { weight_average: {} }));
    expect(ema.averaged_weights).toBeUndefined();
  });

  it('begins after three quarters of the run, and takes in every nth epoch where asked for', async () => {
    const { epochs } = await run(swa({ every_epochs: 2 }, { max_epochs: 8 }));
    const [own, average] = ['layers.0.bias', 'average.layers.0.bias'].map((name) => biases(epochs, name));
    expect(average.slice(0, 6)).toEqual(own.slice(0, 6));
    expect(average[6]).toBe(own[5]);
    expect(average[7]).toBeCloseTo(meanOf([own[5], own[7]]), 12);
  });

  it('takes the options of its method only', () => {
    const options = (weight_average: object) => () => regression('sgd', { weight_average });
    expect(options({ method: 'swa', decay: 0.9 })).toThrow('decay belongs to the other method, not to swa');
    expect(options({ start_epoch: 3 })).toThrow('start_epoch belongs to the other method, not to ema');
  });
});

describe('batch norm under averaged weights', () => {
  const config = (weight_average: object) =>
    experiment({
      task: 'regression',
      model: { layers: [{ dense: { units: 3 } }, 'batch_norm', { dense: { units: 1 } }] },
      optimizer: { sgd: { lr: 0.05 } },
      train: { batch_size: 6, max_epochs: 4, weight_average },
    });

  it.each([{ decay: 0.9 }, { method: 'swa', start_epoch: 2 }])(
    'has statistics measured with them: %j',
    async (average) => {
      const { tensors } = await run(config(average));
      const { train: split } = regressionData();
      const [weight, bias] = ['weight', 'bias'].map((name) => tensors[`average.layers.0.${name}`]);
      const outputs = Array.from({ length: 24 }, (_, i) => {
        const [a, b] = split.fields.features.values.slice(2 * i, 2 * i + 2);
        return a * weight[0] + b * weight[3] + bias[0];
      });
      // Four batches of six, so the mean of their means is the mean over all samples.
      expect(tensors['average.layers.1.running_mean'][0]).toBeCloseTo(outputs.reduce((a, b) => a + b) / 24, 9);
      expect(tensors['layers.1.running_mean'][0]).not.toBeCloseTo(tensors['average.layers.1.running_mean'][0], 3);
    },
  );

  it('goes on exactly', async () => {
    const own = config({ method: 'swa', start_epoch: 1 });
    const { tensors: whole } = await run(own, {}, wasmBackend);
    let steps = 0;
    const { recorded } = await run(own, { shouldStop: () => ++steps === 10 }, wasmBackend);
    const best = recorded.checkpoints.findLast(({ kind }) => kind === 'best')?.snapshot;
    const { tensors: resumed } = await run(own, { resume: { last: latest(recorded, 'last'), best } }, wasmBackend);
    expect(resumed).toEqual(whole);
  });
});
