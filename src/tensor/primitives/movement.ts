/** Operations that move elements without computing: reshape, transpose, broadcast, slice, pad, concat, reverse. */
import { apply, applyAs, checkedAxes, definePrimitive, type Node, ShapeError } from '../graph.js';
import { broadcastShapes, forEachIndex, sameShape, type Shape, showShape, sizeOf, stridesOf } from '../shape.js';
import { constant, splatValue } from './leaf.js';

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((total, v, i) => total + v * b[i], 0);

definePrimitive('reshape', {
  evaluate(_node, [x], out) {
    out.set(x);
  },
  derivative: (node, g) => [reshape(g, node.inputs[0].shape)],
});

definePrimitive('transpose', {
  infer: ([x], { permutation }) => ({ shape: permutation.map((p) => x.shape[p]), dtype: x.dtype }),
  evaluate(node, [x], out) {
    const strides = stridesOf(node.inputs[0].shape);
    const moved = node.attrs.permutation.map((p) => strides[p]);
    forEachIndex(node.shape, (index, i) => (out[i] = x[dot(index, moved)]));
  },
  derivative(node, g) {
    const inverse = new Array<number>(node.shape.length);
    node.attrs.permutation.forEach((p, i) => (inverse[p] = i));
    return [transpose(g, inverse)];
  },
});

definePrimitive('broadcast', {
  evaluate(node, [x], out) {
    const from = node.inputs[0].shape;
    const strides = stridesOf(from).map((s, d) => (from[d] === 1 ? 0 : s));
    forEachIndex(node.shape, (index, i) => (out[i] = x[dot(index, strides)]));
  },
  derivative(node, g) {
    const from = node.inputs[0].shape;
    const axes = node.shape.flatMap((d, i) => (from[i] === d ? [] : [i]));
    // Not by `reduceSum`, whose module is built on this one.
    return [reshape(apply('reduce_sum', [g], { axes }), from)];
  },
});

definePrimitive('slice', {
  infer([x], { start, stop, step }) {
    const fits =
      [start, stop, step].every((list) => list.length === x.shape.length) &&
      start.every((s, d) => s >= 0 && stop[d] <= x.shape[d] && step[d] >= 1);
    if (!fits) {
      throw new ShapeError(
        `slice from ${showShape(start)} to ${showShape(stop)} in steps ${showShape(step)} of shape ${showShape(x.shape)}`,
      );
    }
    const shape = start.map((s, d) => Math.max(0, Math.ceil((stop[d] - s) / step[d])));
    return { shape, dtype: x.dtype };
  },
  evaluate(node, [x], out) {
    const { start, step } = node.attrs;
    const strides = stridesOf(node.inputs[0].shape);
    const offset = dot(start, strides);
    const moved = strides.map((s, d) => s * step[d]);
    forEachIndex(node.shape, (index, i) => (out[i] = x[offset + dot(index, moved)]));
  },
  derivative(node, g) {
    const from = node.inputs[0].shape;
    const { start, step } = node.attrs;
    const high = from.map((size, d) => size - start[d] - Math.max(0, (node.shape[d] - 1) * step[d] + 1));
    return [
      pad(
        g,
        start,
        high,
        step.map((s) => s - 1),
      ),
    ];
  },
});

definePrimitive('pad', {
  infer([x], { low, high, interior }) {
    if ([low, high, interior].some((list) => list.length !== x.shape.length || list.some((v) => !(v >= 0)))) {
      throw new ShapeError(
        `pad: low ${showShape(low)}, high ${showShape(high)}, interior ${showShape(interior)} around shape ${showShape(x.shape)}; ` +
          'each needs one size an axis, none negative',
      );
    }
    const shape = x.shape.map((size, d) => low[d] + high[d] + size + Math.max(0, size - 1) * interior[d]);
    return { shape, dtype: x.dtype };
  },
  evaluate(node, [x], out) {
    const { low, interior, value } = node.attrs;
    const strides = stridesOf(node.shape);
    const offset = dot(low, strides);
    const moved = strides.map((s, d) => s * (interior[d] + 1));
    out.fill(value);
    forEachIndex(node.inputs[0].shape, (index, i) => (out[offset + dot(index, moved)] = x[i]));
  },
  derivative(node, g) {
    const { low, interior } = node.attrs;
    const from = node.inputs[0].shape;
    const stop = low.map((l, d) => l + (from[d] - 1) * (interior[d] + 1) + 1);
    return [
      slice(
        g,
        low,
        stop,
        interior.map((i) => i + 1),
      ),
    ];
  },
});

