/**
 * Regularizers of weights, biases and activities. One is either a penalty, which is added to the loss and acts through its
 * gradient, or a proximal step, which follows every update of the optimizer.
 */
import * as z from 'zod';
import { atoms, component, type ComponentConfig } from '../config/index.js';
import { abs, add, maximum, minimum, mul, neg, type Node, reduceSum, sub } from '../tensor/index.js';

export interface Regularizer<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  /** What is added to the loss for the tensor x, a scalar. */
  penalty?(x: Node, params: z.output<S>): Node;
  /** The tensor that replaces x after an update with this learning rate. */
  proximal?(x: Node, rate: Node, params: z.output<S>): Node;
}

const regularizer = <S extends z.ZodObject>(entry: Regularizer<S>): Regularizer<S> => entry;

const strength = (defaultValue: number, of: string) =>
  atoms.nonNegative.default(defaultValue).describe(`factor of ${of}`);
const sumOfSizes = (x: Node): Node => reduceSum(abs(x));
const sumOfSquares = (x: Node): Node => reduceSum(mul(x, x));

/** Keras's L1, L2 and L1L2, with its convention: PyTorch's weight decay d equals an L2 strength of d / 2. */
export const penaltyRegularizers = {
  l1: regularizer({
    description: 'Adds the sum of |w| to the loss: many values become small.',
    schema: z.object({ strength: strength(0.01, 'the sum of |w|') }),
    penalty: (x, params) => mul(sumOfSizes(x), params.strength),
  }),
  l2: regularizer({
    description: 'Adds the sum of w^2 to the loss: no value becomes large.',
    schema: z.object({ strength: strength(0.01, 'the sum of w^2; half of a weight decay') }),
    penalty: (x, params) => mul(sumOfSquares(x), params.strength),
  }),
  elastic: regularizer({
    description: 'Adds both the sum of |w| and the sum of w^2 to the loss (Zou and Hastie 2005).',
    schema: z.object({ l1: strength(0.01, 'the sum of |w|'), l2: strength(0.01, 'the sum of w^2') }),
    penalty: (x, { l1, l2 }) => add(mul(sumOfSizes(x), l1), mul(sumOfSquares(x), l2)),
  }),
};

export const regularizers = {
  ...penaltyRegularizers,
  /** w <- sign(w) max(|w| - t, 0) with t = rate * strength, the proximal map of t |w|; written so that no zero is negative. */
  proximal_l1: regularizer({
    description:
      'Pulls every weight towards 0 after each update, and to exactly 0 where it is near (Daubechies et al. 2004).',
    schema: z.object({ strength: strength(0.01, 'the sum of |w|: an update moves weights by this times the rate') }),
    proximal(x, rate, params) {
      const threshold = mul(rate, params.strength);
      return sub(x, maximum(minimum(x, threshold), neg(threshold)));
    },
  }),
} as const satisfies Record<string, Regularizer>;

export type RegularizerConfig = ComponentConfig<typeof regularizers>;
export const regularizerSchema = component(regularizers);
/** Activities are not weights: nothing updates them, so only penalties apply. */
export type ActivityRegularizerConfig = ComponentConfig<typeof penaltyRegularizers>;
export const activityRegularizerSchema = component(penaltyRegularizers);

/** The registry's entry with its parameter types erased: that entry's schema has parsed `config`. */
export const regularizerOf = (config: RegularizerConfig): Regularizer => regularizers[config.type];

/** Whether it makes weights exactly 0. */
export const makesZeros = (config: RegularizerConfig): boolean => regularizerOf(config).proximal !== undefined;
