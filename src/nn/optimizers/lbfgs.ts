/** L-BFGS (Liu and Nocedal 1989) without line search: PyTorch's LBFGS with one iteration a step, all in the compiled step. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { abs, add, bitAnd, bitOr, concat, div, eq, gt, le, maximum, minimum, mul, neg, type Node, type Operand, not, reduceMax, reduceSum, reshape, select, type Shape, sizeOf, slice, sub } from '../../tensor/index.js'; // prettier-ignore
import { defineOptimizer, learningRate } from './optimizer.js';

/** Below this product of a step and the change of the gradient, the pair says nothing about the curvature (PyTorch's constant). */
const LEAST_CURVATURE = 1e-10;

type NodeVector = readonly Node[];

const sum = (nodes: NodeVector): Node => nodes.reduce((a, b) => add(a, b));
const dot = (a: NodeVector, b: NodeVector): Node => sum(a.map((x, i) => reduceSum(mul(x, b[i]))));
/** a + factor * b. */
const along = (a: NodeVector, factor: Node, b: NodeVector): Node[] => a.map((x, i) => add(x, mul(b[i], factor)));

/** Rows of the last `size` vectors, the oldest first. */
const pushed = (history: Node, newest: Node): Node => {
  const [rows, width] = history.shape;
  return concat([slice(history, [1, 0], [rows, width]), reshape(newest, [1, width])], 0);
};
const rowOf = (history: Node, row: number, shape: Shape): Node =>
  reshape(slice(history, [row, 0], [row + 1, history.shape[1]]), shape);
const elementOf = (vector: Node, i: number): Node => reshape(slice(vector, [i], [i + 1]), []);

export const lbfgs = defineOptimizer({
  description:
    'Steps along an estimate of the inverse curvature from the last gradients, without line search: full batches only.',
  schema: z.object({
    lr: learningRate(1),
    history_size: atoms.positiveInt.default(10).describe('steps that the estimate is made from; each is kept as large as the weights, twice'), // prettier-ignore
    tolerance_grad: atoms.nonNegative.default(1e-7).describe('no step while the largest element of the gradient is below this'), // prettier-ignore
    tolerance_change: atoms.nonNegative
      .default(1e-9)
      .describe('no step that would lower the loss, to first order, by less than this'),
  }),
  init({ history_size }, shapes) {
    const ofParameters = Object.entries(shapes).flatMap(([name, shape]): [string, Shape][] => {
      const history = [history_size, sizeOf(shape)];
      return [
        [`gradient.${name}`, shape],
        [`step.${name}`, shape],
        [`gradient_changes.${name}`, history],
        [`steps.${name}`, history],
      ];
    });
    const shared: [string, Shape][] = [
      ['inverse_products', [history_size]],
      ['scale', []],
      ['iterations', []],
    ];
    return Object.fromEntries([...ofParameters, ...shared].map(([name, shape]) => [name, { shape, initial: 0 }]));
  },
  /** Unused rows of the history have an inverse product of 0, so they drop out of both loops. */
  update(gradients, state, parameters, hyperparameters) {
    const names = Object.keys(parameters);
    // From the config, common to all parameters: they only decide when to stop and are not differentiated.
    const { history_size: size, tolerance_grad, tolerance_change } = hyperparameters[names[0]];
    const kept = (key: string): Node[] => names.map((name) => state[`${key}.${name}`]);
    const [last, lastStep, oldChanges, oldSteps] = ['gradient', 'step', 'gradient_changes', 'steps'].map(kept);
    const gradient = names.map((name) => gradients[name]);
    const shapes = gradient.map(({ shape }) => shape);

    const isFirst = eq(state.iterations, 0);
    const change = gradient.map((g, i) => sub(g, last[i]));
    const product = dot(change, lastStep);
    const isUsable = bitAnd(not(isFirst), gt(product, LEAST_CURVATURE));
    const ifUsable = (updated: Node, before: Node): Node => select(isUsable, updated, before);
    const changes = oldChanges.map((history, i) => ifUsable(pushed(history, change[i]), history));
    const steps = oldSteps.map((history, i) => ifUsable(pushed(history, lastStep[i]), history));
    const inverseProducts = ifUsable(
      concat([slice(state.inverse_products, [1], [size]), reshape(div(1, product), [1])], 0),
      state.inverse_products,
    );
    const scale = select(isFirst, 1, ifUsable(div(product, dot(change, change)), state.scale));

    // The two loops of Nocedal 1980: the estimate of the inverse Hessian times minus the gradient.
    const rows = (histories: NodeVector, row: number): Node[] => histories.map((h, i) => rowOf(h, row, shapes[i]));
    let direction = gradient.map((g) => neg(g));
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

    const firstLength = minimum(div(1, sum(gradient.map((g) => reduceSum(abs(g))))), 1);
    const length = (rate: Operand): Node => mul(rate, select(isFirst, firstLength, 1));
    const step = direction.map((d, i) => mul(d, length(hyperparameters[names[i]].rate)));
    const isDone = le(gradient.map((g) => reduceMax(abs(g))).reduce((a, b) => maximum(a, b)), tolerance_grad); // prettier-ignore
    const isFlat = gt(dot(gradient, direction), -tolerance_change);
    const moved = names.map((name, i) =>
      select(bitOr(isDone, isFlat), parameters[name], add(parameters[name], step[i])),
    );
    const next: Record<string, Node> = {
      ...Object.fromEntries(
        names.flatMap((name, i): [string, Node][] => [
          [`gradient.${name}`, gradient[i]],
          [`step.${name}`, step[i]],
          [`gradient_changes.${name}`, changes[i]],
          [`steps.${name}`, steps[i]],
        ]),
      ),
      inverse_products: inverseProducts,
      scale,
      iterations: add(state.iterations, 1),
    };
    return {
      parameters: Object.fromEntries(names.map((name, i) => [name, moved[i]])),
      state: Object.fromEntries(
        Object.entries(next).map(([name, updated]) => [name, select(isDone, state[name], updated)]),
      ),
    };
  },
});
