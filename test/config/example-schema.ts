/** A small experiment schema in the manner of the real one, for the tests of the machinery. */
import * as z from 'zod';
import { nonNegative, positive, positiveInt, probability, properFraction, seed, text } from '../../src/config/atoms.js';
import { component, type ComponentConfig } from '../../src/config/component.js';

export const activations = {
  relu: { schema: z.object({}), description: 'max(x, 0)' },
  leaky_relu: { schema: z.object({ slope: nonNegative.default(0.01) }), description: 'x, or slope x where x < 0' },
  tanh: { schema: z.object({}), description: 'hyperbolic tangent' },
} as const;

const simpleLayers = {
  dense: {
    schema: z.object({
      units: positiveInt.describe('number of output units'),
      activation: component(activations).optional(),
    }),
    description: 'fully connected',
  },
  dropout: {
    schema: z.object({ rate: properFraction.describe('share of inputs set to zero') }),
    description: 'dropout',
  },
  flatten: { schema: z.object({}), description: 'one axis out of all but the batch' },
} as const;

/** A registry that contains itself needs its type written down once: the simple entries' types, and the recursive ones'. */
type LayerConfig = ComponentConfig<typeof simpleLayers> | { type: 'residual'; layers: LayerConfig[] };

export const layers = {
  ...simpleLayers,
  residual: {
    schema: z.object({ layers: z.lazy((): z.ZodType<LayerConfig[]> => z.array(layer).min(1)) }),
    description: 'adds its input to the output of its layers',
  },
} as const;
export const layer: z.ZodType<LayerConfig> = component(() => layers);

export const optimizers = {
  adam: {
    schema: z.object({
      lr: positive.default(0.001),
      betas: z.tuple([properFraction, properFraction]).default([0.9, 0.999]),
    }),
    description: 'Adam',
  },
  sgd: {
    schema: z.object({ lr: positive.describe('learning rate'), momentum: properFraction.default(0) }),
    description: 'SGD',
  },
} as const;

export const experiment = z.strictObject({
  name: text.default('unnamed'),
  seed: seed.default(0),
  task: z.enum(['classification', 'regression']).describe('what is learnt'),
  model: z.strictObject({ layers: z.array(layer).min(1).describe('the layers in order') }),
  split: z.union([z.literal('none'), probability, positiveInt]).default('none'),
  optimizer: component(optimizers).prefault('adam'),
  preprocess: z.array(z.record(z.string(), z.number())).default([]),
  train: z
    .strictObject({
      max_epochs: positiveInt.default(10),
      early_stopping: z.strictObject({ monitor: text.default('val/loss'), patience: positiveInt }).optional(),
      shuffle: z.boolean().default(true),
    })
    .prefault({}),
});
