/** Batched matrix product. */
import { apply, checkType, definePrimitive, type Node, ShapeError } from '../graph.js';
import { broadcastShapes, sameShape, showShape, sizeOf } from '../shape.js';
import { broadcastTo, transpose } from './movement.js';

/** Swaps the last two axes. */
export function matrixTranspose(x: Node): Node {
  const rank = x.shape.length;
  return transpose(x, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2]);
}

definePrimitive('matmul', {
  infer([a, b]) {
    for (const operand of [a, b]) checkType('matmul', operand, 'f32');
    const rank = a.shape.length;
    const fits =
      rank >= 2 && b.shape.length === rank && a.shape[rank - 1] === b.shape[rank - 2] &&
      sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2)); // prettier-ignore
    if (!fits) {
      throw new ShapeError(
        `matmul: shapes ${showShape(a.shape)} and ${showShape(b.shape)} do not fit; the last size of the first (${a.shape[rank - 1]}) ` +
          `must equal the last but one of the second (${b.shape[b.shape.length - 2]})`,
      );
    }
    return { shape: [...a.shape.slice(0, -1), b.shape[rank - 1]], dtype: 'f32' };
  },
  evaluate(node, [a, b], out) {
    const rank = node.shape.length;
    const [m, n] = node.shape.slice(-2);
    const k = node.inputs[0].shape[rank - 1];
    const batches = out.length / (m * n || 1);
    for (let t = 0; t < batches; t++) {
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let total = 0;
          for (let p = 0; p < k; p++) total += a[t * m * k + i * k + p] * b[t * k * n + p * n + j];
          out[t * m * n + i * n + j] = total;
        }
      }
    }
  },
  derivative(node, g) {
    const [a, b] = node.inputs;
    return [matmul(g, matrixTranspose(b)), matmul(matrixTranspose(a), g)];
  },
  multiplyAdds: ({ shape, inputs }) => sizeOf(shape) * inputs[0].shape[shape.length - 1],
});

/** [..., m, k] times [..., k, n]; leading axes are broadcast. */
export function matmul(a: Node, b: Node): Node {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (!batch || a.shape.length < 2 || b.shape.length < 2) {
    throw new ShapeError(`matmul: shapes ${showShape(a.shape)} and ${showShape(b.shape)} do not fit`);
  }
  const whole = (x: Node): Node => broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
  return apply('matmul', [whole(a), whole(b)], {});
}
