/**
 * A loop with a run-time number of steps, on which `scan` is built. It carries values from step to step, and has no derivative.
 *
 * `repeat` is the loop, a single node however many results it has; its value is the number of its steps.
 * `repeat_result` nodes are the values that it ends with. Inputs of `repeat` are the number of steps, then a value for each of the
 * body's parameters: those carried on, which take the body's results after each step, and those that stay.
 */
import { applyAs, checkType, definePrimitive, type Node, type NodeOf, ShapeError } from '../graph.js';
import { sameShape, showShape } from '../shape.js';
import { closeOver, makeParameter, type Subgraph } from '../subgraph.js';

declare module '../graph.js' {
  interface Attributes {
    repeat: { readonly body: Subgraph };
    repeat_result: { readonly index: number };
  }
}

definePrimitive('repeat', {
  evaluate(_node, [steps], out) {
    out[0] = Math.max(0, steps[0]);
  },
});

definePrimitive('repeat_result', {
  evaluate() {
    throw new Error('internal: what a loop ends with is known to who goes through it');
  },
  derivative() {
    throw new Error('repeat has no derivative');
  },
});

/** The values that a loop ends with. */
export const repeatResults = (loop: NodeOf<'repeat'>): Node[] =>
  loop.attrs.body.results.map(({ shape, dtype }, index) => applyAs('repeat_result', [loop], { index }, shape, dtype));

/**
 * Applies `body` `steps` times (an i32 scalar; negative counts as 0) to the carried values, whose shapes and types it must keep.
 * Returns the final values. Throws ShapeError.
 */
export function repeat(
  steps: Node,
  initial: readonly Node[],
  body: (...carried: readonly Node[]) => readonly Node[],
): Node[] {
  checkType('the number of steps', steps, 'i32');
  if (steps.shape.length > 0) throw new ShapeError(`the number of steps has the shape ${showShape(steps.shape)}`);
  const carried = initial.map((value, i) => makeParameter(`carried ${i}`, value));
  const next = body(...carried);
  if (next.length !== initial.length)
    throw new ShapeError(`a loop of ${initial.length} values has a body that gives ${next.length}`);
  next.forEach(({ shape, dtype }, i) => {
    const before = initial[i];
    if (sameShape(shape, before.shape) && dtype === before.dtype) return;
    throw new ShapeError(
      `value ${i} of a loop is ${before.dtype} ${showShape(before.shape)}, and its body makes it ${dtype} ${showShape(shape)}`,
    );
  });
  const { subgraph, captured } = closeOver(carried, next);
  return repeatResults(applyAs('repeat', [steps, ...initial, ...captured], { body: subgraph }, [], 'i32') as NodeOf<'repeat'>); // prettier-ignore
}
