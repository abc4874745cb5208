/**
 * Convolution of NHWC tensors with [kh, kw, channels / groups, filters] weights.
 *
 * The three operations are the partial derivatives of one trilinear form T(x, w, g) = sum of conv(x, w) * g: `conv` is dT/dg,
 * `conv_input` is dT/dx and `conv_weight` is dT/dw. So the derivative of each is made of the other two, to any order.
 */
import { applyAs, checkType, type ConvAttrs, definePrimitive, type Node, ShapeError, type Values } from '../graph.js';
import { sameShape, type Shape, showShape, sizeOf } from '../shape.js';

/** Output size along a spatial axis. */
export function windowedSize(
  size: number,
  window: number,
  stride: number,
  padding: readonly [number, number],
  dilation = 1,
): number {
  return Math.floor((size + padding[0] + padding[1] - (dilation * (window - 1) + 1)) / stride) + 1;
}

/** TensorFlow's `same`: the output has ceil(size / stride) elements, the odd zero goes to the end. */
export function samePadding(size: number, window: number, stride: number, dilation = 1): [number, number] {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + dilation * (window - 1) + 1 - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** Calls `visit` with the offsets of every product x[i] * w[j] -> y[k] of the trilinear form. */
function forEachProduct(
  x: Shape,
  w: Shape,
  y: Shape,
  attrs: ConvAttrs,
  visit: (i: number, j: number, k: number) => void,
): void {
  const [, height, width, channels] = x;
  const [kh, kw, groupChannels, filters] = w;
  const [batch, outHeight, outWidth] = y;
  const groupFilters = filters / attrs.groups;
  for (let n = 0; n < batch; n++)
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let r = 0; r < kh; r++) {
          const iy = oy * attrs.strides[0] - attrs.padding[0][0] + r * attrs.dilation[0];
          if (iy < 0 || iy >= height) continue;
          for (let s = 0; s < kw; s++) {
            const ix = ox * attrs.strides[1] - attrs.padding[1][0] + s * attrs.dilation[1];
            if (ix < 0 || ix >= width) continue;
            for (let f = 0; f < filters; f++) {
              const firstChannel = Math.floor(f / groupFilters) * groupChannels;
              for (let c = 0; c < groupChannels; c++) {
                visit(
                  ((n * height + iy) * width + ix) * channels + firstChannel + c,
                  ((r * kw + s) * groupChannels + c) * filters + f,
                  ((n * outHeight + oy) * outWidth + ox) * filters + f,
                );
              }
            }
          }
        }
}

/** Products of the form, those with the zeros of the padding included. */
const productsOf = (w: Shape, y: Shape): number => sizeOf(w.slice(0, 3)) * sizeOf(y);

definePrimitive('conv', {
  evaluate(node, [x, w], out) {
    const [xn, wn] = node.inputs;
    forEachProduct(xn.shape, wn.shape, node.shape, node.attrs, (i, j, k) => (out[k] += x[i] * w[j]));
  },
  derivative(node, g) {
    const [x, w] = node.inputs;
    return [convInput(g, w, x.shape, node.attrs), convWeight(x, g, w.shape, node.attrs)];
  },
  multiplyAdds: ({ shape, inputs: [, w] }) => productsOf(w.shape, shape),
});

definePrimitive('conv_input', {
  evaluate(node, [g, w], out: Values) {
    const [gn, wn] = node.inputs;
    forEachProduct(node.shape, wn.shape, gn.shape, node.attrs, (i, j, k) => (out[i] += g[k] * w[j]));
  },
  derivative(node, c) {
    const [g, w] = node.inputs;
    return [conv(c, w, node.attrs), convWeight(c, g, w.shape, node.attrs)];
  },
  multiplyAdds: ({ inputs: [g, w] }) => productsOf(w.shape, g.shape),
});

definePrimitive('conv_weight', {
  evaluate(node, [x, g], out: Values) {
    const [xn, gn] = node.inputs;
    forEachProduct(xn.shape, node.shape, gn.shape, node.attrs, (i, j, k) => (out[j] += x[i] * g[k]));
  },
  derivative(node, c) {
    const [x, g] = node.inputs;
    return [convInput(g, c, x.shape, node.attrs), conv(x, c, node.attrs)];
  },
  multiplyAdds: ({ shape, inputs: [, g] }) => productsOf(shape, g.shape),
});

/** The shape of conv(x, w). */
function convolvedShape(x: Shape, w: Shape, attrs: ConvAttrs): number[] {
  if (x.length !== 4) throw new ShapeError(`convolution needs [batch, height, width, channels], got ${showShape(x)}`);
  if (w.length !== 4) {
    throw new ShapeError(`convolution needs weights [height, width, channels / groups, filters], got ${showShape(w)}`);
  }
  const [n, height, width, channels] = x;
  const [kh, kw, groupChannels, filters] = w;
  if (groupChannels * attrs.groups !== channels || filters % attrs.groups !== 0) {
    throw new ShapeError(
      `convolution: ${channels} channels (input ${showShape(x)}) with weights ${showShape(w)} in ${attrs.groups} groups; ` +
        `channels must be groups x ${groupChannels}, and filters a multiple of the groups`,
    );
  }
  const outHeight = windowedSize(height, kh, attrs.strides[0], attrs.padding[0], attrs.dilation[0]);
  const outWidth = windowedSize(width, kw, attrs.strides[1], attrs.padding[1], attrs.dilation[1]);
  if (outHeight < 1 || outWidth < 1) {
    throw new ShapeError(
      `convolution: a ${kh}x${kw} kernel does not fit an input of ${height}x${width}; use a smaller kernel or padding: same`,
    );
  }
  return [n, outHeight, outWidth, filters];
}

/** Throws unless conv(x, w) has the shape of its cotangent `g`. */
function checkCotangent(what: string, x: Shape, w: Shape, g: Node, attrs: ConvAttrs): void {
  const shape = convolvedShape(x, w, attrs);
  if (!sameShape(shape, g.shape)) {
    throw new ShapeError(
      `${what}: input ${showShape(x)} with weights ${showShape(w)} gives ${showShape(shape)}, not ${showShape(g.shape)}`,
    );
  }
}

function checkFloats(...operands: Node[]): void {
  for (const operand of operands) checkType('convolution', operand, 'f32');
}

/** Convolution of x [n, h, w, c] with weights [kh, kw, c / groups, filters]: [n, h', w', filters]. */
export function conv(x: Node, w: Node, attrs: ConvAttrs): Node {
  checkFloats(x, w);
  return applyAs('conv', [x, w], attrs, convolvedShape(x.shape, w.shape, attrs), 'f32');
}

/** The cotangent of x, given that of conv(x, w). Also the transposed convolution. */
export function convInput(g: Node, w: Node, inputShape: Shape, attrs: ConvAttrs): Node {
  checkFloats(g, w);
  checkCotangent('conv_input', inputShape, w.shape, g, attrs);
  return applyAs('conv_input', [g, w], attrs, inputShape, 'f32');
}

/** The cotangent of w, given that of conv(x, w). */
export function convWeight(x: Node, g: Node, weightShape: Shape, attrs: ConvAttrs): Node {
  checkFloats(x, g);
  checkCotangent('conv_weight', x.shape, weightShape, g, attrs);
  return applyAs('conv_weight', [x, g], attrs, weightShape, 'f32');
}
