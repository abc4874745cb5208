/** What all reductions share: how values are combined, loops over the summed axes, and the epilogue. */
import type { DType } from '../../graph.js';
import { sizeOf, stridesOf } from '../../shape.js';
import { type FunctionEmitter, i32, type I32, type Vector } from '../assembler.js';
import { Cursors } from './cursors.js';
import { ExpressionEmitter, operationsIn } from './expression.js';
import type { EmitContext } from './kernel.js';
import { bytesOf, emitLoad, emitLoadSplat, emitStore } from './lanes.js';
import { type Access, accessesOf, collapse, indexExpressions } from '../../compiler/expression.js';
import type { ReduceKernel } from '../../compiler/kernel.js';

/** A reduction over an iteration space with axes merged. */
export class Reduction {
  /** The axes' lengths, and the axes of the root's input that each is made of. */
  readonly dims: readonly number[];
  private readonly groups: readonly (readonly number[])[];
  /** The innermost axis, and its length. */
  readonly last: number;
  readonly length: number;
  readonly isSummed: readonly boolean[];
  readonly accesses: readonly Access[];
  readonly operation: Accumulation;
  /** Operations and loads of an element. */
  readonly cost: number;

  constructor(
    readonly context: EmitContext,
    readonly kernel: ReduceKernel,
  ) {
    const { root, input } = kernel;
    const { axes } = root.attrs;
    this.accesses = accessesOf([input]);
    const strides = [...this.accesses.map((a) => a.strides), ...indexExpressions([input]).map((e) => e.strides)];
    // The kept axes must also stay in the order of the result, which merging equals with equals ensures.
    const areEqual = (d: number, last: number): boolean => axes.includes(d) === axes.includes(last);
    const { shape, groups } = collapse(root.inputs[0].shape, strides, areEqual);
    this.groups = groups;
    this.dims = shape.length > 0 ? shape : [1];
    this.isSummed = shape.length > 0 ? groups.map((g) => axes.includes(g[0])) : [true];
    this.last = this.dims.length - 1;
    this.length = this.dims[this.last];
    this.operation = new Accumulation(root.op, root.dtype);
    this.cost = operationsIn([input]).length + this.accesses.length;
  }

  /** The axes that are kept or summed over, without the innermost one unless `innermost`. */
  axes(which: 'kept' | 'summed', innermost = true): number[] {
    return this.dims.flatMap((_, d) =>
      (which === 'summed') === this.isSummed[d] && (innermost || d !== this.last) ? [d] : [],
    );
  }

  sizes(axes: readonly number[]): number[] {
    return axes.map((d) => this.dims[d]);
  }

  size(axes: readonly number[]): number {
    return sizeOf(this.sizes(axes));
  }

  cursors(f: FunctionEmitter): Cursors {
    return new Cursors(f, this.context, [this.kernel.input], this.groups);
  }

  /** The cost of a unit that combines this many elements. */
  unitCost(elements: number): number {
    return (elements / 4 + 4) * (this.cost + 1);
  }

  /** Loops over some axes (the others stand still), running `innermost` with all outer positions set. */
  nest(cursors: Cursors, [axis, ...rest]: readonly number[], innermost: () => void): void {
    if (axis === undefined) return innermost();
    cursors.eachAlong(axis, this.dims[axis], () => this.nest(cursors, rest, innermost));
  }
}

/**
 * Takes a unit as `width` columns at a place on the other kept axes: sets the positions, and runs `body` with the flat position of
 * the first result and the number of columns, fewer at the end of a row.
 */
export function eachColumnBlock(
  f: FunctionEmitter,
  reduction: Reduction,
  cursors: Cursors,
  unit: I32,
  width: number,
  body: (first: I32, columns: number) => void,
): void {
  const { length, last } = reduction;
  const outerKept = reduction.axes('kept', false);
  const [blocks, full, rest] = [Math.ceil(length / width), Math.floor(length / width), length % width];
  const outer = f.let(unit.over(blocks));
  const block = f.let(unit.modulo(blocks));
  cursors.decode(outer, reduction.sizes(outerKept), outerKept);
  cursors.move(last, block, width);
  const first = outer.times(length).plus(block.times(width));
  if (rest === 0) body(first, width);
  else if (full === 0) body(first, rest);
  else f.when(block.isLess(full), () => body(first, width), () => body(first, rest)); // prettier-ignore
}

/** How values are combined. */
class Accumulation {
  constructor(
    private readonly op: 'reduce_sum' | 'reduce_max',
    readonly dtype: DType,
  ) {}

  /** Leaves the neutral vector on the stack. */
  identity(f: FunctionEmitter): FunctionEmitter {
    if (this.op === 'reduce_sum') return f.splatInt(0);
    if (this.dtype === 'f32') return f.splat(-Infinity);
    return f.splatInt(this.dtype === 'i32' ? -0x80000000 : 0);
  }

  /** Combines the two vectors on the stack. */
  combine(f: FunctionEmitter): FunctionEmitter {
    if (this.op === 'reduce_sum') return f.op(this.dtype === 'f32' ? 'f32x4.add' : 'i32x4.add');
    if (this.dtype === 'f32') return f.op('f32x4.max');
    return f.op(this.dtype === 'i32' ? 'i32x4.max_s' : 'i32x4.max_u');
  }

  /** Combines the four lanes of a vector; every lane then holds the result. */
  horizontal(f: FunctionEmitter, vector: Vector): void {
    for (const lanes of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ]) {
      this.combine(f.get(vector).get(vector).get(vector).shuffle32(lanes)).set(vector);
    }
  }
}

/**
 * Computes the outputs of a kernel for `count` results from flat position `first` on; `values` hold the root's, four results
 * each. Everything else is read at the same flat position or is a scalar.
 */
export function emitResults(
  f: FunctionEmitter,
  { context, kernel }: Pick<Reduction, 'context' | 'kernel'>,
  first: I32,
  values: readonly Vector[],
  count: number,
): void {
  const emitter = new ExpressionEmitter(f, context.math, kernel.expressions);
  const rowMajor = stridesOf(kernel.shape);
  const isFlat = (a: Access): boolean => a.strides.some((s, d) => s !== 0 && s === rowMajor[d]);
  values.forEach((value, v) => {
    const addressOf = (dtype: DType, base: number): I32 => {
      const size = bytesOf(dtype);
      return f.let(first.times(size).plus(base + 4 * v * size));
    };
    const results = emitter.emitAll(kernel, {
      root: () => f.get(value),
      index: () => {
        throw new Error('internal: index ramp after a reduction');
      },
      load: (a) => {
        const { dtype } = a.buffer;
        const base = context.address(a.buffer) + a.offset * bytesOf(dtype);
        if (isFlat(a)) emitLoad(f, dtype, addressOf(dtype, base));
        else emitLoadSplat(f, dtype, i32(base));
      },
    });
    kernel.outputs.forEach((o, i) => {
      emitStore(f, o.dtype, addressOf(o.dtype, context.address(o)), results[i], { lanes: Math.min(4, count - 4 * v) });
    });
  });
}
