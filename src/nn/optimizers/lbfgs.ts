/** L-BFGS (Liu and Nocedal 1989) without line search: PyTorch's LBFGS with one iteration a step, all in the compiled step. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { abs, add, bitAnd, bitOr, concat, div, eq, gt, le, maximum, minimum, mul, neg, type Node, not, reduceMax, reduceSum, reshape, select, type Shape, sizeOf, slice, sub } from '../../tensor/index.js'; // prettier-ignore
import { defineJointOptimizer, learningRate } from './optimizer.js';

/** Below this product of a step and the change of the gradient, the pair says nothing about the curvature (PyTorch's constant). */
const LEAST_CURVATURE = 1e-10;

type Vector = readonly Node[];

const sum = (nodes: Vector): Node => nodes.reduce((a, b) => add(a, b));
const dot = (a: Vector, b: Vector): Node => sum(a.map((x, i) => reduceSum(mul(x, b[i]))));
/** a + factor * b. */
const along = (a: Vector, factor: Node, b: Vector): Node[] => a.map((x, i) => add(x, mul(b[i], factor)));

/** Rows of the last `size` vectors, the oldest first. */
const pushed = (history: Node, newest: Node): Node => {
  const [rows, width] = history.shape;
  return concat([slice(history, [1, 0], [rows, width]), reshape(newest, [1, width])], 0);
};
const rowOf = (history: Node, row: number, shape: Shape): Node =>
  reshape(slice(history, [row, 0], [row + 1, history.shape[1]]), shape);
const elementOf = (vector: Node, i: number): Node => reshape(slice(vector, [i], [i + 1]), []);

export const lbfgs = defineJointOptimizer({
  description:
    'Steps along an estimate of the inverse curvature from the last gradients, without line search: full batches only.',
  schema: z.object({
    lr: learningRate(1),
    history_size: atoms.positiveInt.default(10).describe('steps that the estimate is made from; each is kept as large as the weights, twice'), // prettier-ignore
    tolerance_grad: atoms.nonNegative.default(1e-7).describe('below this largest element of the gradient nothing moves'), // prettier-ignore
    tolerance_change: atoms.nonNegative
      .default(1e-9)
      .describe('below this decrease of the loss to first order nothing moves'),
  }),
  slots({ history_size }, shape) {
    const history = [history_size, sizeOf(shape)];
    return { gradient: shape, step: shape, gradient_changes: history, steps: history };
  },
  shared: ({ history_size }) => ({ inverse_products: [history_size], scale: [], iterations: [] }),
  /** Unused rows of the history have an inverse product of 0, which takes them out of both loops. */
  update({ parameters, gradients, states, shared, rate, params }) {
    const { history_size: size, tolerance_grad, tolerance_change } = params;
    const isFirst = eq(shared.iterations, 0);
    const change = gradients.map((g, i) => sub(g, states[i].gradient));
    const product = dot(change, states.map(({ step }) => step)); // prettier-ignore
    const isUsable = bitAnd(not(isFirst), gt(product, LEAST_CURVATURE));
    const kept = (updated: Node, before: Node): Node => select(isUsable, updated, before);
    const changes = states.map((s, i) => kept(pushed(s.gradient_changes, change[i]), s.gradient_changes));
    const steps = states.map((s) => kept(pushed(s.steps, s.step), s.steps));
    const inverseProducts = kept(
      concat([slice(shared.inverse_products, [1], [size]), reshape(div(1, product), [1])], 0),
      shared.inverse_products,
    );
    const scale = select(isFirst, 1, kept(div(product, dot(change, change)), shared.scale));

    // The two loops of Nocedal 1980: the estimate of the inverse Hessian times minus the gradient.
    const rows = (histories: Vector, row: number): Node[] => histories.map((h, i) => rowOf(h, row, parameters[i].shape)); // prettier-ignore
    let direction = gradients.map((g) => neg(g));
    const weights: Node[] = [];
    for (let row = size - 1; row >= 0; row--) {
      weights[row] = mul(dot(rows(steps, row), direction), elementOf(inverseProducts, row));
      direction = along(direction, neg(weights[row]), rows(changes, row));
    }
    direction = direction.map((d) => mul(d, scale));
    for (let row = 0; row < size; row++) {
      const opposite = mul(dot(rows(changes, row), direction), elementOf(inverseProducts, row));
      direction = along(direction, sub(weights[row], opposite), rows(steps, row));
    }

    const firstLength = minimum(div(1, sum(gradients.map((g) => reduceSum(abs(g))))), 1);
    const length = mul(rate, select(isFirst, firstLength, 1));
    const step = direction.map((d) => mul(d, length));
    const isDone = le(gradients.map((g) => reduceMax(abs(g))).reduce((a, b) => maximum(a, b)), tolerance_grad); // prettier-ignore
    const isFlat = gt(dot(gradients, direction), -tolerance_change);
    const unlessDone = (updated: Node, before: Node): Node => select(isDone, before, updated);
    return {
      parameters: parameters.map((p, i) => select(bitOr(isDone, isFlat), p, add(p, step[i]))),
      states: states.map((s, i) => ({
        gradient: unlessDone(gradients[i], s.gradient),
        step: unlessDone(step[i], s.step),
        gradient_changes: unlessDone(changes[i], s.gradient_changes),
        steps: unlessDone(steps[i], s.steps),
      })),
      shared: {
        inverse_products: unlessDone(inverseProducts, shared.inverse_products),
        scale: unlessDone(scale, shared.scale),
        iterations: unlessDone(add(shared.iterations, 1), shared.iterations),
      },
    };
  },
});