definePrimitive('concat', {
  infer(parts, { axis }) {
    const first = parts[0].shape;
    for (const { shape, dtype } of parts) {
      if (dtype !== parts[0].dtype) throw new ShapeError(`concat: parts of types ${parts[0].dtype} and ${dtype}`);
      const fits = shape.length === first.length && shape.every((size, d) => d === axis || size === first[d]);
      if (!fits) {
        throw new ShapeError(
          `concat along axis ${axis}: shapes ${parts.map((p) => showShape(p.shape)).join(', ')} must agree on all other axes`,
        );
      }
    }
    const total = parts.reduce((sum, p) => sum + p.shape[axis], 0);
    return { shape: first.map((size, d) => (d === axis ? total : size)), dtype: parts[0].dtype };
  },
  evaluate(node, args, out) {
    const strides = stridesOf(node.shape);
    let offset = 0;
    node.inputs.forEach((part, k) => {
      forEachIndex(part.shape, (index, i) => (out[offset + dot(index, strides)] = args[k][i]));
      offset += part.shape[node.attrs.axis] * strides[node.attrs.axis];
    });
  },
  derivative(node, g) {
    const { axis } = node.attrs;
    let at = 0;
    return node.inputs.map((part) => {
      const start = part.shape.map((_, d) => (d === axis ? at : 0));
      const stop = part.shape.map((size, d) => (d === axis ? at + size : size));
      at += part.shape[axis];
      return slice(g, start, stop);
    });
  },
});

definePrimitive('reverse', {
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  evaluate(node, [x], out) {
    const strides = stridesOf(node.shape);
    const { axes } = node.attrs;
    forEachIndex(node.shape, (index, i) => {
      out[i] =
        x[
          dot(
            index.map((v, d) => (axes.includes(d) ? node.shape[d] - 1 - v : v)),
            strides,
          )
        ];
    });
  },
  derivative: (node, g) => [reverse(g, node.attrs.axes)],
});

/** The same elements, in row-major order, under another shape; one size may be -1. */
export function reshape(x: Node, shape: Shape): Node {
  const known = shape.reduce((a, b) => (b === -1 ? a : a * b), 1);
  const full = shape.map((d) => (d === -1 ? sizeOf(x.shape) / known : d));
  if (sizeOf(full) !== sizeOf(x.shape) || full.some((d) => !Number.isInteger(d))) {
    throw new ShapeError(
      `reshape: ${showShape(x.shape)} has ${sizeOf(x.shape)} elements, ${showShape(shape)} asks for ${sizeOf(full)}`,
    );
  }
  if (sameShape(full, x.shape)) return x;
  if (x.op === 'reshape') return reshape(x.inputs[0], full);
  const value = splatValue(x);
  if (value !== undefined) return broadcastTo(constant(value, [], x.dtype), full);
  return applyAs('reshape', [x], {}, full, x.dtype);
}

/** Output axis i is input axis permutation[i]; reverses all axes by default. */
export function transpose(x: Node, permutation?: readonly number[]): Node {
  const p = permutation ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  if (p.length !== x.shape.length || [...p].sort((a, b) => a - b).some((v, i) => v !== i)) {
    throw new ShapeError(`transpose: ${showShape(p)} is not a permutation of the axes of ${showShape(x.shape)}`);
  }
  if (p.every((v, i) => v === i)) return x;
  if (x.op === 'transpose') {
    const inner = x.attrs.permutation;
    return transpose(x.inputs[0], p.map((v) => inner[v])); // prettier-ignore
  }
  return apply('transpose', [x], { permutation: [...p] });
}

/** Repeats x along axes of size 1 (and new leading axes) until it has `shape`. */
export function broadcastTo(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const fit = broadcastShapes(x.shape, shape);
  if (!fit || !sameShape(fit, shape))
    throw new ShapeError(`cannot broadcast ${showShape(x.shape)} to ${showShape(shape)}`);
  const value = splatValue(x);
  if (x.op === 'broadcast' && value !== undefined) return broadcastTo(constant(value, [], x.dtype), shape);
  const aligned = applyOnes(x, shape.length);
  return sameShape(aligned.shape, shape) ? aligned : applyAs('broadcast', [aligned], {}, shape, x.dtype);
}

/** x with leading axes of size 1 up to `rank`. */
function applyOnes(x: Node, rank: number): Node {
  if (x.shape.length === rank) return x;
  const shape = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
  if (x.op === 'constant') return constant(x.attrs.values, shape, x.dtype);
  return applyAs('reshape', [x], {}, shape, x.dtype);
}

/** Elements start, start + step, ... below stop along every axis. */
export function slice(x: Node, start: readonly number[], stop: readonly number[], step?: readonly number[]): Node {
  const steps = step ?? start.map(() => 1);
  const whole = x.shape.every((size, d) => start[d] === 0 && stop[d] === size && steps[d] === 1);
  return whole && start.length === x.shape.length
    ? x
    : apply('slice', [x], { start: [...start], stop: [...stop], step: [...steps] });
}

/** Adds `low` and `high` elements of `value` around every axis and `interior` between neighbours. */
export function pad(
  x: Node,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = low.map(() => 0),
  value = 0,
): Node {
  const lists = [low, high, interior];
  if (lists.every((list) => list.length === x.shape.length && list.every((v) => v === 0))) return x;
  return apply('pad', [x], { low: [...low], high: [...high], interior: [...interior], value });
}

/** The parts one after the other along `axis` (negative counts from the end); at least one part. */
export function concat(parts: readonly Node[], axis: number): Node {
  const [along] = checkedAxes('concat', parts[0], axis);
  return parts.length === 1 ? parts[0] : apply('concat', parts, { axis: along });
}

/** The elements in opposite order along each of `axes`. */
export function reverse(x: Node, axes: readonly number[]): Node {
  const list = checkedAxes('reverse', x, axes);
  return list.length === 0 ? x : apply('reverse', [x], { axes: list });
}
