/** The config of a whole experiment, section by section: each schema lives with what it describes, and they are combined here. */
import * as z from 'zod';
import { atoms } from '../config/index.js';
import { dataSchema } from '../data/index.js';
import {
  augmentSchema,
  initSchema,
  type LossConfig,
  lossSchema,
  type MetricConfig,
  metricSchema,
  modelSchema,
  optimizerSchema,
  regularizationSchema,
  scheduleSchema,
} from '../nn/index.js';
import { defaultsByTask } from './task-defaults.js';
import { taskSchema } from './tasks/index.js';
import { trainSchema } from './train-options.js';

export const writtenSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, "-", "_" and "." only: the name becomes a folder')
    .optional()
    .describe('name of the experiment and of the folder of its runs; by default the name of the file'),
  seed: atoms.seed.default(0).describe('all random numbers are a function of it'),
  task: taskSchema.describe('what the network learns to predict'),
  data: dataSchema.safeExtend({ augment: augmentSchema }),
  model: modelSchema,
  loss: lossSchema
    .optional()
    .describe(`what is minimized; by default ${defaultsByTask(({ defaultLoss }) => [defaultLoss])}`),
  metrics: z
    .array(metricSchema)
    .optional()
    .describe(`what is measured beside the loss; by default ${defaultsByTask(({ defaultMetrics }) => defaultMetrics)}`),
  init: initSchema.prefault({}).describe('initial weights'),
  regularization: regularizationSchema
    .prefault({})
    .describe('penalties and constraints on weights, biases and activities'),
  optimizer: optimizerSchema.prefault('adam').describe('how gradients change the weights'),
  schedule: scheduleSchema.prefault('constant').describe('how the learning rate changes over the run'),
  train: trainSchema.prefault({}).describe('how long, in what batches, and when to stop'),
});

/** A config as written, with the defaults that do not depend on the task. */
export type WrittenExperiment = z.output<typeof writtenSchema>;

/** A checked experiment with all defaults. */
export interface ExperimentConfig extends Omit<WrittenExperiment, 'loss' | 'metrics'> {
  readonly loss: LossConfig;
  readonly metrics: readonly MetricConfig[];
}
