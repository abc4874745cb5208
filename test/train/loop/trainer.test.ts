import { describe, expect, it } from 'vitest';
import { type Backend, referenceBackend, wasmBackend } from '../../../src/tensor/index.js';
import { evaluate, readSnapshot, SnapshotError, train, TrainingError } from '../../../src/train/index.js';
import type { ExperimentConfig, TrainOptions } from '../../../src/train/index.js';
import { epochOrder } from '../../../src/train/loop/epoch-order.js';
import type { LoadedData } from '../../../src/data/index.js';
import { blobs, classificationData, experiment, latest, type Recording, recording, regressionData } from '../tiny.js';

const open = () => referenceBackend.open({ threads: 1 });

async function run(
  config: ExperimentConfig,
  data: LoadedData,
  partial: Partial<TrainOptions> = {},
  backend: Backend = referenceBackend,
  threads = 1,
) {
  const { recorded, options } = recording(partial);
  const session = backend.open({ threads });
  try {
    return { result: await train(session, config, data, options), recorded };
  } finally {
    session.close();
  }
}

const stripTime = ({ wall_time_s: _w, samples_per_s: _s, ...rest }: Awaited<ReturnType<typeof train>>) => rest;

const bits = (recorded: Recording): unknown => {
  const { tensors, meta } = latest(recorded, 'last');
  return {
    meta,
    tensors: [...tensors].map(([name, { values }]) => [name, Array.from(values)]),
  };
};

describe('train', () => {
  it('reduces the loss of a classification and reports loss and accuracy of every split', async () => {
    const { result, recorded } = await run(experiment({ train: { max_epochs: 12 } }), classificationData(60));
    expect(recorded.rows).toHaveLength(12);
    const [first, last] = [recorded.rows[0].values, recorded.rows[11].values];
    expect(last['train/loss']).toBeLessThan(0.4 * first['train/loss']);
    expect(last['val/accuracy']).toBeGreaterThan(0.8);
    expect(Object.keys(last)).toEqual(['train/loss', 'train/accuracy', 'val/loss', 'val/accuracy', 'lr']);
    expect(result).toMatchObject({ status: 'completed', epochs: 12, steps: 96, final: last });
    expect(result.test?.accuracy).toBeGreaterThan(0.8);
  });

  it('reduces the error of a regression', async () => {
    const config = experiment({
      task: 'regression',
      model: { layers: [{ dense: { units: 1 } }] },
      optimizer: { sgd: { lr: 0.1 } },
      train: { max_epochs: 20 },
    });
    const { result } = await run(config, regressionData());
    expect(result.test?.rmse).toBeLessThan(0.05);
  });

  it('is the same run every time, and another one for another seed', async () => {
    const dropout = { model: { layers: [{ dense: { units: 8, activation: 'relu' } }, { dropout: { rate: 0.5 } }, { dense: { units: 3 } }] } }; // prettier-ignore
    const [a, b, c] = await Promise.all(
      [5, 5, 6].map(async (seed) => (await run(experiment({ ...dropout, seed }), classificationData())).recorded),
    );
    expect(bits(a)).toEqual(bits(b));
    expect(a.losses).toEqual(b.losses);
    expect(a.losses).not.toEqual(c.losses);
  });

  it('sees every sample once an epoch, the smaller last batch included', async () => {
    const config = experiment({ train: { max_epochs: 1, batch_size: 8, checkpoint_every: 1 } });
    const { recorded, result } = await run(config, classificationData(22));
    expect(result.steps).toBe(3);
    expect(recorded.checkpoints.map(({ snapshot }) => snapshot.meta.sums.samples)).toEqual([8, 16, 0, 0]);
  });

  it('leaves the smaller last batch out with drop_last', async () => {
    const config = experiment({ train: { max_epochs: 1, batch_size: 8, drop_last: true } });
    expect((await run(config, classificationData(22))).result.steps).toBe(2);
  });

  it('weights the epoch loss by batch size: it is the mean over samples', async () => {
    const config = experiment({ optimizer: { sgd: { lr: 0 } }, train: { max_epochs: 1, batch_size: 8 } });
    const { recorded } = await run(config, classificationData(22));
    const { tensors } = latest(recorded, 'last');
    const whole = await evaluate(open(), config, 'train', classificationData(22).train, { tensors });
    expect(recorded.rows[0].values['train/loss']).toBeCloseTo(whole.loss, 12);
    expect(recorded.rows[0].values['train/accuracy']).toBe(whole.metrics.accuracy);
  });

  it('stops after max_steps with a row for the part of the epoch that was done', async () => {
    const { result, recorded } = await run(
      experiment({ train: { max_steps: 4, max_epochs: 9 } }),
      classificationData(22),
    );
    expect(result).toMatchObject({ status: 'completed', steps: 4, epochs: 2 });
    expect(recorded.rows.map(({ step }) => step)).toEqual([3, 4]);
  });

  it('runs one training and one validation batch in a fast dev run', async () => {
    const { result, recorded } = await run(experiment(), classificationData(), { fastDevRun: true });
    expect(result).toMatchObject({ status: 'completed', steps: 1, epochs: 1 });
    expect(recorded.rows).toHaveLength(1);
  });

  it('ends when its time is over, with a checkpoint', async () => {
    const { result, recorded } = await run(experiment({ train: { max_epochs: 99 } }), classificationData(), { maxSeconds: 20 }); // prettier-ignore
    expect(result).toMatchObject({ status: 'completed', reason: 'max_time' });
    expect(latest(recorded, 'last').meta.step).toBe(result.steps);
  });
});

