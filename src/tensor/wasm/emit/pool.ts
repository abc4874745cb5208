/** Pooling of NHWC tensors: windows are unrolled, channels vectorized. */
import type { PoolAttrs } from '../../graph.js';
import { type Shape, sizeOf } from '../../shape.js';
import type { FunctionEmitter, I32, I32Local, Vector } from '../assembler.js';
import { ExpressionEmitter } from './expression.js';
import { defineKernel, type EmitContext, type EmittedKernel } from './kernel.js';
import { emitStore } from './lanes.js';
import { emitZeroFill } from './padded-image.js';
import { isPlain, type PoolKernel, windowsPart } from '../../compiler/kernel.js';

export function emitPool(context: EmitContext, kernel: PoolKernel): EmittedKernel {
  const { root } = kernel;
  const [first, second] = kernel.operands.map((o) => context.address(o.buffer));
  const out = context.address(kernel.outputs[0]);
  switch (root.op) {
    case 'pool_max_gather':
      return emitWindows(context, { large: root.inputs[0].shape, small: root.shape, attrs: root.attrs }, (w) =>
        emitMaximum(w, first, second, out),
      );
    case 'pool_sum':
      return emitWindows(context, { large: root.inputs[0].shape, small: root.shape, attrs: root.attrs }, (w) =>
        emitSum(w, first, out),
      );
    case 'pool_max_scatter':
      return emitWindows(
        context,
        { large: root.shape, small: root.inputs[1].shape, attrs: root.attrs, cleared: out },
        (w) => emitScatter(w, first, second, contribution(context, kernel)),
      );
    case 'pool_sum_grad':
      return emitWindows(
        context,
        { large: root.shape, small: root.inputs[0].shape, attrs: root.attrs, cleared: out },
        (w) => emitSpread(w, first, contribution(context, kernel)),
      );
  }
}

/** Four channels (or fewer: `lanes`) of one window. `large` and `small` are byte offsets within the two tensors. */
interface WindowVector {
  readonly f: FunctionEmitter;
  readonly lanes: number;
  /** Offset of the window's first element, which may lie in the padding. */
  readonly large: I32;
  readonly small: I32;
  /** Whether an element of the large tensor may belong to several windows. */
  readonly overlapping: boolean;
  readonly padded: boolean;
  /** Emits `body` for every element of the window; where there is padding, guarded by a test that the element exists. */
  taps(body: (offset: number, tap: number) => void): void;
}

/**
 * Leaves the vector at an offset from `base` on the stack. With padding a window's offset may be negative, so the sum must
 * wrap; otherwise the base is the instruction's immediate.
 */
function load(w: WindowVector, offset: I32, base: number, tap = 0): FunctionEmitter {
  if (!w.padded) return w.f.load('v128.load', offset, base + tap);
  return w.f.load('v128.load', offset.plus(base + tap));
}

function store(w: WindowVector, value: Vector, offset: I32, base: number, tap = 0): void {
  const { f, lanes } = w;
  if (w.padded) emitStore(f, 'f32', f.let(offset.plus(base + tap)), value, { lanes });
  else emitStore(f, 'f32', offset, value, { lanes, offset: base + tap });
}

/**
 * Scans a window for the largest element: `taken` runs with the mask of the lanes whose element is larger than all
 * before it or NaN, or without one for a first element that always counts.
 */
function eachRecord(w: WindowVector, x: number, taken: (tap: number, number: number, mask?: Vector) => void): Vector {
  const { f } = w;
  const [best, candidate, started, mask] = f.vectors(4);
  if (w.padded) f.splatInt(0).set(started);
  w.taps((tap, number) => {
    if (!w.padded && number === 0) {
      load(w, w.large, x, tap).set(best);
      return taken(tap, number);
    }
    load(w, w.large, x, tap).set(candidate);
    f.get(candidate).get(best).op('f32x4.gt').get(candidate).get(candidate).op('f32x4.ne', 'v128.or');
    // With padding, the first element is only known at run time.
    if (w.padded) f.get(started).op('v128.not', 'v128.or');
    f.set(mask);
    f.get(candidate).get(best).get(mask).op('v128.bitselect').set(best);
    taken(tap, number, mask);
    if (w.padded) f.splatInt(-1).set(started);
  });
  return best;
}

function emitMaximum(w: WindowVector, x: number, values: number, out: number): void {
  const { f } = w;
  const value = f.local('v128');
  const best = eachRecord(w, x, (tap, _number, mask) => {
    if (x === values) return;
    load(w, w.large, values, tap);
    if (mask !== undefined) f.get(value).get(mask).op('v128.bitselect');
    f.set(value);
  });
  store(w, x === values ? best : value, w.small, out);
}

function emitSum(w: WindowVector, x: number, out: number): void {
  const sum = w.f.local('v128');
  w.f.splat(0).set(sum);
  w.taps((tap) => {
    w.f.get(sum);
    load(w, w.large, x, tap).op('f32x4.add').set(sum);
  });
  store(w, sum, w.small, out);
}

type Contribute = (w: WindowVector, value: () => void, tap: number) => void;

/**
 * Adds a value to the element at a tap, or stores it where no other window reaches: there with the epilogue, which
 * reads other tensors at the same place.
 */
