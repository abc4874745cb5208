/** Gradient clipping, and noise on gradients. */
import * as z from 'zod';
import { atoms } from '../config/index.js';
import { add, div, maximum, minimum, mul, type Node, pow } from '../tensor/index.js';
import { globalNorm, normPerUnit } from './norms.js';
import { matchesPattern } from './optimizers/groups.js';
import type { RandomSource } from './random-source.js';

/** PyTorch's clip_grad_norm_ adds this to the norm. */
const NORM_EPSILON = 1e-6;

/** All gradients times min(1, maxNorm / (norm + 1e-6)), as PyTorch's clip_grad_norm_ (Pascanu et al. 2013). */
export function clipByGlobalNorm(gradients: readonly Node[], maxNorm: number): Node[] {
  if (gradients.length === 0) return [];
  const factor = minimum(div(maxNorm, add(globalNorm(gradients), NORM_EPSILON)), 1);
  return gradients.map((g) => mul(g, factor));
}

/** Every element clamped to [-limit, limit]. */
export const clipByValue = (gradients: readonly Node[], limit: number): Node[] =>
  gradients.map((g) => maximum(minimum(g, limit), -limit));

export const adaptiveClippingSchema = z.strictObject({
  factor: atoms.positive.default(0.01).describe('largest norm of a gradient as a share of the norm of its weights'),
  epsilon: atoms.positive.default(1e-3).describe('lower bound of the norm of the weights'),
  exclude: z
    .array(atoms.text)
    .default([])
    .describe('names of weights that are left out, * for any characters; the paper leaves out the last layer'),
});
export type AdaptiveClipping = z.output<typeof adaptiveClippingSchema>;

/** What clipping needs to know of a parameter. */
export interface Clipped {
  readonly name: string;
  readonly node: Node;
  /** The axis that numbers outputs. */
  readonly outputAxis: number;
}

/** Brock et al. 2021: the gradient of each unit brought to at most a share of the norm of the unit's weights. */
export function clipAdaptively(
  gradients: readonly Node[],
  parameters: readonly Clipped[],
  { factor, epsilon, exclude }: AdaptiveClipping,
): Node[] {
  return gradients.map((gradient, i) => {
    const { name, node, outputAxis } = parameters[i];
    if (exclude.some((pattern) => matchesPattern(pattern, name))) return gradient;
    const largest = mul(maximum(normPerUnit(node, outputAxis), epsilon), factor);
    // The authors' guard against a gradient of zero.
    const norm = maximum(normPerUnit(gradient, outputAxis), 1e-6);
    return mul(gradient, minimum(div(largest, norm), 1));
  });
}

export interface ClippingLimits {
  readonly norm?: number;
  readonly value?: number;
  readonly adaptive?: AdaptiveClipping;
}

/** Clips as configured: adaptively, by value, then by norm, so that the final norm is within its limit. */
export function clipGradients(
  gradients: readonly Node[],
  limits: ClippingLimits,
  parameters: readonly Clipped[] = [],
): readonly Node[] {
  const adapted = limits.adaptive === undefined ? gradients : clipAdaptively(gradients, parameters, limits.adaptive);
  const bounded = limits.value === undefined ? adapted : clipByValue(adapted, limits.value);
  return limits.norm === undefined ? bounded : clipByGlobalNorm(bounded, limits.norm);
}

export const gradientNoiseSchema = z.strictObject({
  eta: atoms.nonNegative
    .default(0.01)
    .describe('variance of the noise at the start; the authors tried 0.01, 0.3 and 1'),
  gamma: atoms.nonNegative.default(0.55).describe('how fast the variance falls: with (1 + step)^-gamma'),
});
export type GradientNoise = z.output<typeof gradientNoiseSchema>;

/**
 * Neelakantan et al. 2015: normal noise of variance eta / (1 + t)^gamma on every element, t counting updates from 0. It comes after
 * clipping, so that its size is the one asked for. `step` counts from 1.
 */
export function withNoise(
  gradients: readonly Node[],
  parameters: readonly Pick<Clipped, 'name'>[],
  { eta, gamma }: GradientNoise,
  step: Node,
  random: RandomSource,
): Node[] {
  const std = mul(pow(step, -gamma / 2), Math.sqrt(eta));
  return gradients.map((gradient, i) =>
    add(gradient, mul(random.normal(`${parameters[i].name}.gradient_noise`, gradient.shape), std)),
  );
}
