/** Pooling of NHWC tensors: windows are unrolled, channels go through vectors. */
import type { PoolAttrs } from '../../graph.js';
import { type Shape, sizeOf } from '../../shape.js';
import type { FunctionEmitter } from '../assembler.js';
import { emitStore, ExpressionEmitter, type Point } from './expression.js';
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import { isPlain, type PoolKernel, windowsPart } from '../../compiler/kernel.js';

export function emitPool(context: EmitContext, kernel: PoolKernel): EmittedKernel {
  const { root } = kernel;
  const [first, second] = kernel.operands.map((o) => context.address(o.buffer));
  const out = context.address(kernel.outputs[0]);
  switch (root.op) {
    case 'pool_max_gather':
      return emitWindows(context, root.inputs[0].shape, root.shape, root.attrs, (w) =>
        emitMaximum(w, first, second, out),
      );
    case 'pool_sum':
      return emitWindows(context, root.inputs[0].shape, root.shape, root.attrs, (w) => emitSum(w, first, out));
    case 'pool_max_scatter':
      return emitWindows(
        context,
        root.shape,
        root.inputs[1].shape,
        root.attrs,
        (w) => emitScatter(w, first, second, contribution(context, kernel)),
        out,
      );
    case 'pool_sum_grad':
      return emitWindows(
        context,
        root.shape,
        root.inputs[0].shape,
        root.attrs,
        (w) => emitSpread(w, first, contribution(context, kernel)),
        out,
      );
  }
}

/** Four channels (or fewer: `lanes`) of one window. Locals hold byte offsets within the large and the small tensor. */
interface WindowVector {
  readonly f: FunctionEmitter;
  readonly lanes: number;
  /** Offset of the window's first element; it may lie in the padding, where no tap is. */
  readonly large: number;
  readonly small: number;
  /** Whether an element of the large tensor may belong to several windows. */
  readonly overlapping: boolean;
  readonly padded: boolean;
  /** Emits `body` for every element of the window; where there is padding, behind a test that the element exists. */
  taps(body: (offset: number, tap: number) => void): void;
}

/**
 * Leaves the vector at an offset (a local) from `base` on the stack. Where there is padding a window's offset may be negative, so
 * that the sum must wrap; elsewhere the base goes into the instruction.
 */
function load(w: WindowVector, offset: number, base: number, tap = 0): FunctionEmitter {
  if (!w.padded) return w.f.get(offset).mem('v128.load', base + tap);
  return w.f
    .get(offset)
    .i32(base + tap)
    .op('i32.add')
    .mem('v128.load');
}

function store(w: WindowVector, value: number, offset: number, base: number, tap = 0): void {
  if (!w.padded) return emitStore(w.f, 'f32', offset, value, w.lanes, 1, base + tap);
  const address = w.f.local('i32');
  w.f
    .get(offset)
    .i32(base + tap)
    .op('i32.add')
    .set(address);
  emitStore(w.f, 'f32', address, value, w.lanes);
}

/**
 * Goes through a window keeping the largest element: `taken` runs with the mask (a local) of the lanes whose element is larger than
 * all before it or NaN, or without one for a first element that always counts.
 */
