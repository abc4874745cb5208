/** Reductions over axes: sum, max and argmax. */
import { apply, checkedAxes, checkType, definePrimitive, type Node } from '../graph.js';
import { forEachIndex, type Shape, stridesOf } from '../shape.js';
import { cast, div, eq, mul } from './elementwise.js';
import { broadcastTo, reshape } from './movement.js';

const without = (shape: Shape, axes: readonly number[]): number[] => shape.filter((_, d) => !axes.includes(d));
const kept = (shape: Shape, axes: readonly number[]): number[] => shape.map((size, d) => (axes.includes(d) ? 1 : size));

/** Where each input element's result lies: strides of the output, zero along reduced axes. */
function targetStrides(shape: Shape, axes: readonly number[]): number[] {
  const strides = stridesOf(without(shape, axes));
  let next = 0;
  return shape.map((_, d) => (axes.includes(d) ? 0 : strides[next++]));
}

definePrimitive('reduce_sum', {
  infer: ([x], { axes }) => ({ shape: without(x.shape, axes), dtype: x.dtype }),
  evaluate(node, [x], out) {
    const { shape } = node.inputs[0];
    const strides = targetStrides(shape, node.attrs.axes);
    forEachIndex(shape, (index, i) => (out[index.reduce((at, v, d) => at + v * strides[d], 0)] += x[i]));
  },
  derivative(node, g) {
    const { shape } = node.inputs[0];
    return [broadcastTo(reshape(g, kept(shape, node.attrs.axes)), shape)];
  },
});

definePrimitive('reduce_max', {
  infer: ([x], { axes }) => ({ shape: without(x.shape, axes), dtype: x.dtype }),
  evaluate(node, [x], out) {
    const { shape } = node.inputs[0];
    const strides = targetStrides(shape, node.attrs.axes);
    out.fill(node.dtype === 'f32' ? -Infinity : node.dtype === 'i32' ? -(2 ** 31) : 0);
    forEachIndex(shape, (index, i) => {
      const at = index.reduce((total, v, d) => total + v * strides[d], 0);
      out[at] = Math.max(out[at], x[i]);
    });
  },
  /** Shared equally among the elements that reach the maximum. */
  derivative(node, g) {
    const x = node.inputs[0];
    const { axes } = node.attrs;
    const spread = (n: Node): Node => broadcastTo(reshape(n, kept(x.shape, axes)), x.shape);
    const hit = cast(eq(x, spread(node)), 'f32');
    return [mul(hit, spread(div(g, reduceSum(hit, axes))))];
  },
});

definePrimitive('argmax', {
  infer: ([x], { axis }) => ({ shape: without(x.shape, [axis]), dtype: 'i32' }),
  evaluate(node, [x], out) {
    const { shape } = node.inputs[0];
    const strides = targetStrides(shape, [node.attrs.axis]);
    const best = new Float64Array(out.length).fill(-Infinity);
    forEachIndex(shape, (index, i) => {
      const at = index.reduce((total, v, d) => total + v * strides[d], 0);
      if (x[i] > best[at] || (Number.isNaN(x[i]) && !Number.isNaN(best[at]))) {
        best[at] = x[i];
        out[at] = index[node.attrs.axis];
      }
    });
  },
});

/** Sum over `axes` (all by default), which disappear. */
export function reduceSum(x: Node, axes?: number | readonly number[]): Node {
  checkType('sum', x, 'f32', 'i32', 'u32');
  const list = checkedAxes('sum', x, axes);
  return list.length === 0 ? x : apply('reduce_sum', [x], { axes: list });
}

/** Maximum over `axes` (all by default), which disappear. */
export function reduceMax(x: Node, axes?: number | readonly number[]): Node {
  const list = checkedAxes('max', x, axes);
  return list.length === 0 ? x : apply('reduce_max', [x], { axes: list });
}

/** Index of the first maximum along `axis`, as i32; NaN ranks above everything, the first one winning, as in NumPy and PyTorch. */
export function argmax(x: Node, axis: number): Node {
  return apply('argmax', [x], { axis: checkedAxes('argmax', x, axis)[0] });
}
