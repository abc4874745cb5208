/** The whole loop on a task that is not in the registry: two networks, two optimizers, options and figures of its own. */
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { referenceBackend, sizeOf, wasmBackend } from '../../../src/tensor/index.js';
import { evaluate, train, type TrainOptions } from '../../../src/train/index.js';
import type * as Tasks from '../../../src/train/tasks/index.js';
import { datasetOf, upload } from '../../../src/train/step/dataset.js';
import { RunInputs } from '../../../src/train/step/run-inputs.js';
import { statisticsStep, trainingStep } from '../../../src/train/step/step.js';
import { experiment, latest, recording, regressionData } from '../tiny.js';

vi.mock('../../../src/train/tasks/index.js', async (importOriginal) => {
  const original = await importOriginal<typeof Tasks>();
  const { component } = await import('../../../src/config/index.js');
  const { adversarial } = await import('../adversarial-task.js');
  const tasks: Record<string, Tasks.Task> = { ...original.tasks, adversarial };
  return {
    ...original,
    tasks,
    taskSchema: component(() => tasks),
    taskNameSchema: z.enum(Object.keys(tasks) as [string, ...string[]]),
    taskOf: ({ task }: { task: { type: string } }) => tasks[task.type],
  };
});

const config = (task: unknown = 'adversarial', more: object = {}) =>
  experiment({
    task,
    model: { layers: [{ dense: { units: 2 } }] },
    optimizer: { adam: { lr: 0.005 } },
    metrics: [],
    train: { max_epochs: 3, batch_size: 5, accumulate_batches: 2, weight_average: { decay: 0.8 }, ...more },
  });

async function run(own = config(), partial: Partial<TrainOptions> = {}, threads = 1) {
  const { recorded, options } = recording({ now: () => 0, ...partial });
  const session = wasmBackend.open({ threads });
  const result = await train(session, own, regressionData(), options);
  session.close();
  return { recorded, result };
}

const bits = (tensors: ReadonlyMap<string, { readonly values: ArrayLike<number> }>) =>
  [...tensors].map(([name, { values }]) => [name, Array.from(values)]);

describe('a task of two networks in the training loop', () => {
  it('records the loss of its first update, its figures, and the losses of the others', async () => {
    const { recorded } = await run();
    expect(Object.keys(recorded.rows[0].values)).toEqual(['train/loss', 'train/real', 'train/generator', 'val/loss', 'val/real', 'lr']); // prettier-ignore
    for (const value of Object.values(recorded.rows[2].values)) expect(value).toSatisfy(Number.isFinite);
  });

  it('keeps both networks, their optimizers and averages under names of their own', async () => {
    const { recorded } = await run();
    const names = [...latest(recorded, 'last').tensors.keys()];
    expect(names).toEqual(expect.arrayContaining([
      'critic.layers.0.weight', 'generator.layers.0.bias', 'average.critic.layers.2.bias', 'average.generator.layers.0.weight',
      'critic.layers.1.running_mean', 'optimizer.critic.mean.critic.layers.0.weight',
      'optimizer.generator.momentum.generator.layers.0.weight', 'optimizer.critic.updates', 'optimizer.generator.updates',
    ])); // prettier-ignore
    // 24 samples in batches of 5, in groups of two: three updates in each of three epochs.
    expect(Array.from(latest(recorded, 'last').tensors.get('optimizer.critic.updates')?.values ?? [])).toEqual([9]);
  });

  it('takes options, which its objectives see', async () => {
    const [weak, strong] = await Promise.all(
      [config(), config({ adversarial: { strength: 2 } })].map((own) => run(own)),
    );
    expect(weak.recorded.rows[0].values['train/loss']).toBeLessThan(strong.recorded.rows[0].values['train/loss']);
    expect(latest(strong.recorded, 'last').meta.task).toBe('adversarial');
  });

  it.each([1, 2])('resumes from any step to the same bits, with %i threads', async (threads) => {
    const whole = await run();
    for (const stop of [1, 4, 6]) {
      let asked = 0;
      const { recorded } = await run(config(), { shouldStop: () => ++asked === stop }, threads);
      const last = latest(recorded, 'last');
      expect(last.meta.step).toBeLessThan(15);
      const resumed = await run(config(), { resume: { last } }, threads);
      expect(bits(latest(resumed.recorded, 'last').tensors)).toEqual(bits(latest(whole.recorded, 'last').tensors));
    }
  });

  it('measures the statistics of averaged weights over all calls of a network', async () => {
    const split = regressionData(4).train;
    const session = referenceBackend.open({ threads: 1 });
    const dataset = datasetOf('train', split);
    upload(session, dataset, split);
    const inputs = new RunInputs();
    const { averages, averagedStates } = trainingStep(config(), dataset, 4, inputs);
    const weights: Record<string, readonly number[]> = {
      'average.generator.layers.0.weight': [0.5, -1],
      'average.generator.layers.0.bias': [0.25, 0],
      'average.critic.layers.0.weight': [1, 0, 0.5, 0, 0, 1, 0.5, 0],
      'average.critic.layers.0.bias': [0, 0, 0.1, 0.2],
    };
    for (const { name, node } of averages) session.write(node, weights[name] ?? new Float64Array(sizeOf(node.shape)).fill(1)); // prettier-ignore
    const { program, indices, batchNumber } = statisticsStep(config(), dataset, 4, inputs);
    const executable = session.compile(program);
    session.write(indices, [0, 1, 2, 3]);
    for (const batch of [1, 2]) {
      session.write(batchNumber, [batch]);
      executable.run();
      await executable.read();
    }
    const { features, targets } = split.fields;
    const real = [0, 1, 2, 3].map((i) => [features.values[2 * i], features.values[2 * i + 1]]);
    const fake = Array.from(targets?.values ?? [], (z) => [0.5 * z + 0.25, -z]);
    const hidden = ([a, b]: number[]): number[] => [a, b, 0.5 * a + 0.5 * b + 0.1, 0.2].map(Math.tanh);
    const all = [...real, ...fake].map(hidden);
    const mean = all.reduce((sum, h) => sum.map((s, k) => s + h[k] / 8), [0, 0, 0, 0]);
    const state = averagedStates.find(({ name }) => name === 'average.critic.layers.1.running_mean');
    if (state === undefined) throw new Error('no running mean');
    (await session.read(state.node)).forEach((value: number, k: number) => expect(value).toBeCloseTo(mean[k], 12));
    session.close();
  });

  it('is evaluated from a checkpoint alone', async () => {
    const { recorded, result } = await run();
    const { test } = regressionData();
    if (test === undefined) throw new Error('no test split');
    const session = wasmBackend.open({ threads: 1 });
    const { loss, metrics } = await evaluate(session, config(), 'test', test, { tensors: latest(recorded, 'best').tensors }); // prettier-ignore
    session.close();
    expect({ loss, ...metrics }).toEqual(result.test);
  });
});
