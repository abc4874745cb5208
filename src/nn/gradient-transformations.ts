/**
 * Transformations of gradients on their way to the optimizer, as in Optax: each is a pair of pure functions over named gradients
 * and named state, and `chain` composes them. One may also hold gradients back, so that not every step makes an update.
 */
import {
  add,
  bitAnd,
  bitOr,
  div,
  eq,
  floor,
  ge,
  gt,
  mul,
  type Node,
  select,
  type Shape,
  withScope,
} from '../tensor/index.js';
import { type ClippingLimits, type Clipped, clipGradients, type GradientNoise, withNoise } from './clip.js';
import type { Named, StateSpec } from './optimizers/index.js';
import type { RandomSource } from './random-source.js';

/** Gradients, and the update that they are for. */
export interface GradientFlow {
  readonly gradients: Named<Node>;
  /** The 1-based number of the update, a scalar. */
  readonly step: Node;
  /** Whether this step makes it; undefined where every step does. Where it does not, `gradients` and `step` are of no use. */
  readonly isDue?: Node;
}

export interface GradientTransformation {
  /** The state for gradients of these shapes. */
  init(shapes: Named<Shape>): Named<StateSpec>;
  /** `state` has the names of `init`, and so has the state that is returned. */
  update(flow: GradientFlow, state: Named<Node>): { readonly flow: GradientFlow; readonly state: Named<Node> };
}

/** `updated` in a step that makes the update, else `kept`. */
export const whenDue = (isDue: Node | undefined, updated: Node, kept: Node): Node =>
  isDue === undefined ? updated : select(isDue, updated, kept);

/** Composes transformations. While one holds gradients back, those after it keep their state. */
export const chain = (...parts: readonly GradientTransformation[]): GradientTransformation => ({
  init: (shapes) => Object.assign({}, ...parts.map((part) => part.init(shapes))) as Named<StateSpec>,
  update(start, state) {
    const next: Record<string, Node> = {};
    const flow = parts.reduce((before, part) => {
      const result = part.update(before, state);
      for (const [name, updated] of Object.entries(result.state)) next[name] = whenDue(before.isDue, updated, state[name]); // prettier-ignore
      return result.flow;
    }, start);
    return { flow, state: next };
  },
});

const both = (a: Node | undefined, b: Node): Node => (a === undefined ? b : bitAnd(a, b));

/**
 * Collects the gradients of `batches` steps and hands on their mean; a group that `isLast` (a scalar, not 0 in the last step of an
 * epoch) ends before it is full is averaged over the steps that are in it.
 */
export const accumulate = (batches: number, isLast: Node): GradientTransformation => ({
  init: (shapes) => ({
    ...Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [`gradient_sum.${name}`, { shape, initial: 0 }])), // prettier-ignore
    collected: { shape: [], initial: 0 },
    updates: { shape: [], initial: 0 },
  }),
  update: ({ gradients, isDue }, state) =>
    withScope('gradient accumulation', () => {
      const collected = add(state.collected, 1);
      const isFull = bitOr(ge(collected, batches), gt(isLast, 0));
      const step = add(state.updates, 1);
      const next: Record<string, Node> = {
        collected: select(isFull, 0, collected),
        updates: select(isFull, step, state.updates),
      };
      const means: Record<string, Node> = {};
      for (const [name, gradient] of Object.entries(gradients)) {
        const total = add(state[`gradient_sum.${name}`], gradient);
        next[`gradient_sum.${name}`] = select(isFull, 0, total);
        means[name] = div(total, collected);
      }
      return { flow: { gradients: means, step, isDue: both(isDue, isFull) }, state: next };
    }),
});

/** Lets the gradients of every n-th step through, and no others. */
export const everyNth = (n: number): GradientTransformation => ({
  init: () => ({}),
  update({ gradients, step, isDue }) {
    const count = floor(div(step, n));
    return { flow: { gradients, step: count, isDue: both(isDue, eq(mul(count, n), step)) }, state: {} };
  },
});

/** A transformation without state. */
const stateless = (change: (flow: GradientFlow) => Named<Node>): GradientTransformation => ({
  init: () => ({}),
  update: (flow) => ({ flow: { ...flow, gradients: change(flow) }, state: {} }),
});

/** Does `work`, which takes gradients in the order of their parameters. */
const inOrder = (
  gradients: Named<Node>,
  parameters: readonly Clipped[],
  work: (list: readonly Node[]) => readonly Node[],
): Named<Node> => {
  const changed = work(parameters.map(({ name }) => gradients[name]));
  return Object.fromEntries(parameters.map(({ name }, i) => [name, changed[i]]));
};

/** Clips the gradients of `parameters`, which must be all; see `clipGradients`. */
export const clip = (limits: ClippingLimits, parameters: readonly Clipped[]): GradientTransformation =>
  stateless(
    ({ gradients }) =>
    withScope('gradient clipping', () => inOrder(gradients, parameters, (list) => clipGradients(list, limits, parameters))), // prettier-ignore
  );

/** Adds noise that decays with the number of updates; see `withNoise`. */
export const addNoise = (
  noise: GradientNoise,
  parameters: readonly Clipped[],
  random: RandomSource,
): GradientTransformation =>
  stateless(
    ({ gradients, step }) =>
    withScope('gradient noise', () => inOrder(gradients, parameters, (list) => withNoise(list, parameters, noise, step, random))), // prettier-ignore
  );
