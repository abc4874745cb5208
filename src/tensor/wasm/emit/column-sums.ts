/**
 * Reductions over rows of many columns. Memory is read in its order, a few whole rows at a time, and the results so far stay in a
 * thread's scratch memory (its first-level cache), where registers would hold a few columns only and every row be visited again for
 * the next few. Each column is summed in the order of the rows either way, so the bits are the same.
 */
import type { FunctionEmitter, I32, I32Local } from '../assembler.js';
import type { Cursors } from './cursors.js';
import { ExpressionEmitter } from './expression.js';
import { defineKernel, type EmittedKernel } from './kernel.js';
import { directly, eachVector } from './loop.js';
import { LoopPoint } from './loop-point.js';
import { eachColumnBlock, emitResults, type Reduction } from './reduction.js';

/** Rows read side by side. */
const ROWS = 4;
/** Vectors of columns in a pass of the innermost loop, and in one of the loop over results. */
const [VECTORS, RESULTS] = [4, 8];
/** Columns that pay to be streamed; fewer have room in registers. */
const FEWEST = 48;
/** Columns of a unit of work, from and to. */
const [NARROW, WIDE] = [64, 1024];
/** Units of work that are enough for all threads. */
const ENOUGH_UNITS = 16;

/** Whether a reduction has columns and rows enough to be streamed. */
export function isStreamed(reduction: Reduction): boolean {
  const rowAxis = reduction.axes('summed').at(-1);
  return reduction.length >= FEWEST && rowAxis !== undefined && reduction.dims[rowAxis] >= ROWS;
}

/** Columns of a unit: all where other axes make work enough for all threads, else a part of them. */
function unitWidth(length: number, others: number): number {
  let width = Math.min(length, WIDE);
  while (width > NARROW && others * Math.ceil(length / width) < ENOUGH_UNITS) width = Math.ceil(width / 2);
  return Math.ceil(width / 16) * 16;
}

export function streamColumns(reduction: Reduction): EmittedKernel {
  const { length } = reduction;
  const others = reduction.size(reduction.axes('kept', false));
  const width = unitWidth(length, others);
  const index = defineKernel(reduction.context.module, (f, unit, scratch) => {
    const stream = new ColumnStream(f, reduction, scratch);
    eachColumnBlock(f, reduction, stream.cursors, unit, width, (first, columns) => stream.reduce(first, columns));
  });
  const columns = Math.min(length, width);
  return {
    function: index,
    units: others * Math.ceil(length / width),
    unitCost: reduction.unitCost(reduction.size(reduction.axes('summed')) * columns),
    scratch: 16 * Math.ceil(columns / 4),
  };
}

/** A row of those that are read side by side. */
interface Side {
  readonly cursors: Cursors;
  readonly emitter: ExpressionEmitter;
  readonly point: LoopPoint;
}

class ColumnStream {
  private readonly sides: readonly Side[];
  /** Where in scratch memory the results of the current columns are. */
  private readonly sums: I32Local;
  /** The flat position of the first of them in the result. */
  private readonly position: I32Local;
  private readonly rowAxis: number;

  constructor(
    private readonly f: FunctionEmitter,
    private readonly reduction: Reduction,
    private readonly scratch: I32Local,
  ) {
    const { context, kernel, last } = reduction;
    this.sides = Array.from({ length: ROWS }, () => {
      const emitter = new ExpressionEmitter(f, context.math, [kernel.input], context.features.wide);
      const cursors = reduction.cursors(f);
      return { cursors, emitter, point: new LoopPoint(f, cursors, last) };
    });
    [this.sums, this.position] = f.i32Locals(2);
    this.rowAxis = reduction.axes('summed').at(-1) ?? 0;
  }

  /** The positions of the first row. */
  get cursors(): Cursors {
    return this.sides[0].cursors;
  }

  /** Reduces `columns` columns, of which the first is at flat position `first` of the result. */
  reduce(first: I32, columns: number): void {
    const { f, reduction, scratch, sums, cursors, rowAxis } = this;
    const rows = reduction.dims[rowAxis];
    f.assign(sums, scratch);
    f.repeat(Math.ceil(columns / 4), () => {
      f.store('v128.store', sums, () => reduction.operation.identity(f)).bump(sums, 16);
    });
    reduction.nest(cursors, reduction.axes('summed').slice(0, -1), () => {
      const rounds = Math.floor(rows / ROWS);
      f.repeat(rounds, () => {
        this.addRows(ROWS, columns);
        cursors.step(rowAxis, ROWS);
      });
      if (rows % ROWS > 0) this.addRows(rows % ROWS, columns);
      cursors.step(rowAxis, -ROWS * rounds);
    });
    this.store(first, columns);
  }

  /** Adds so many rows, from the current position on, to the sums of so many columns. */
  private addRows(count: number, columns: number): void {
    const { f, reduction, rowAxis, cursors: first } = this;
    const { last, accesses } = reduction;
    const sides = this.sides.slice(0, count);
    sides.forEach(({ cursors, point, emitter }, r) => {
      if (r > 0) cursors.list.forEach((c, i) => f.assign(c.level, first.list[i].level.plus(r * c.step(rowAxis))));
      cursors.enter(last);
      point.hoist(accesses);
      emitter.computeFixed(point);
    });
    f.assign(this.sums, this.scratch);
    eachVector(f, columns, VECTORS, (lanes, vectors) => {
      for (let u = 0; u < vectors; u += 2) this.addPair(sides, u + 1 < vectors ? [u, u + 1] : [u], lanes);
      for (const { cursors } of sides) cursors.advance(last, 4 * vectors);
      f.bump(this.sums, 16 * vectors);
    });
  }

  /** Adds the rows' vectors, one or two neighbouring ones, whose stores come last and in pairs, for V8's revectorizer. */
  private addPair(sides: readonly Side[], vectors: readonly number[], lanes: number): void {
    const { f, sums } = this;
    const { context, kernel, accesses, operation } = this.reduction;
    for (const { point } of sides) {
      point.lanes = lanes;
      if (context.features.wide) point.loadAhead(directly(accesses), vectors);
    }
    const values = vectors.map((vector) => {
      const value = f.local('v128');
      f.load('v128.load', sums, 16 * vector);
      for (const { emitter, point } of sides) {
        emitter.begin();
        point.vector = vector;
        emitter.emit(kernel.input, point, operation.dtype);
        operation.combine(f);
      }
      f.set(value);
      return value;
    });
    vectors.forEach((vector, k) => f.store('v128.store', sums, values[k], 16 * vector));
  }

  /** Stores the results, through the epilogue. */
  private store(first: I32, columns: number): void {
    const { f, sums, position } = this;
    f.assign(position, first).assign(sums, this.scratch);
    const values = f.vectors(Math.min(RESULTS, Math.ceil(columns / 4)));
    const results = (count: number): void => {
      const mine = values.slice(0, Math.ceil(count / 4));
      mine.forEach((value, v) => f.load('v128.load', sums, 16 * v).set(value));
      emitResults(f, this.reduction, position, mine, count);
      f.bump(sums, 16 * RESULTS).bump(position, 4 * RESULTS);
    };
    const full = Math.floor(columns / (4 * RESULTS));
    if (full > 0) f.repeat(full, () => results(4 * RESULTS));
    if (columns % (4 * RESULTS) > 0) results(columns % (4 * RESULTS));
  }
}
