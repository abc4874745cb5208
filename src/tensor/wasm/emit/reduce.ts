/** Reductions: sums and maxima over axes, with the element-wise work before them in the loop and that behind them at its end. */
import type { DType } from '../../graph.js';
import { sizeOf, stridesOf } from '../../shape.js';
import type { FunctionEmitter } from '../assembler.js';
import { bytesOf, emitLoad, emitLoadSplat, emitStore, ExpressionEmitter, type Point } from './expression.js';
import {
  type Cursors,
  decode,
  eachUnit,
  type EmitContext,
  type EmittedKernel,
  LoopPoint,
  makeCursors,
} from './loop.js';
import { type Access, accessesOf, collapse, indexExpressions } from '../../compiler/expression.js';
import { isStreamed, streamColumns } from './column-sums.js';
import type { ReduceKernel } from '../../compiler/kernel.js';

/** Vectors of neighbouring results that one unit accumulates at once when the innermost axis is kept. */
const COLUMNS = 8;
/** Results along which the innermost axis is summed that are so many that a unit makes several. */
const MANY_ROWS = 64;

export function emitReduce(context: EmitContext, kernel: ReduceKernel): EmittedKernel {
  const { root, input } = kernel;
  const { axes } = root.attrs;
  const shape = root.inputs[0].shape;
  const accesses = accessesOf([input]);
  const strideLists = [...accesses.map((a) => a.strides), ...indexExpressions([input]).map((e) => e.strides)];
  // The kept axes must also stay in the order of the result, which merging equals with equals ensures.
  const { shape: merged, groups } = collapse(shape, strideLists, (d, last) => axes.includes(d) === axes.includes(last));
  const dims = merged.length > 0 ? merged : [1];
  const reduced = merged.length > 0 ? groups.map((g) => axes.includes(g[0])) : [true];
  const cursors = makeCursors(context, [input], groups);
  const operation = new Accumulation(root.op, root.dtype);
  const body = { context, kernel, dims, groups, reduced, cursors, accesses, operation };
  if (reduced[dims.length - 1]) return reduceRows(body);
  return isStreamed(body) ? streamColumns(body) : reduceColumns(body);
}

export interface ReduceBody {
  context: EmitContext;
  kernel: ReduceKernel;
  /** The iteration space with axes merged, the axes that each is made of, and whether it is summed over. */
  dims: number[];
  groups: number[][];
  reduced: boolean[];
  cursors: Cursors;
  accesses: readonly Access[];
  operation: Accumulation;
}

/** How values are combined. */
export class Accumulation {
  constructor(
    private readonly op: 'reduce_sum' | 'reduce_max',
    readonly dtype: DType,
  ) {}

  /** Leaves the neutral vector on the stack. */
  identity(f: FunctionEmitter): void {
    if (this.op === 'reduce_sum') f.splatInt(0);
    else if (this.dtype === 'f32') f.splat(-Infinity);
    else f.splatInt(this.dtype === 'i32' ? -0x80000000 : 0);
  }

  combine(f: FunctionEmitter): void {
    if (this.op === 'reduce_sum') f.op(this.dtype === 'f32' ? 'f32x4.add' : 'i32x4.add');
    else if (this.dtype === 'f32') f.op('f32x4.max');
    else f.op(this.dtype === 'i32' ? 'i32x4.max_s' : 'i32x4.max_u');
  }

  /** Combines the four lanes of a local; every lane then holds the result. */
  horizontal(f: FunctionEmitter, vector: number): void {
    for (const lanes of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ]) {
      f.get(vector).get(vector).get(vector).shuffle32(lanes);
      this.combine(f);
      f.set(vector);
    }
  }
}

/** Loops over the reduced axes `from` on (the kept ones stand still), running `innermost` with all outer positions set. */
export function reducedNest(
  f: FunctionEmitter,
  body: ReduceBody,
  axes: readonly number[],
  innermost: () => void,
): void {
  const [axis, ...rest] = axes;
  if (axis === undefined) return innermost();
  const { cursors, dims } = body;
  f.countedLoop(dims[axis], () => {
    reducedNest(f, body, rest, innermost);
    for (const c of cursors.list) f.bump(c.level, c.strides[axis] * c.size);
  });
  for (const c of cursors.list) f.bump(c.level, -dims[axis] * c.strides[axis] * c.size);
}

