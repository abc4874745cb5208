/** Rows by index and their transpose, sums of rows by index. */
import { applyAs, checkType, definePrimitive, type Node, ShapeError } from '../graph.js';
import { sameShape, showShape, sizeOf } from '../shape.js';

definePrimitive('gather', {
  evaluate(node, [x, indices], out) {
    const row = sizeOf(node.inputs[0].shape.slice(1));
    for (let i = 0; i < indices.length; i++) out.set(x.subarray(indices[i] * row, (indices[i] + 1) * row), i * row);
  },
  derivative(node, g) {
    const [x, indices] = node.inputs;
    return [x.dtype === 'f32' ? scatterAdd(indices, g, x.shape[0]) : undefined, undefined];
  },
});

definePrimitive('scatter_add', {
  evaluate(node, [indices, updates], out) {
    const row = sizeOf(node.shape.slice(1));
    for (let i = 0; i < indices.length; i++)
      for (let j = 0; j < row; j++) out[indices[i] * row + j] += updates[i * row + j];
  },
  derivative(node, g) {
    return [undefined, gather(g, node.inputs[0])];
  },
});

/** Rows x[indices]: shape indices.shape + x.shape[1..]. Indices are i32 and must be in range (callers check data when it is loaded). */
export function gather(x: Node, indices: Node): Node {
  checkType('gather by indices', indices, 'i32');
  if (x.shape.length === 0) throw new ShapeError('gather needs a tensor with at least one axis');
  return applyAs('gather', [x, indices], {}, [...indices.shape, ...x.shape.slice(1)], x.dtype);
}

/** Zeros of `rows` rows with `updates` added at `indices`; equal indices accumulate in order. */
export function scatterAdd(indices: Node, updates: Node, rows: number): Node {
  checkType('scatter_add at indices', indices, 'i32');
  checkType('scatter_add of updates', updates, 'f32');
  if (!sameShape(updates.shape.slice(0, indices.shape.length), indices.shape)) {
    throw new ShapeError(
      `scatter_add: updates ${showShape(updates.shape)} must start with the shape of the indices ${showShape(indices.shape)}`,
    );
  }
  return applyAs('scatter_add', [indices, updates], {}, [rows, ...updates.shape.slice(indices.shape.length)], 'f32');
}
