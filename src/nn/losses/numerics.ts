/**
 * Building blocks of losses that stay finite, with right first and second derivatives, for any finite argument. Where a formula
 * has a kink that cancels (softplus at 0), its two halves take the same side there.
 */
import { add, div, exp, ge, log, log1p, maximum, neg, type Node, reduceMax, reduceSum, reshape, select, sizeOf, stopGradient, sub } from '../../tensor/index.js'; // prettier-ignore

/** The mean over everything but the batch axis: [batch]. */
export function meanPerSample(x: Node): Node {
  const [batch] = x.shape;
  const values = sizeOf(x.shape) / batch;
  return div(reduceSum(reshape(x, [batch, values]), 1), values);
}

/** log(1 + exp(x)) and log(1 + exp(-x)), each to full relative accuracy; they share the logarithm. */
export function softplusBoth(x: Node): { positive: Node; negative: Node } {
  const tail = log1p(exp(select(ge(x, 0), neg(x), x)));
  // At x = 0 the cotangent of a maximum goes to its first operand: 1 for the first, 0 for the second, as the tail's -1/2 needs.
  return { positive: add(maximum(x, 0), tail), negative: add(maximum(0, neg(x)), tail) };
}

/** The maximum of each row of [batch, n], [batch, 1], as a shift: it cancels in what follows, so it needs no derivative. */
const rowMaximum = (x: Node): Node => stopGradient(reshape(reduceMax(x, 1), [x.shape[0], 1]));

/** log(sum(exp(x))) over the rows of [batch, n]: [batch, 1]. */
export function logSumExp(x: Node): Node {
  const shift = rowMaximum(x);
  return add(shift, reshape(log(reduceSum(exp(sub(x, shift)), 1)), [x.shape[0], 1]));
}

/** log softmax over the rows of [batch, n]. Of a probability p of nearly 1 it has 1 - p in steps of 2^-24, as the sum rounds to them. */
export function logSoftmax(x: Node): Node {
  const shifted = sub(x, rowMaximum(x));
  return sub(shifted, reshape(log(reduceSum(exp(shifted), 1)), [x.shape[0], 1]));
}