/** Row by row: the innermost axis is summed in vectors whose lanes are combined at the end. */
function reduceRows(body: ReduceBody): EmittedKernel {
  const { context, kernel, dims, reduced, cursors, accesses, operation } = body;
  const { input } = kernel;
  const kept = dims.flatMap((_, d) => (reduced[d] ? [] : [d]));
  const outer = dims.flatMap((_, d) => (reduced[d] && d !== dims.length - 1 ? [d] : []));
  const last = dims.length - 1;
  const length = dims[last];
  const rows = sizeOf(kept.map((d) => dims[d]));
  // What lies behind the sums is computed for four results at once, where that leaves work for all threads.
  const side = rows >= MANY_ROWS ? 4 : 1;
  const units = Math.ceil(rows / side);
  let size = 0;
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const emitter = new ExpressionEmitter(f, context.math, [input]);
    size = emitter.size;
    cursors.declare(f);
    const point = new LoopPoint(f, cursors, last);
    const lanesInUse = length >= 32 ? 4 : 1;
    const accumulators = Array.from({ length: lanesInUse }, () => f.local('v128'));
    const step = (lanes: number, vectors: number): void => {
      for (let u = 0; u < vectors; u++) {
        emitter.begin();
        point.lanes = lanes;
        point.vector = u;
        const accumulator = accumulators[u % lanesInUse];
        f.get(accumulator);
        emitter.emit(input, point, operation.dtype);
        if (lanes < 4) {
          // Lanes past the end count as neutral.
          operation.identity(f);
          f.v128([0, 1, 2, 3].flatMap((l) => new Array<number>(4).fill(l < lanes ? 255 : 0))).op('v128.bitselect');
        }
        operation.combine(f);
        f.set(accumulator);
      }
      cursors.advance(f, vectors * 4, last);
    };
    const row = f.local('i32');
    /** Leaves the result of a row in all lanes of the first accumulator. */
    const reduceRow = (): void => {
      decode(f, row, kept.map((d) => dims[d]), cursors.list, kept); // prettier-ignore
      for (const a of accumulators) {
        operation.identity(f);
        f.set(a);
      }
      reducedNest(f, body, outer, () => {
        cursors.enter(f, last);
        point.hoist(accesses);
        emitter.computeFixed(point);
        const vectors = length >> 2;
        const rounds = Math.floor(vectors / 4);
        if (rounds > 0) f.countedLoop(rounds, () => step(4, 4));
        if (vectors % 4 > 0) step(4, vectors % 4);
        if (length % 4 !== 0) step(length % 4, 1);
      });
      const [total, ...others] = accumulators;
      for (const a of others) {
        f.get(total).get(a);
        operation.combine(f);
        f.set(total);
      }
      operation.horizontal(f, total);
    };
    const [total] = accumulators;
    const [results, end] = [f.local('v128'), f.local('i32')];
    eachUnit(f, (unit) => {
      f.get(unit).i32(side).op('i32.mul').set(row);
      if (side === 1) {
        reduceRow();
        emitEpilogue(f, context, kernel, row, [total], 1);
        return;
      }
      // Results move in from the last lane on.
      f.get(row).i32(side).op('i32.add').tee(end).i32(rows).get(end).i32(rows).op('i32.lt_s', 'select').set(end);
      f.loop(() => {
        reduceRow();
        f.get(results).get(total).shuffle32([1, 2, 3, 4]).set(results);
        f.bump(row, 1).get(row).get(end).op('i32.lt_s').branchIf(0);
      });
      f.get(unit).i32(side).op('i32.mul').set(row);
      const rest = rows % side;
      if (rest === 0) return emitEpilogue(f, context, kernel, row, [results], side);
      f.get(unit)
        .i32(units - 1)
        .op('i32.lt_s')
        .if(
          () => emitEpilogue(f, context, kernel, row, [results], side),
          () => {
            f.get(results).get(results).shuffle32([0, 1, 2, 3].map((l) => (l + side - rest) % side)).set(results); // prettier-ignore
            emitEpilogue(f, context, kernel, row, [results], rest);
          },
        );
    });
  });
  const perUnit = side * sizeOf(outer.map((d) => dims[d])) * length;
  return { function: index, units, unitCost: (perUnit / 4 + 4) * (size + accesses.length + 1), scratch: 0 };
}