describe('resume', () => {
  const config = experiment({
    model: { layers: [{ dense: { units: 6, activation: 'tanh' } }, { batch_norm: null }, { dropout: { rate: 0.3 } }, { dense: { units: 3 } }] }, // prettier-ignore
    // Statistics that are added, and such as are appended; a table is no figure of an epoch.
    metrics: ['accuracy', 'roc_auc', 'confusion_matrix'],
    schedule: { cosine: { warmup_steps: 3 } },
    train: { max_epochs: 3, batch_size: 8, checkpoint_every: 1, early_stopping: { patience: 1, min_delta: 0.01 } },
  });

  it.each<[string, Record<string, object>]>([
    ['L-BFGS', { optimizer: { lbfgs: { lr: 0.5, history_size: 3 } }, train: { batch_size: 22, max_epochs: 7 } }],
    ['a plateau of the rate', { schedule: { reduce_on_plateau: { patience: 0, threshold: 0.2, cooldown: 1 } } }],
    ...[{ decay: 0.9 }, { method: 'swa', start_epoch: 2 }].map((weight_average): [string, Record<string, object>] => [
      `averaged weights (${JSON.stringify(weight_average)}) of a batch norm, L-BFGS and a plateau of the rate together`,
      {
        model: {
          layers: [{ dense: { units: 6, activation: 'tanh' } }, 'batch_norm', { dense: { units: 3 } }],
        },
        optimizer: { lbfgs: { lr: 0.5, history_size: 3 } },
        schedule: { reduce_on_plateau: { monitor: 'val/loss', patience: 0, threshold: 0.2, cooldown: 1 } },
        train: { batch_size: 22, max_epochs: 8, weight_average },
      },
    ]),
    ...[{ decay: 0.9 }, { method: 'swa', start_epoch: 1.5, every_epochs: 0.5 }].map(
      (weight_average): [string, Record<string, object>] => [
        // prettier-ignore
        `averaged weights (${JSON.stringify(weight_average)}) of a batch norm, collected gradients and early stopping`,
        {
          model: { layers: [{ dense: { units: 6, activation: 'relu' } }, 'batch_norm', { dropout: { rate: 0.2 } }, { dense: { units: 3 } }] }, // prettier-ignore
          schedule: { reduce_on_plateau: { monitor: 'train/loss', patience: 0, threshold: 0.5 } },
          train: { weight_average, accumulate_batches: 2, early_stopping: { monitor: 'val/accuracy', patience: 4 } },
        },
      ],
    ),
    ['noise on gradients', { train: { gradient_noise: {}, gradient_clip_adaptive: {} } }],
    ['regularization', { regularization: { weights: 'proximal_l1', constraint: { weights: 'max_norm' }, activity: 'l2' } }], // prettier-ignore
  ])('goes on exactly with %s, with one and two threads', async (_, parts) => {
    const data = classificationData(22);
    const own = experiment({ ...parts, train: { max_epochs: 6, batch_size: 8, checkpoint_every: 1, ...parts.train } });
    const whole = await run(own, data, {}, wasmBackend);
    expect(bits((await run(own, data, {}, wasmBackend, 2)).recorded)).toEqual(bits(whole.recorded));
    for (const at of [2, 5]) {
      const before = whole.recorded.checkpoints.filter(({ snapshot }) => snapshot.meta.step <= at);
      const [last, best] = (['last', 'best'] as const).map((kind) => before.findLast((one) => one.kind === kind)?.snapshot); // prettier-ignore
      if (last === undefined) throw new Error('no checkpoint was written');
      for (const threads of [1, 2]) {
        const { recorded, result } = await run(own, data, { resume: { last, best } }, wasmBackend, threads);
        expect(bits(recorded)).toEqual(bits(whole.recorded));
        expect(result.test).toEqual(whole.result.test);
      }
    }
  });

  it('lowers the rate where the monitored figure stands still', async () => {
    const schedule = { reduce_on_plateau: { monitor: 'train/accuracy', patience: 0, threshold: 2, threshold_mode: 'abs', factor: 0.5 } }; // prettier-ignore
    const { recorded } = await run(experiment({ schedule, train: { max_epochs: 4 } }), classificationData(22));
    expect(recorded.rows.map(({ values }) => values.lr)).toEqual([0.02, 0.02, 0.01, 0.005]);
  });

  const backends = [referenceBackend, wasmBackend];
  it.each(backends)(
    'from any step, also inside an epoch, is bit for bit as if never interrupted ($name)',
    async (backend) => {
      const data = classificationData(22);
      const whole = await run(config, data, {}, backend);
      const ends = whole.recorded.checkpoints
        .map((checkpoint, i) => ({ ...checkpoint, i }))
        .filter(({ kind }) => kind === 'last');
      expect(ends.length).toBeGreaterThan(6);
      for (const { snapshot, i } of ends) {
        const best = whole.recorded.checkpoints.slice(0, i).findLast(({ kind }) => kind === 'best')?.snapshot;
        const rest = await run(config, data, { resume: { last: snapshot, best } }, backend);
        const at = snapshot.meta.step;
        if (rest.recorded.checkpoints.length > 0) expect(bits(rest.recorded)).toEqual(bits(whole.recorded));
        expect(rest.recorded.rows).toEqual(whole.recorded.rows.filter(({ step }) => step > at));
        expect(rest.recorded.losses).toEqual(whole.recorded.losses.slice(at));
        expect(stripTime(rest.result)).toEqual(stripTime(whole.result));
      }
    },
  );

  it('of an interrupted run goes on from the step where it was left', async () => {
    const data = classificationData(22);
    const whole = await run(config, data);
    let steps = 0;
    const interrupted = await run({ ...config, train: { ...config.train, checkpoint_every: undefined } }, data, {
      shouldStop: () => ++steps === 2,
    });
    expect(interrupted.result).toMatchObject({ status: 'interrupted', steps: 2, epochs: 0 });
    const rest = await run(config, data, { resume: { last: latest(interrupted.recorded, 'last') } });
    expect(bits(rest.recorded)).toEqual(bits(whole.recorded));
  });

  it('of a run stopped in a validation or in the test begins with that, and ends as if never interrupted', async () => {
    const data = classificationData(22);
    const short = { ...config, train: { ...config.train, checkpoint_every: undefined, eval_batch_size: 4 } };
    const whole = await run(short, data);
    let asked = 0;
    await run(short, data, { shouldStop: () => ++asked < 0 });
    // Three steps and three batches of 9 samples an epoch, and three of the test at the end.
    expect(asked).toBe(6 * whole.result.epochs + 3);
    for (let at = 1; at <= asked; at++) {
      let n = 0;
      const { result, recorded } = await run(short, data, { shouldStop: () => ++n >= at });
      const inEpoch = Math.min(3, ((at - 1) % 6) + 1);
      const steps = at > asked - 3 ? whole.result.steps : 3 * Math.floor((at - 1) / 6) + inEpoch;
      expect(result).toMatchObject({ status: 'interrupted', steps });
      const last = latest(recorded, 'last');
      const best = recorded.checkpoints.findLast(({ kind }) => kind === 'best')?.snapshot;
      const rest = await run(short, data, { resume: { last, best } });
      expect([...recorded.rows, ...rest.recorded.rows]).toEqual(whole.recorded.rows);
      if (rest.recorded.checkpoints.length > 0) expect(bits(rest.recorded)).toEqual(bits(whole.recorded));
      expect(stripTime(rest.result)).toEqual(stripTime(whole.result));
    }
  });

  it('reads its snapshot back from what a file holds, and refuses other content', async () => {
    const { recorded } = await run(config, classificationData());
    const { tensors, meta } = latest(recorded, 'last');
    expect(readSnapshot({ tensors, meta })).toEqual({ tensors, meta });
    expect(() => readSnapshot({ tensors, meta: { ...meta, step: -1 } })).toThrow(SnapshotError);
    expect(() => readSnapshot({ tensors, meta: {} })).toThrow('not that of a training run');
  });

  it('refuses a snapshot of another network', async () => {
    const { recorded } = await run(config, classificationData());
    const other = experiment({ model: { layers: [{ dense: { units: 3 } }] } });
    const resume = { last: latest(recorded, 'last') };
    await expect(run(other, classificationData(), { resume })).rejects.toThrow(
      'tensor "layers.0.weight" has the shape [2, 6], the network needs [2, 3]',
    );
  });
});

