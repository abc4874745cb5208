/** The regularizers and constraints of a model's weights: the `regularization` section, and a layer's own. */
import * as z from 'zod';
import { atoms } from '../config/index.js';
import { add, div, type Node } from '../tensor/index.js';
import { type ConstraintConfig, constraintOf, constraintSchema } from './constraints.js';
import { activityRegularizerSchema, type RegularizerConfig, regularizerOf, regularizerSchema } from './regularizers.js'; // prettier-ignore

/** Penalties and decay treat these kinds differently: only weights shrink. */
export type ParameterKind = 'weight' | 'bias' | 'scale';

/** Per kind of tensor; a layer's own replace the model's. */
const regularizersOfALayer = {
  weights: regularizerSchema.optional().describe('of the weights'),
  bias: regularizerSchema.optional().describe('of the biases'),
  activity: activityRegularizerSchema
    .optional()
    .describe('of the outputs of layers with weights, averaged over the samples of a batch'),
};
const constraintsOfALayer = {
  weights: constraintSchema.optional().describe('of the weights'),
  bias: constraintSchema.optional().describe('of the biases'),
};

/** What a layer with weights may override. */
export const regularizationFields = {
  regularizer: z.strictObject(regularizersOfALayer).optional().describe("regularizers of this layer, instead of the model's"), // prettier-ignore
  constraint: z.strictObject(constraintsOfALayer).optional().describe("constraints of this layer, instead of the model's"), // prettier-ignore
};

/**
 * Keras's convention: l1 * sum |w| + l2 * sum w^2, over all weights, not biases. PyTorch's `weight_decay` d adds d * w to the
 * gradient, so it equals l2 = d / 2.
 */
export const regularizationSchema = z.strictObject({
  l1: atoms.nonNegative.default(0).describe('adds this times the sum of |w| to the loss'),
  l2: atoms.nonNegative.default(0).describe('adds this times the sum of w^2 to the loss; half of a weight decay'),
  ...regularizersOfALayer,
  constraint: z.strictObject(constraintsOfALayer).optional().describe('constraints on weights and biases, applied after every update'), // prettier-ignore
});
export type RegularizationConfig = z.output<typeof regularizationSchema>;

/** The regularizers of a layer's tensor of this kind, where `own` is the layer's setting: only weights and biases have any. */
export function regularizersOf(
  kind: ParameterKind,
  own: RegularizerConfig | undefined,
  model: RegularizationConfig | undefined,
): readonly RegularizerConfig[] {
  if (own !== undefined) return [own];
  if (model === undefined || kind === 'scale') return [];
  if (kind === 'bias') return model.bias === undefined ? [] : [model.bias];
  const { l1, l2, weights } = model;
  return [
    ...(l1 > 0 ? [{ type: 'l1', strength: l1 } as const] : []),
    ...(l2 > 0 ? [{ type: 'l2', strength: l2 } as const] : []),
    ...(weights === undefined ? [] : [weights]),
  ];
}

/** The constraint of a layer's tensor of this kind. */
export function constraintFor(
  kind: ParameterKind,
  own: ConstraintConfig | undefined,
  model: RegularizationConfig | undefined,
): ConstraintConfig | undefined {
  if (kind === 'scale') return own;
  return own ?? (kind === 'bias' ? model?.constraint?.bias : model?.constraint?.weights);
}

/** What regularization needs to know of a parameter. */
export interface Regularized {
  readonly node: Node;
  readonly regularizers: readonly RegularizerConfig[];
  readonly constraint?: ConstraintConfig;
  /** The axis that numbers outputs. */
  readonly outputAxis: number;
}

/** The sum of all penalties on parameters, and of `more` that layers collected, a scalar; undefined where there is none. */
export function penalty(parameters: readonly Regularized[], more: readonly Node[] = []): Node | undefined {
  const terms = parameters.flatMap(({ node, regularizers }) =>
    regularizers.flatMap((config) => regularizerOf(config).penalty?.(node, config) ?? []),
  );
  const all = [...terms, ...more];
  return all.length === 0 ? undefined : all.reduce((a, b) => add(a, b));
}

/** The penalty on activities [batch, ...], the mean over the samples, as Keras has it. */
export const activityPenalty = (config: RegularizerConfig, x: Node): Node | undefined => {
  const total = regularizerOf(config).penalty?.(x, config);
  return total && div(total, x.shape[0]);
};

/** Applies proximal steps and constraints to `updated`, the parameter after an optimizer step with this rate. */
export function afterUpdate(updated: Node, rate: Node, { regularizers, constraint, outputAxis }: Regularized): Node {
  const pulled = regularizers.reduce((x, config) => regularizerOf(config).proximal?.(x, rate, config) ?? x, updated);
  return constraint === undefined ? pulled : constraintOf(constraint).project(pulled, outputAxis, constraint);
}
