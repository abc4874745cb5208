/** Penalties on the weights, added to the mean loss of a batch. */
import * as z from 'zod';
import { atoms } from '../config/index.js';
import { abs, add, mul, type Node, reduceSum } from '../tensor/index.js';

/**
 * Keras's convention: l1 * sum |w| + l2 * sum w^2, over all weights, not biases. PyTorch's `weight_decay` d adds d * w to the
 * gradient, so it equals l2 = d / 2.
 */
export const regularizationSchema = z.strictObject({
  l1: atoms.nonNegative.default(0).describe('adds this times the sum of |w| to the loss'),
  l2: atoms.nonNegative.default(0).describe('adds this times the sum of w^2 to the loss; half of a weight decay'),
});
export type RegularizationConfig = z.output<typeof regularizationSchema>;

/** What a penalty needs to know of a parameter. */
interface Penalized {
  readonly node: Node;
  readonly kind: string;
}

/** The penalty on all parameters of kind 'weight', a scalar; undefined where there is none. */
export function penalty(parameters: readonly Penalized[], { l1, l2 }: RegularizationConfig): Node | undefined {
  const terms = parameters
    .filter(({ kind }) => kind === 'weight')
    .flatMap(({ node }) => [
      ...(l1 > 0 ? [mul(reduceSum(abs(node)), l1)] : []),
      ...(l2 > 0 ? [mul(reduceSum(mul(node, node)), l2)] : []),
    ]);
  return terms.length === 0 ? undefined : terms.reduce((a, b) => add(a, b));
}