describe('early stopping', () => {
  const stopping = experiment({
    optimizer: { adam: { lr: 0.1 } },
    train: { max_epochs: 40, batch_size: 22, early_stopping: { monitor: 'val/loss', patience: 3 } },
  });

  /** With wrong labels in the validation split, on which a good fit does worse and worse. */
  const misleading = (): LoadedData => {
    const data = classificationData(22);
    const wrong = blobs(9, 'val');
    wrong.fields.targets?.values.set([1, 2, 0]);
    return { ...data, val: wrong };
  };

  it('stops after `patience` epochs without improvement', async () => {
    const { result, recorded } = await run(stopping, misleading());
    expect(result.status).toBe('early_stopped');
    const values = recorded.rows.map((row) => row.values['val/loss']);
    const best = values.indexOf(Math.min(...values));
    expect(result.best).toMatchObject({ epoch: best + 1, 'val/loss': values[best] });
    expect(result.epochs).toBe(best + 1 + 3);
  });

  it('tests with the best weights, which the best checkpoint holds', async () => {
    const data = misleading();
    const { result, recorded } = await run(stopping, data);
    const { tensors, meta } = latest(recorded, 'best');
    expect(meta.epoch).toBe(result.best?.epoch);
    const again = await evaluate(open(), stopping, 'test', data.test ?? blobs(1), { tensors });
    expect(result.test).toEqual({ loss: again.loss, ...again.metrics });
  });

  it('watches the direction of the metric', async () => {
    const config = experiment({ train: { max_epochs: 30, early_stopping: { monitor: 'val/accuracy', patience: 2 } } });
    const { result, recorded } = await run(config, classificationData(60));
    const values = recorded.rows.map((row) => row.values['val/accuracy']);
    expect(result.status).toBe('early_stopped');
    expect(result.best?.['val/accuracy']).toBe(Math.max(...values));
  });
});

