/** Nodes without operands: inputs (parameters, data, state), constants and index ramps. */
import { applyAs, definePrimitive, type DType, type Node, ShapeError } from '../graph.js';
import { type Shape, showShape, sizeOf, stridesOf } from '../shape.js';

definePrimitive('input', {
  evaluate(node) {
    throw new Error(`input ${node.attrs.name} has no value`);
  },
});

definePrimitive('constant', {
  evaluate(node, _args, out) {
    const { values } = node.attrs;
    for (let i = 0; i < out.length; i++) out[i] = values[values.length === 1 ? 0 : i];
  },
});

definePrimitive('iota', {
  evaluate(node, _args, out) {
    const { axis } = node.attrs;
    const stride = stridesOf(node.shape)[axis];
    for (let i = 0; i < out.length; i++) out[i] = Math.floor(i / stride) % node.shape[axis];
  },
});

/**
 * A buffer that the caller fills: a parameter, a batch, a step count. Every call makes one of its own; its name is for people, in
 * messages and profiles.
 */
export function input(name: string, shape: Shape, dtype: DType = 'f32'): Node {
  return applyAs('input', [], { name }, shape, dtype);
}

/** A constant of the given shape: one value for all elements, or all values in row-major order. */
export function constant(value: number | readonly number[], shape: Shape = [], dtype: DType = 'f32'): Node {
  const values = typeof value === 'number' ? [value] : [...value];
  if (values.length !== 1 && values.length !== sizeOf(shape)) {
    throw new Error(`a constant of ${sizeOf(shape)} elements was given ${values.length} values`);
  }
  return applyAs('constant', [], { values }, shape, dtype);
}

/** The index along `axis` at every element, as u32. */
export function iota(shape: Shape, axis: number, dtype: DType = 'u32'): Node {
  if (!(axis in shape)) throw new ShapeError(`iota along axis ${axis} of shape ${showShape(shape)}`);
  return applyAs('iota', [], { axis }, shape, dtype);
}

/** The value of a constant that is the same everywhere, else undefined. */
export function splatValue(node: Node): number | undefined {
  let n = node;
  while (n.op === 'broadcast' || n.op === 'reshape') n = n.inputs[0];
  return n.op === 'constant' && n.attrs.values.length === 1 ? n.attrs.values[0] : undefined;
}
