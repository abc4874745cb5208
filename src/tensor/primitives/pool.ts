/**
 * Window pooling of NHWC tensors. Max pooling is a gather of x at the window's first maximum; gather and scatter along that
 * choice are each other's transpose, and so are the two sums, so both pairs are closed under derivatives.
 */
import { applyAs, checkType, definePrimitive, type Node, type PoolAttrs, ShapeError, type Values } from '../graph.js';
import { type Shape, showShape } from '../shape.js';
import { div } from './elementwise.js';
import { windowedSize } from './conv.js';
import { constant } from './leaf.js';

/** Calls `visit(k, offsets)` for every output element with the input offsets inside its window (padding left out). */
function forEachWindow(x: Shape, y: Shape, attrs: PoolAttrs, visit: (k: number, offsets: number[]) => void): void {
  const [, height, width, channels] = x;
  const [batch, outHeight, outWidth] = y;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let c = 0; c < channels; c++) {
          const offsets: number[] = [];
          for (let r = 0; r < attrs.window[0]; r++)
            for (let s = 0; s < attrs.window[1]; s++) {
              const iy = oy * attrs.strides[0] - attrs.padding[0][0] + r;
              const ix = ox * attrs.strides[1] - attrs.padding[1][0] + s;
              if (iy >= 0 && iy < height && ix >= 0 && ix < width)
                offsets.push(((n * height + iy) * width + ix) * channels + c);
            }
          visit(((n * outHeight + oy) * outWidth + ox) * channels + c, offsets);
        }
}

/** The first maximum; NaN ranks above everything so that it propagates, the last one winning, as in PyTorch. */
const first = (x: Values, offsets: number[]): number =>
  offsets.reduce((best, i) => (x[i] > x[best] || Number.isNaN(x[i]) ? i : best));

definePrimitive('pool_max_gather', {
  evaluate(node, [x, values], out) {
    forEachWindow(node.inputs[0].shape, node.shape, node.attrs, (k, offsets) => (out[k] = values[first(x, offsets)]));
  },
  derivative(node, g) {
    const [x] = node.inputs;
    return [undefined, applyAs('pool_max_scatter', [x, g], node.attrs, x.shape, 'f32')];
  },
});

definePrimitive('pool_max_scatter', {
  evaluate(node, [x, g], out) {
    const [xn, gn] = node.inputs;
    forEachWindow(xn.shape, gn.shape, node.attrs, (k, offsets) => (out[first(x, offsets)] += g[k]));
  },
  derivative(node, c) {
    const [x, g] = node.inputs;
    return [undefined, applyAs('pool_max_gather', [x, c], node.attrs, g.shape, 'f32')];
  },
});

definePrimitive('pool_sum', {
  evaluate(node, [x], out) {
    forEachWindow(
      node.inputs[0].shape,
      node.shape,
      node.attrs,
      (k, offsets) => (out[k] = offsets.reduce((t, i) => t + x[i], 0)),
    );
  },
  derivative(node, g) {
    return [applyAs('pool_sum_grad', [g], node.attrs, node.inputs[0].shape, 'f32')];
  },
});

definePrimitive('pool_sum_grad', {
  evaluate(node, [g], out) {
    forEachWindow(node.shape, node.inputs[0].shape, node.attrs, (k, offsets) => {
      for (const i of offsets) out[i] += g[k];
    });
  },
  derivative(node, c) {
    return [applyAs('pool_sum', [c], node.attrs, node.inputs[0].shape, 'f32')];
  },
});

function pooledShape(x: Node, attrs: PoolAttrs): number[] {
  checkType('pooling', x, 'f32');
  if (x.shape.length !== 4)
    throw new ShapeError(`pooling needs [batch, height, width, channels], got ${showShape(x.shape)}`);
  const [n, height, width, channels] = x.shape;
  const outHeight = windowedSize(height, attrs.window[0], attrs.strides[0], attrs.padding[0]);
  const outWidth = windowedSize(width, attrs.window[1], attrs.strides[1], attrs.padding[1]);
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(`pooling: a window of ${attrs.window.join('x')} does not fit an input of ${height}x${width}`);
  }
  for (const d of [0, 1]) {
    if (attrs.padding[d].some((p) => p >= attrs.window[d])) {
      throw new ShapeError(
        `pooling: padding ${attrs.padding[d].join(', ')} must be smaller than the window ${attrs.window[d]}`,
      );
    }
  }
  return [n, outHeight, outWidth, channels];
}

/** Maximum of each window of x [n, h, w, c]; padding never wins, NaN always. */
export function maxPool(x: Node, attrs: PoolAttrs): Node {
  return applyAs('pool_max_gather', [x, x], attrs, pooledShape(x, attrs), 'f32');
}

/** Sum of each window of x [n, h, w, c]; padding counts as zero. */
export function sumPool(x: Node, attrs: PoolAttrs): Node {
  return applyAs('pool_sum', [x], attrs, pooledShape(x, attrs), 'f32');
}

/** Mean of each window of x [n, h, w, c] over the elements inside the image (padding is not counted). */
export function avgPool(x: Node, attrs: PoolAttrs): Node {
  const total = sumPool(x, attrs);
  const [, outHeight, outWidth] = total.shape;
  const inside = (d: 0 | 1, o: number): number => {
    const start = o * attrs.strides[d] - attrs.padding[d][0];
    return Math.min(start + attrs.window[d], x.shape[d + 1]) - Math.max(start, 0);
  };
  const counts: number[] = [];
  for (let oy = 0; oy < outHeight; oy++)
    for (let ox = 0; ox < outWidth; ox++) counts.push(inside(0, oy) * inside(1, ox));
  const uniform = counts.every((c) => c === counts[0]);
  return div(total, uniform ? counts[0] : constant(counts, [1, outHeight, outWidth, 1]));
}