/** Neighbouring results side by side in lanes: a block of columns is summed over all reduced axes. */
function reduceColumns(body: ReduceBody): EmittedKernel {
  const { context, kernel, dims, reduced, cursors, accesses, operation } = body;
  const { input } = kernel;
  const last = dims.length - 1;
  const length = dims[last];
  const outerKept = dims.flatMap((_, d) => (reduced[d] || d === last ? [] : [d]));
  const summed = dims.flatMap((_, d) => (reduced[d] ? [d] : []));
  const blocks = Math.ceil(length / (4 * COLUMNS));
  const units = sizeOf(outerKept.map((d) => dims[d])) * blocks;
  let size = 0;
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const emitter = new ExpressionEmitter(f, context.math, [input]);
    size = emitter.size;
    cursors.declare(f);
    const point = new LoopPoint(f, cursors, last);
    const row = f.local('i32');
    const block = f.local('i32');
    const accumulators = Array.from({ length: Math.min(COLUMNS, Math.ceil(length / 4)) }, () => f.local('v128'));
    const columns = (count: number): void => {
      const mine = accumulators.slice(0, Math.ceil(count / 4));
      for (const a of mine) {
        operation.identity(f);
        f.set(a);
      }
      reducedNest(f, body, summed, () => {
        cursors.enter(f, last);
        point.hoist(accesses);
        mine.forEach((a, u) => {
          emitter.begin();
          point.lanes = Math.min(4, count - 4 * u);
          point.vector = u;
          f.get(a);
          emitter.emit(input, point, operation.dtype);
          operation.combine(f);
          f.set(a);
        });
      });
      const offset = f.local('i32');
      f.get(row)
        .i32(length)
        .op('i32.mul')
        .get(block)
        .i32(4 * COLUMNS)
        .op('i32.mul', 'i32.add')
        .set(offset);
      emitEpilogue(f, context, kernel, offset, mine, count);
    };
    eachUnit(f, (unit) => {
      f.get(unit).i32(blocks).op('i32.div_u').set(row);
      f.get(unit).i32(blocks).op('i32.rem_u').set(block);
      decode(f, row, outerKept.map((d) => dims[d]), cursors.list, outerKept); // prettier-ignore
      for (const c of cursors.list) {
        const stride = c.strides[last] * c.size * 4 * COLUMNS;
        if (stride !== 0) f.get(c.level).get(block).i32(stride).op('i32.mul', 'i32.add').set(c.level);
      }
      const full = Math.floor(length / (4 * COLUMNS));
      const rest = length % (4 * COLUMNS);
      if (rest === 0) columns(4 * COLUMNS);
      else if (full === 0) columns(rest);
      else f.get(block).i32(full).op('i32.lt_s').if(() => columns(4 * COLUMNS), () => columns(rest)); // prettier-ignore
    });
  });
  const perUnit = sizeOf(summed.map((d) => dims[d])) * Math.min(length, 4 * COLUMNS);
  return { function: index, units, unitCost: (perUnit / 4 + 4) * (size + accesses.length + 1), scratch: 0 };
}

/**
 * Computes the outputs of a kernel for `count` results from flat position `offset` (a local) on; `values` are locals with the
 * root's value, four results each. Everything else that is read lies at the same flat position or is one value.
 */
export function emitEpilogue(
  f: FunctionEmitter,
  context: EmitContext,
  kernel: ReduceKernel,
  offset: number,
  values: readonly number[],
  count: number,
): void {
  const emitter = new ExpressionEmitter(f, context.math, kernel.expressions);
  const rowMajor = stridesOf(kernel.shape);
  const isFlat = (a: Access): boolean => a.strides.some((s, d) => s !== 0 && s === rowMajor[d]);
  values.forEach((value, v) => {
    emitter.begin();
    const addressOf = (dtype: DType, base: number): number => {
      const address = f.local('i32');
      f.get(offset)
        .i32(bytesOf(dtype))
        .op('i32.mul')
        .i32(base + 4 * v * bytesOf(dtype))
        .op('i32.add')
        .set(address);
      return address;
    };
    const point: Point = {
      root: () => f.get(value),
      index: () => {
        throw new Error('internal: index ramp behind a reduction');
      },
      load: (a) => {
        const { dtype } = a.buffer;
        const base = context.address(a.buffer) + a.offset * bytesOf(dtype);
        if (isFlat(a)) {
          f.get(addressOf(dtype, base));
          emitLoad(f, dtype, 0);
        } else {
          f.i32(base);
          emitLoadSplat(f, dtype, 0);
        }
      },
    };
    const results = kernel.expressions.map((e, i) => {
      emitter.emit(e, point, kernel.outputs[i].dtype);
      const result = f.local('v128');
      f.set(result);
      return result;
    });
    kernel.outputs.forEach((o, i) => {
      emitStore(f, o.dtype, addressOf(o.dtype, context.address(o)), results[i], Math.min(4, count - 4 * v));
    });
  });
}
