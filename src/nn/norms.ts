/** Sizes of tensors: norms of all together and of the weights that belong to one output, and the spread of values. */
import { add, div, mul, type Node, reduceSum, reshape, sizeOf, sqrt, sub } from '../tensor/index.js';

/** The Euclidean norm of all tensors as one vector, a scalar. */
export const globalNorm = (tensors: readonly Node[]): Node =>
  sqrt(tensors.map((t) => reduceSum(mul(t, t))).reduce((a, b) => add(a, b)));

/**
 * The norm of all that leads to one output, for each output: over all axes but `outputAxis`, which are kept with the size 1. A
 * vector, such as a bias, is one unit, as in Keras and in Brock et al. 2021.
 */
export function normPerUnit(x: Node, outputAxis: number): Node {
  const axes = x.shape.map((_, axis) => axis).filter((axis) => axis !== outputAxis || x.shape.length === 1);
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  return sqrt(reshape(reduceSum(mul(x, x), axes), kept));
}

/** The variance of all elements, a scalar; in two passes, as their mean may be far from 0. */
export function varianceOf(x: Node): Node {
  const count = sizeOf(x.shape);
  const centred = sub(x, div(reduceSum(x), count));
  return div(reduceSum(mul(centred, centred)), count);
}
