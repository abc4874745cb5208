/** The `train` section of a config: how long, in what batches, how gradients are treated, and when to stop. */
import * as z from 'zod';
import { atoms } from '../config/index.js';
import { adaptiveClippingSchema, gradientNoiseSchema, parameterGroupSchema } from '../nn/index.js';
import { lintIds } from './lints/ids.js';

const earlyStoppingSchema = z.strictObject({
  monitor: atoms.text.default('val/loss').describe('the figure to watch: val/loss, val/<metric>, train/loss, ...'),
  mode: z
    .enum(['min', 'max'])
    .optional()
    .describe('whether smaller or larger is better; by default as the figure requires'),
  patience: atoms.positiveInt.default(5).describe('epochs without improvement before training stops'),
  min_delta: atoms.nonNegative.default(0).describe('smaller gains do not count as an improvement'),
  restore_best: z.boolean().default(true).describe('test the weights of the best epoch instead of the last'),
});

export const trainSchema = z.strictObject({
  max_epochs: atoms.positiveInt
    .optional()
    .describe('passes over the training split; by default 10, or as many as max_steps takes'),
  max_steps: atoms.positiveInt.optional().describe('stop after this many steps'),
  batch_size: atoms.positiveInt.default(32).describe('samples per training step'),
  eval_batch_size: atoms.positiveInt.default(250).describe('samples per batch in validation and test'),
  shuffle: z.boolean().default(true).describe('draw a new random order of the samples for every epoch'),
  sampling: z
    .enum(['uniform', 'balanced'])
    .default('uniform')
    .describe(
      'uniform: every sample once an epoch; balanced: every class equally often, samples of rare ones repeatedly',
    ),
  drop_last: z.boolean().default(false).describe('leave out the last batch of an epoch if it is smaller'),
  checkpoint_every: atoms.positiveInt
    .optional()
    .describe('steps between checkpoints; there is always one at the end of an epoch'),
  checkpoint_every_seconds: atoms.positive.optional().describe('time between checkpoints, in seconds'),
  gradient_clip_norm: atoms.positive.optional().describe('scale all gradients together down to this norm'),
  gradient_clip_value: atoms.positive
    .optional()
    .describe('clip every element of the gradients to plus or minus this value'),
  gradient_clip_adaptive: adaptiveClippingSchema
    .optional()
    .describe('scale the gradient of each unit down to a share of the norm of its weights (Brock et al. 2021)'),
  gradient_noise: gradientNoiseSchema
    .optional()
    .describe('add decaying Gaussian noise to the gradients (Neelakantan et al. 2015)'),
  accumulate_batches: atoms.positiveInt
    .optional()
    .describe(
      'average the gradients of this many batches per update (fewer at the end of an epoch); steps count batches',
    ),
  parameter_groups: z
    .array(parameterGroupSchema)
    .optional()
    .describe('weights with their own learning rate or weight decay'),
  weight_average: z
    .strictObject({
      method: z
        .enum(['ema', 'swa'])
        .default('ema')
        .describe('ema: an exponential moving average; swa: the mean at the ends of epochs (Izmailov et al. 2018)'),
      decay: atoms.properFraction.optional().describe('ema: share of the average that each update keeps; 0.999 by default'), // prettier-ignore
      start_epoch: atoms.nonNegative.optional().describe('swa: epochs before averaging begins; by default three quarters of all'), // prettier-ignore
      every_epochs: atoms.positive.optional().describe('swa: epochs between two weights that it averages; 1 by default'), // prettier-ignore
    })
    .optional()
    .describe('validate and test an average of the weights; off by default'),
  early_stopping: earlyStoppingSchema.optional().describe('stop when a figure stops improving; off by default'),
  ignore_lints: z.array(z.enum(lintIds)).optional().describe('lints that `nn check` and `nn train` do not report'), // prettier-ignore
});