describe('a loss or gradient that is not finite', () => {
  // Layer 0 gives values up to 1e300, and layer 1 multiplies them by 1e38.
  const overflowing = experiment({
    model: {
      layers: [
        { dense: { units: 4, activation: { leaky_relu: { slope: 1e300 } } } },
        { dense: { units: 4, init: { weights: { constant: { value: 1e38 } } } } },
        { dense: { units: 3 } },
      ],
    },
  });

  it('stops the run with the step and the layer where it first appeared', async () => {
    const error = await run(overflowing, classificationData()).catch((e: unknown) => e); // prettier-ignore
    expect(error).toBeInstanceOf(TrainingError);
    expect(error).toMatchObject({
      step: 1,
      epoch: 1,
      layer: 'layers.1 (dense)',
      result: { status: 'failed', steps: 0 },
    });
    expect(String(error)).toContain('step 1 (epoch 1): the output of layers.1 (dense) is not finite');
  });

  it('leaves the weights of the last good step in the last checkpoint', async () => {
    const { recorded, options } = recording();
    const session = open();
    await expect(train(session, overflowing, classificationData(), options)).rejects.toThrow(TrainingError);
    const { tensors, meta } = latest(recorded, 'last');
    expect(meta.step).toBe(0);
    for (const { values } of tensors.values()) expect(values.every((v: number) => Number.isFinite(v))).toBe(true);
  });

  it('names the data where they are at fault', async () => {
    const data = classificationData();
    data.train.fields.features.values[3] = NaN;
    await expect(run(experiment(), data)).rejects.toThrow('the features of the batch are not finite');
  });

  it('names the weights where an update has made them infinite', async () => {
    const config = experiment({ optimizer: { sgd: { lr: 1e308 } }, train: { max_epochs: 50 } });
    await expect(run(config, classificationData())).rejects.toThrow(/layers\.\d \(dense\).*(learning rate)/);
  });
});

