/**
 * The schema of a whole experiment: the single source of its types, validation, defaults, JSON Schema and docs. It is assembled
 * here from the pieces that stand with what they describe, and adds the checks that concern several of them.
 */
import * as z from 'zod';
import { atoms } from '../config/index.js';
import { ONCE } from '../config/load-config.js';
import { nearest } from '../config/nearest.js';
import { dataSchema, hasPart, sourceOf } from '../data/index.js';
import { augmentSchema } from '../nn/augmentations/index.js';
import { adaptiveClippingSchema, gradientNoiseSchema } from '../nn/clip.js';
import { initSchema } from '../nn/initializers.js';
import { type LossConfig, lossOf, lossSchema, losses } from '../nn/losses/index.js';
import { figureMetrics, type MetricConfig, metricNames, metricOf, metricSchema, metrics } from '../nn/metrics/index.js';
import { modelSchema } from '../nn/model.js';
import { parameterGroupSchema } from '../nn/optimizers/groups.js';
import { optimizerSchema } from '../nn/optimizers/index.js';
import { regularizationSchema } from '../nn/regularization.js';
import { scheduleSchema } from '../nn/schedules.js';
import { type Task, tasks } from '../nn/target.js';
import { lintIds } from './lints/index.js';

/** What a task is trained on and judged by, where the config does not say. */
const usual = {
  classification: { loss: 'softmax_cross_entropy', metrics: ['accuracy'] },
  multilabel: { loss: 'binary_cross_entropy', metrics: ['accuracy'] },
  regression: { loss: 'mean_squared_error', metrics: ['rmse'] },
  reconstruction: { loss: 'mean_squared_error', metrics: ['rmse'] },
} as const satisfies Record<Task, { loss: keyof typeof losses; metrics: readonly (keyof typeof metrics)[] }>;

const earlyStoppingSchema = z.strictObject({
  monitor: atoms.text
    .default('val/loss')
    .describe('the figure that is watched: val/loss, val/<metric>, train/loss, ...'),
  mode: z.enum(['min', 'max']).optional().describe('which direction is better; the figure itself decides by default'),
  patience: atoms.positiveInt.default(5).describe('epochs without improvement before training stops'),
  min_delta: atoms.nonNegative.default(0).describe('a smaller gain is no improvement'),
  restore_best: z.boolean().default(true).describe('test with the weights of the best epoch, not of the last'),
});

const trainSchema = z.strictObject({
  max_epochs: atoms.positiveInt
    .optional()
    .describe('passes over the training split; 10, or as many as max_steps takes, by default'),
  max_steps: atoms.positiveInt.optional().describe('stop after so many steps'),
  batch_size: atoms.positiveInt.default(32).describe('samples in a training step'),
  eval_batch_size: atoms.positiveInt.default(250).describe('samples at once in validation and test'),
  shuffle: z.boolean().default(true).describe('a new random order of the samples in every epoch'),
  drop_last: z.boolean().default(false).describe('leave out the last batch of an epoch where it is smaller'),
  checkpoint_every: atoms.positiveInt
    .optional()
    .describe('steps between checkpoints; the end of an epoch always has one'),
  checkpoint_every_seconds: atoms.positive.optional().describe('time between checkpoints, in seconds'),
  gradient_clip_norm: atoms.positive.optional().describe('shrink all gradients together to at most this norm'),
  gradient_clip_value: atoms.positive.optional().describe('clip every element of the gradients to plus and minus this'),
  gradient_clip_adaptive: adaptiveClippingSchema
    .optional()
    .describe('shrink the gradient of each unit to at most a share of the norm of its weights (Brock et al. 2021)'),
  gradient_noise: gradientNoiseSchema
    .optional()
    .describe('add normal noise to the gradients, less and less of it (Neelakantan et al. 2015)'),
  accumulate_batches: atoms.positiveInt
    .optional()
    .describe('average the gradients of so many batches for one update; steps still count batches'),
  parameter_groups: z
    .array(parameterGroupSchema)
    .optional()
    .describe('weights with a learning rate or weight decay of their own'),
  weight_average: z
    .strictObject({
      method: z
        .enum(['ema', 'swa'])
        .default('ema')
        .describe('ema: an exponential moving average; swa: the mean at the ends of epochs (Izmailov et al. 2018)'),
      decay: atoms.properFraction.optional().describe('ema: share of the average that an update keeps; 0.999 by default'), // prettier-ignore
      start_epoch: atoms.nonNegative.optional().describe('swa: epochs before it begins; three quarters of all by default'), // prettier-ignore
      every_epochs: atoms.positive.optional().describe('swa: epochs between two weights that it takes in; 1 by default'), // prettier-ignore
    })
    .optional()
    .describe('judge and test an average of the weights; off by default'),
  early_stopping: earlyStoppingSchema.optional().describe('stop when a figure no longer improves; off by default'),
  ignore_lints: z.array(z.enum(lintIds)).optional().describe('warnings of `nn check` and `nn train` that are not wanted'), // prettier-ignore
});

const written = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, "-", "_" and "." only: the name becomes a folder')
    .optional()
    .describe('what the experiment is called, and the folder of its runs; the name of the file by default'),
  seed: atoms.seed.default(0).describe('everything random is a function of it'),
  task: z
    .enum(tasks)
    .describe('what is learned: one class of several, several yes-or-no labels, numbers, or the features themselves'),
  data: dataSchema.safeExtend({ augment: augmentSchema }),
  model: modelSchema,
  loss: lossSchema
    .optional()
    .describe(
      'by default softmax_cross_entropy for classification, binary_cross_entropy for multilabel, else mean_squared_error',
    ),
  metrics: z
    .array(metricSchema)
    .optional()
    .describe('by default accuracy for classification and multilabel, else rmse'),
  init: initSchema.prefault({}).describe('initial weights'),
  regularization: regularizationSchema
    .prefault({})
    .describe('penalties and constraints on weights, biases and activities'),
  optimizer: optimizerSchema.prefault('adam').describe('how gradients change the weights'),
  schedule: scheduleSchema.prefault('constant').describe('how the learning rate changes over the run'),
  train: trainSchema.prefault({}).describe('how long, in what batches, and when to stop'),
});
type Written = z.output<typeof written>;