function contribution(context: EmitContext, kernel: PoolKernel): Contribute {
  const out = context.address(kernel.outputs[0]);
  return (w, value, tap) => {
    const { f } = w;
    const sum = f.local('v128');
    value();
    if (w.overlapping) load(w, w.large, out, tap).op('f32x4.add');
    f.set(sum);
    if (isPlain(kernel)) return store(w, sum, w.large, out, tap);
    const emitter = new ExpressionEmitter(f, context.math, kernel.expressions);
    const results = emitter.emitAll(kernel, {
      root: () => f.get(sum),
      index: () => {
        throw new Error('internal: index ramp after a pooling');
      },
      load: ({ buffer, offset, strides }) => {
        const address = context.address(buffer) + 4 * offset;
        if (strides.every((s) => s === 0)) f.load('v128.load32_splat', address);
        else load(w, w.large, address, tap);
      },
    });
    kernel.outputs.forEach((o, i) => store(w, results[i], w.large, context.address(o), tap));
  };
}

function emitScatter(w: WindowVector, x: number, g: number, contribute: Contribute): void {
  const { f } = w;
  const [chosen, gradient] = f.vectors(2);
  eachRecord(w, x, (_tap, number, mask) => {
    f.splatInt(number);
    if (mask !== undefined) f.get(chosen).get(mask).op('v128.bitselect');
    f.set(chosen);
  });
  load(w, w.small, g).set(gradient);
  w.taps((tap, number) => {
    contribute(w, () => f.get(gradient).get(chosen).splatInt(number).op('i32x4.eq', 'v128.and'), tap);
  });
}

function emitSpread(w: WindowVector, g: number, contribute: Contribute): void {
  const gradient = w.f.local('v128');
  load(w, w.small, g).set(gradient);
  w.taps((tap) => contribute(w, () => w.f.get(gradient), tap));
}

/** Windows of a large tensor [n, h, w, c] and their places in the small one. */
interface Windows {
  readonly large: Shape;
  readonly small: Shape;
  readonly attrs: PoolAttrs;
  /** Address of the large tensor, where it is written to. */
  readonly cleared?: number;
}

/** A kernel that visits all windows. A unit is a row of windows, or a whole sample where windows write. */
function emitWindows(
  context: EmitContext,
  { large, small, attrs, cleared }: Windows,
  emitVector: (w: WindowVector) => void,
): EmittedKernel {
  const [batch, height, width, channels] = large;
  const [, outHeight, outWidth] = small;
  const { window, strides, padding } = attrs;
  const pixel = 4 * channels;
  const sampleBytes = height * width * pixel;
  const padded = padding.some(([low, high]) => low > 0 || high > 0);
  const overlapping = window.some((size, d) => size > strides[d]);
  const rowsPerUnit = cleared === undefined ? 1 : outHeight;

  const index = defineKernel(context.module, (f, unit) => {
    const sample = f.let(cleared === undefined ? unit.over(outHeight) : unit);
    const row = f.let(cleared === undefined ? unit.modulo(outHeight) : 0);
    if (cleared !== undefined && !windowsPart(large, small, attrs))
      emitZeroFill(f, f.let(sample.times(sampleBytes).plus(cleared)), sampleBytes);
    const [y, x, first, largeAt, smallAt] = f.i32Locals(5);
    const taps = eachTap(f, { window, height, width, pixel, padded }, y, x);
    const vector = (lanes: number): void =>
      emitVector({ f, lanes, large: largeAt, small: smallAt, overlapping, padded, taps });
    f.repeat(rowsPerUnit, () => {
      f.assign(y, row.times(strides[0]).minus(padding[0][0]));
      f.assign(x, -padding[1][0]);
      f.assign(first, sample.times(height).plus(y).times(width).plus(x).times(pixel));
      f.assign(smallAt, sample.times(outHeight).plus(row).times(outWidth * pixel)); // prettier-ignore
      f.repeat(outWidth, () => {
        eachChannelVector(f, channels, first, largeAt, smallAt, vector);
        f.bump(first, strides[1] * pixel).bump(x, strides[1]);
      });
      f.bump(row, 1);
    });
  });
  return {
    function: index,
    units: cleared === undefined ? batch * outHeight : batch,
    unitCost: ((outWidth * channels * sizeOf(window)) / 2) * rowsPerUnit,
    scratch: 0,
  };
}

/** `taps` of the window whose first element is at row y and column x of an image. */
function eachTap(
  f: FunctionEmitter,
  image: { window: readonly number[]; height: number; width: number; pixel: number; padded: boolean },
  y: I32,
  x: I32,
): WindowVector['taps'] {
  const { window, height, width, pixel, padded } = image;
  return (body) => {
    for (let r = 0; r < window[0]; r++) {
      for (let s = 0; s < window[1]; s++) {
        const emit = (): void => body((r * width + s) * pixel, r * window[1] + s);
        if (padded) f.when(y.plus(r).isBelow(height).and(x.plus(s).isBelow(width)), emit);
        else emit();
      }
    }
  };
}

/** Goes through the channels of a window: `large` from the offset `first`, and `small`, which ends after them. */
function eachChannelVector(
  f: FunctionEmitter,
  channels: number,
  first: I32,
  large: I32Local,
  small: I32Local,
  vector: (lanes: number) => void,
): void {
  f.assign(large, first);
  if (channels >= 4) {
    f.repeat(channels >> 2, () => {
      vector(4);
      f.bump(large, 16).bump(small, 16);
    });
  }
  if (channels % 4 > 0) {
    vector(channels % 4);
    f.bump(small, 4 * (channels % 4));
  }
}