describe('weights that the last step makes infinite', () => {
  /** The rate is 0.01 for a while, then 1e38: the step with it has a finite loss and gradient. */
  const blowingUp = (step_size: number, train: object) =>
    experiment({ optimizer: { sgd: { lr: 0.01 } }, schedule: { step: { step_size, gamma: 1e40 } }, train });
  const failing = async (config: ExperimentConfig, partial: Partial<TrainOptions> = {}) => {
    const { recorded, options } = recording(partial);
    const session = wasmBackend.open({ threads: 1 });
    const error = await train(session, config, steep(), options).catch((e: unknown) => e);
    session.close();
    return { recorded, error };
  };
  /** Features so large that the gradients are too. */
  const steep = (): LoadedData => {
    const data = classificationData();
    for (const split of [data.train, data.val, data.test]) {
      const values = split?.fields.features.values ?? [];
      for (let i = 0; i < values.length; i++) values[i] *= 100;
    }
    return data;
  };

  it('fail the run, and are neither recorded nor written', async () => {
    const { recorded, error } = await failing(
      experiment({ optimizer: { sgd: { lr: 3e38 } }, train: { max_epochs: 1, batch_size: 22 } }),
    );
    expect(error).toBeInstanceOf(TrainingError);
    expect(error).toMatchObject({ step: 1, epoch: 1, result: { status: 'failed', steps: 1 } });
    expect(String(error)).toMatch(/layers\.\d\.(weight|bias) is not finite after the update: the learning rate/);
    expect(recorded.rows).toEqual([]);
    expect(recorded.checkpoints).toEqual([]);
  });

  it('leave the checkpoints of the epoch before', async () => {
    const { recorded, error } = await failing(blowingUp(1, { max_epochs: 2, batch_size: 22 }));
    expect(error).toMatchObject({ step: 2, epoch: 2, result: { epochs: 1, steps: 2 } });
    expect(recorded.rows).toHaveLength(1);
    for (const kind of ['last', 'best'] as const) expect(latest(recorded, kind).meta.step).toBe(1);
  });

  it.each([
    ['that is due', { checkpoint_every: 1 }],
    ['that is due by the clock', { checkpoint_every_seconds: 0.1 }],
  ])('leave the checkpoint before one %s', async (_when, train) => {
    const { recorded, error } = await failing(blowingUp(1 / 3, { max_epochs: 1, batch_size: 8, ...train }));
    expect(error).toMatchObject({ step: 2, epoch: 1 });
    const { tensors, meta } = latest(recorded, 'last');
    expect(meta.step).toBe(1);
    for (const { values } of tensors.values()) expect(values.every((v: number) => Number.isFinite(v))).toBe(true);
  });

  it('are not what an interrupted run goes on from', async () => {
    let steps = 0;
    const { recorded, error } = await failing(blowingUp(1 / 3, { max_epochs: 1, batch_size: 8 }), { shouldStop: () => ++steps === 2 }); // prettier-ignore
    expect(error).toMatchObject({ step: 2 });
    expect(recorded.checkpoints).toEqual([]);
  });

  it('or that nothing finite comes of, fail it too', async () => {
    const config = experiment({ optimizer: { sgd: { lr: 1e37 } }, train: { max_epochs: 1, batch_size: 22 } });
    const { val: _val, test: _test, ...rest } = classificationData();
    for (const data of [classificationData(), { ...rest, val: _val }, { ...rest, test: _test }, rest]) {
      const failed = run(config, data, {}, wasmBackend);
      await expect(failed).rejects.toThrow(
        /^step 1 \(epoch 1\): the (loss|output of .*) is not finite after the update: the learning rate is/,
      );
    }
  });

  it('fail a run whose best epoch is another', async () => {
    const config = experiment({ optimizer: { sgd: { lr: 0.01 } }, schedule: { step: { step_size: 1, gamma: 1e39 } }, train: { max_epochs: 2, batch_size: 22 } }); // prettier-ignore
    const { recorded, options } = recording();
    const session = wasmBackend.open({ threads: 1 });
    await expect(train(session, config, classificationData(), options)).rejects.toThrow(/^step 2 \(epoch 2\): .* after the update/); // prettier-ignore
    session.close();
    expect(latest(recorded, 'best').meta.epoch).toBe(1);
    const last = latest(recorded, 'last');
    expect(last.meta.epoch).toBe(2);
    // Nor is it done when it is taken up again.
    const resume = { last, best: latest(recorded, 'best') };
    await expect(run(config, classificationData(), { resume }, wasmBackend)).rejects.toThrow(/^step 2 \(epoch 2\): .* after the update/); // prettier-ignore
  });

  it('are told from data that no figures come of', async () => {
    const data = classificationData();
    if (data.test === undefined) throw new Error('no test split');
    data.test.fields.features.values[0] = Infinity;
    const { result } = await run(experiment({ train: { max_epochs: 1 } }), data, {}, wasmBackend);
    expect(result.status).toBe('completed');
    expect(result.test?.loss).toBeNaN();
  });

  it('found by the next step, do not replace the last checkpoint', async () => {
    const { recorded, error } = await failing(blowingUp(1 / 3, { max_epochs: 1, batch_size: 8 }));
    expect(error).toMatchObject({ step: 3, epoch: 1 });
    expect(recorded.checkpoints).toEqual([]);
  });
});

