/** Layers that merge several inputs into one output. */
import * as z from 'zod';
import { add as sum, concat as joined, mul, type Node, sameShape, ShapeError, showShape } from '../../tensor/index.js';
import { defineSignalLayer, sampleShape } from '../layer.js';
import { commonStructure, signalOf } from '../signal.js';

/** What is merged, for messages. */
type Merged = 'inputs' | 'branches';

/** `tensors` must agree in `sizes`, their shapes without the axes where they may differ. */
function requireAlike(tensors: readonly Node[], how: string, sizes: (x: Node) => readonly number[]): void {
  if (tensors.every((tensor) => sameShape(sizes(tensor), sizes(tensors[0])))) return;
  throw new ShapeError(`can ${how}, got ${tensors.map((tensor) => showShape(sampleShape(tensor))).join(', ')}`);
}

/** Element by element. Throws ShapeError where shapes differ. */
export function addAll(tensors: readonly Node[], what: Merged): Node {
  requireAlike(tensors, `add ${what} of one shape only`, ({ shape }) => shape);
  return tensors.reduce((a, b) => sum(a, b));
}

function multiplyAll(tensors: readonly Node[]): Node {
  requireAlike(tensors, 'multiply inputs of one shape only', ({ shape }) => shape);
  return tensors.reduce((a, b) => mul(a, b));
}

/** Side by side along an axis of the samples; -1 is the last. Throws ShapeError where other axes differ. */
export function concatAll(tensors: readonly Node[], what: Merged, axis = -1): Node {
  const rank = tensors[0].shape.length;
  if (rank < 2) throw new ShapeError('needs at least one axis per sample to concatenate');
  const along = axis < 0 ? rank + axis : axis + 1;
  if (along < 1 || along >= rank) {
    throw new ShapeError(`a sample ${showShape(sampleShape(tensors[0]))} has no axis ${axis}`);
  }
  const place = along === rank - 1 ? 'the last axis' : `axis ${along - 1}`;
  requireAlike(tensors, `concatenate ${what} that differ in ${place} only`, ({ shape }) =>
    shape.filter((_, i) => i !== along),
  );
  return joined(tensors, along);
}

const merging = <S extends z.ZodObject>(
  description: string,
  schema: S,
  merge: (tensors: readonly Node[], config: z.output<S>) => Node,
) =>
  // prettier-ignore
  defineSignalLayer({
    description,
    schema,
    connect(_context, config, inputs) {
      if (inputs.length < 2) throw new ShapeError('needs at least two inputs, by name: inputs: [a, b]');
      const structure = commonStructure(inputs);
      const tensors = inputs.map(({ tensor }) => tensor);
      return signalOf(merge(tensors, config), structure);
    },
  });

export const add = merging('The sum of its inputs, element by element.', z.object({}), (tensors) =>
  addAll(tensors, 'inputs'),
);
export const multiply = merging('The product of its inputs, element by element.', z.object({}), multiplyAll);
export const concat = merging(
  'Its inputs side by side.',
  z.object({
    axis: z.int().min(-1).default(-1).describe('axis of a sample, counted from 0; -1 is the last, of channels'),
  }),
  (tensors, { axis }) => concatAll(tensors, 'inputs', axis),
);