/** A checked experiment with all defaults. */
export interface ExperimentConfig extends Omit<Written, 'loss' | 'metrics'> {
  readonly loss: LossConfig;
  readonly metrics: readonly MetricConfig[];
}

const withUsualLoss = (config: Written): Written => ({
  ...config,
  loss: config.loss ?? lossSchema.parse(usual[config.task].loss, ONCE),
  metrics: config.metrics ?? usual[config.task].metrics.map((name) => metricSchema.parse(name, ONCE)),
});

/** The whole experiment. */
export const experimentSchema = written.overwrite(withUsualLoss).superRefine((config, context) => {
  for (const { path, message } of contradictions(complete(config))) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
}) as unknown as z.ZodType<ExperimentConfig, z.input<typeof written>>; // `withUsualLoss` has filled in what was optional.

/** The type of what `withUsualLoss` returns. */
const complete = (config: Written): ExperimentConfig => withUsualLoss(config) as ExperimentConfig;

/** Something wrong with the value at `path`. */
export interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Parts of an experiment that are right by themselves and do not fit each other. */
function contradictions(config: ExperimentConfig): Contradiction[] {
  const { task, loss, train } = config;
  const found: Contradiction[] = [];
  const missing = sourceOf(config.data.source).missingTarget?.(config.data.source);
  if (task !== 'reconstruction' && missing !== undefined) {
    const message = `${task} needs it; only task: reconstruction does without`;
    found.push({ path: ['data', 'source', ...missing], message });
  }
  if (!lossOf(loss).tasks.includes(task)) {
    const fitting = Object.keys(losses).filter((name) => lossOf({ type: name } as LossConfig).tasks.includes(task));
    found.push({ path: ['loss'], message: `${loss.type} is no loss for ${task}; there are ${fitting.join(', ')}` });
  }
  const names = metricNames(config.metrics);
  config.metrics.forEach((metric, i) => {
    if (!metricOf(metric).tasks.includes(task)) {
      const fitting = Object.keys(metrics).filter((name) =>
        metricOf({ type: name } as MetricConfig).tasks.includes(task),
      );
      const message = `${metric.type} is no metric for ${task}; there are ${fitting.join(', ')}`;
      found.push({ path: ['metrics', i], message });
    }
    if (names.indexOf(names[i]) < i) {
      const message = `${metric.type} is listed twice; give it other parameters, or leave it out`;
      found.push({ path: ['metrics', i], message });
    }
  });
  for (const [i, { lr, weight_decay }] of (train.parameter_groups ?? []).entries()) {
    const path = ['train', 'parameter_groups', i];
    if (lr !== undefined && config.optimizer.lr === 0) {
      found.push({ path: [...path, 'lr'], message: 'a rate of its own needs an optimizer.lr above 0, to which the schedule refers' }); // prettier-ignore
    }
    if (weight_decay !== undefined && !('weight_decay' in config.optimizer)) {
      found.push({ path: [...path, 'weight_decay'], message: `${config.optimizer.type} has no weight decay` });
    }
  }
  if (train.early_stopping !== undefined) {
    found.push(...unknownFigure(config, train.early_stopping.monitor, ['train', 'early_stopping', 'monitor']));
  }
  if (config.schedule.type === 'reduce_on_plateau') {
    found.push(...unknownFigure(config, config.schedule.monitor, ['schedule', 'monitor']));
  }
  const average = train.weight_average;
  if (average !== undefined) {
    const other = average.method === 'ema' ? (['start_epoch', 'every_epochs'] as const) : (['decay'] as const);
    for (const key of other.filter((name) => average[name] !== undefined)) {
      found.push({ path: ['train', 'weight_average', key], message: `${key} belongs to the other method, not to ${average.method}` }); // prettier-ignore
    }
  }
  if (config.optimizer.type === 'lbfgs') found.push(...unfitForLbfgs(config));
  return found;
}

/** L-BFGS compares gradients at different weights, so these must be all that differs. */
function unfitForLbfgs({ train }: ExperimentConfig): Contradiction[] {
  const unfit = ['parameter_groups', 'accumulate_batches', 'gradient_noise'] as const;
  return unfit
    .filter((key) => train[key] !== undefined)
    .map((key) => ({
      path: ['train', key],
      message: `lbfgs takes no ${key}: it needs the same function in every step`,
    }));
}

/** What is wrong with `monitor` as the name of a figure that a run records. */
function unknownFigure(config: ExperimentConfig, monitor: string, path: Contradiction['path']): Contradiction[] {
  const figures = ['loss', ...metricNames(figureMetrics(config.metrics))];
  const validates = hasPart(config.data, 'val');
  const known = (validates ? ['val', 'train'] : ['train']).flatMap((split) =>
    figures.map((figure) => `${split}/${figure}`),
  );
  if (!validates && monitor.startsWith('val/')) {
    const message = `${monitor} needs a validation split: set data.split.val, or give the source a val file`;
    return [{ path, message }];
  }
  if (known.includes(monitor)) return [];
  const close = nearest(monitor, known);
  const hint = close === undefined ? '' : `; did you mean "${close}"?`;
  return [{ path, message: `there is no figure "${monitor}", only ${known.join(', ')}${hint}` }];
}