describe('a backend whose results are read every few steps', () => {
  const data = (): LoadedData => classificationData(44);
  const config = () =>
    experiment({
      model: { layers: [{ dense: { units: 8, activation: 'relu' } }, 'batch_norm', { dense: { units: 3 } }] },
      train: { max_epochs: 3, batch_size: 8, checkpoint_every: 3, weight_average: { decay: 0.9 } },
    });
  /** The rows, checkpoints and losses of a run, and its result or error. */
  const outcome = async (backend: Backend, runsPerRead: number, loaded: LoadedData) => {
    const { recorded, options } = recording({ now: () => 0 });
    const session = backend.open({ threads: 1, runsPerRead });
    const result = await train(session, config(), loaded, options).catch((error: unknown) => error);
    session.close();
    return { recorded, result };
  };

  describe.each([referenceBackend, wasmBackend])('on $name', (backend) => {
    it.each([2, 4, 100])('trains to the same bits where they are read every %i steps', async (runsPerRead) => {
      expect(await outcome(backend, runsPerRead, data())).toEqual(await outcome(backend, 1, data()));
    });

    it.each([2, 4, 100])('fails in the same step, with the same state and diagnosis, every %i', async (runsPerRead) => {
      const broken = data();
      // A sample of the second batch. The third step has been started when that is found, and must have changed nothing.
      broken.train.fields.features.values[2 * epochOrder(config(), broken.train, 1)[9]] = NaN;
      const [expected, found] = [await outcome(backend, 1, broken), await outcome(backend, runsPerRead, broken)];
      expect(expected.result).toMatchObject({ name: 'TrainingError', step: 2, result: { steps: 1 } });
      expect(found).toEqual(expected);
      expect(String(found.result)).toBe(String(expected.result));
      expect(latest(found.recorded, 'last').meta.step).toBe(1);
    });
  });
});