function eachRecord(w: WindowVector, x: number, taken: (tap: number, number: number, mask?: number) => void): number {
  const { f } = w;
  const [best, candidate, started, mask] = Array.from({ length: 4 }, () => f.local('v128'));
  if (w.padded) f.splatInt(0).set(started);
  w.taps((tap, number) => {
    if (!w.padded && number === 0) {
      load(w, w.large, x, tap).set(best);
      return taken(tap, number);
    }
    load(w, w.large, x, tap).set(candidate);
    f.get(candidate).get(best).op('f32x4.gt').get(candidate).get(candidate).op('f32x4.ne', 'v128.or');
    // With padding, which element is the first is known at run time only.
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
 * Adds a value to the element at a tap, or stores it where no other window reaches: there with the work fused behind it, which
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
    const point: Point = {
      root: () => f.get(sum),
      index: () => {
        throw new Error('internal: index ramp behind a pooling');
      },
      load: ({ buffer, offset, strides }) => {
        const address = context.address(buffer) + 4 * offset;
        if (strides.every((s) => s === 0)) f.i32(address).mem('v128.load32_splat');
        else load(w, w.large, address, tap);
      },
    };
    const results = kernel.expressions.map((e) => {
      const result = f.local('v128');
      emitter.emit(e, point, 'f32');
      f.set(result);
      return result;
    });
    kernel.outputs.forEach((o, i) => store(w, results[i], w.large, context.address(o), tap));
  };
}

function emitScatter(w: WindowVector, x: number, g: number, contribute: Contribute): void {
  const { f } = w;
  const [chosen, gradient] = [f.local('v128'), f.local('v128')];
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

/**
 * A kernel that visits all windows of a large tensor [n, h, w, c] and their places in the small one. A unit is a row of windows,
 * or a whole sample where windows write (`cleared` is the address of the large tensor that they write to).
 */
function emitWindows(
  context: EmitContext,
  large: Shape,
  small: Shape,
  attrs: PoolAttrs,
  emitVector: (w: WindowVector) => void,
  cleared?: number,
): EmittedKernel {
  const [batch, height, width, channels] = large;
  const [, outHeight, outWidth] = small;
  const { window, strides, padding } = attrs;
  const pixel = 4 * channels;
  const padded = padding.some(([low, high]) => low > 0 || high > 0);
  const overlapping = window.some((size, d) => size > strides[d]);
  const exact = windowsPart(large, small, attrs);
  const rowsPerUnit = cleared === undefined ? 1 : outHeight;

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [sample, row, column, largeAt, smallAt, y, x, at] = Array.from({ length: 8 }, () => f.local('i32'));
    const taps = (body: (offset: number, tap: number) => void): void => {
      for (let r = 0; r < window[0]; r++) {
        for (let s = 0; s < window[1]; s++) {
          const emit = (): void => body((r * width + s) * pixel, r * window[1] + s);
          if (!padded) {
            emit();
            continue;
          }
          f.get(y).i32(r).op('i32.add').i32(height).op('i32.lt_u');
          f.get(x).i32(s).op('i32.add').i32(width).op('i32.lt_u', 'i32.and').if(emit);
        }
      }
    };
    const vector = (lanes: number): void =>
      emitVector({ f, lanes, large: largeAt, small: smallAt, overlapping, padded, taps });
    eachUnit(f, (unit) => {
      if (cleared === undefined) {
        f.get(unit).i32(outHeight).op('i32.div_u').set(sample).get(unit).i32(outHeight).op('i32.rem_u').set(row);
      } else {
        f.get(unit).set(sample).i32(0).set(row);
        if (!exact) {
          f.get(sample)
            .i32(height * width * pixel)
            .op('i32.mul')
            .i32(cleared)
            .op('i32.add')
            .set(at);
          const bytes = height * width * pixel;
          if (bytes >= 16) f.countedLoop(bytes >> 4, () => f.get(at).splatInt(0).mem('v128.store').bump(at, 16));
          for (let i = 0; i < (bytes & 15); i += 4) f.get(at).i32(0).mem('i32.store', i);
        }
      }
      f.countedLoop(rowsPerUnit, () => {
        f.get(row).i32(strides[0]).op('i32.mul').i32(padding[0][0]).op('i32.sub').set(y);
        f.i32(-padding[1][0]).set(x);
        f.get(sample)
          .i32(height)
          .op('i32.mul')
          .get(y)
          .op('i32.add')
          .i32(width)
          .op('i32.mul')
          .get(x)
          .op('i32.add')
          .i32(pixel)
          .op('i32.mul')
          .set(column);
        f.get(sample)
          .i32(outHeight)
          .op('i32.mul')
          .get(row)
          .op('i32.add')
          .i32(outWidth * pixel)
          .op('i32.mul')
          .set(smallAt);
        f.countedLoop(outWidth, () => {
          f.get(column).set(largeAt);
          if (channels >= 4) {
            f.countedLoop(channels >> 2, () => {
              vector(4);
              f.bump(largeAt, 16).bump(smallAt, 16);
            });
          }
          if (channels % 4 > 0) {
            vector(channels % 4);
            f.bump(smallAt, 4 * (channels % 4));
          }
          f.bump(column, strides[1] * pixel).bump(x, strides[1]);
        });
        f.bump(row, 1);
      });
    });
  });
  const perRow = (outWidth * channels * sizeOf(window)) / 2;
  return {
    function: index,
    units: cleared === undefined ? batch * outHeight : batch,
    unitCost: perRow * rowsPerUnit,
    scratch: 0,
  };
}
