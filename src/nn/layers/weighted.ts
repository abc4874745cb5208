/** Shared by layers with weights: initialization, sharing and perturbation of the weights, the bias, the activation. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, mul, type Node, select, type Shape } from '../../tensor/index.js';
import { activationSchema } from '../activations.js';
import { initializerSchema } from '../initializers.js';
import type { BuildContext } from '../layer.js';
import { regularizationFields } from '../regularization.js';

export const weightedFields = {
  activation: activationSchema.optional().describe('applied to the output'),
  use_bias: z.boolean().default(true).describe('add a trainable offset to every output'),
  init: z
    .strictObject({ weights: initializerSchema.optional(), bias: initializerSchema.optional() })
    .optional()
    .describe("initial values of this layer, instead of the model's"),
  ...regularizationFields,
  share: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, 'expected letters, digits, "-" and "_" only')
    .optional()
    .describe('layers that give the same name here have the same weights and biases'),
  drop_connect: atoms.properFraction
    .optional()
    .describe('share of the weights that each training step sets to 0, the rest scaled up (Wan et al. 2013)'),
  weight_noise: atoms.nonNegative
    .optional()
    .describe('standard deviation of the normal noise that each training step adds to the weights'),
};
export type WeightedConfig = z.output<z.ZodObject<typeof weightedFields>>;

export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** A weight as a training step sees it: with drop-connect and noise, where the layer has them. `name` is the weight's. */
export function disturbed(
  context: BuildContext,
  { drop_connect: share = 0, weight_noise: std = 0 }: WeightedConfig,
  weight: Node,
  name = 'weight',
): Node {
  if (!context.stochastic) return weight;
  const { random } = context;
  const stream = `${context.name}.${name}`;
  const dropped = (): Node => random.bernoulli(`${stream}.drop_connect`, weight.shape, share);
  const kept = share === 0 ? weight : select(dropped(), 0, mul(weight, 1 / (1 - share)));
  return std === 0 ? kept : add(kept, mul(random.normal(`${stream}.weight_noise`, weight.shape), std));
}

/** The layer's tensor `name`, whose outputs are numbered along `outputAxis`. */
export function weightOf(
  context: BuildContext,
  config: WeightedConfig,
  shape: Shape,
  fans: Fans,
  name = 'weight',
  outputAxis = shape.length - 1,
): Node {
  const { init, regularizer, constraint, share } = config;
  const weight = context.parameter(name, shape, {
    kind: 'weight',
    ...fans,
    init: init?.weights,
    regularizer: regularizer?.weights,
    constraint: constraint?.weights,
    outputAxis,
    share,
  });
  return disturbed(context, config, weight, name);
}

/** x plus the layer's bias per channel (last axis), then its activation. */
export function biasAndActivation(context: BuildContext, config: WeightedConfig, x: Node, fans: Fans): Node {
  const { activation, regularizer, use_bias } = config;
  const output = context.activate(activation, use_bias ? add(x, biasOf(context, config, x, fans)) : x);
  context.penalize(regularizer?.activity, output);
  return output;
}

/** The layer's bias for every channel of x. */
function biasOf(context: BuildContext, config: WeightedConfig, x: Node, fans: Fans): Node {
  const { init, regularizer, constraint, share } = config;
  return context.parameter('bias', [x.shape[x.shape.length - 1]], {
    kind: 'bias',
    ...fans,
    init: init?.bias,
    regularizer: regularizer?.bias,
    constraint: constraint?.bias,
    share,
  });
}
