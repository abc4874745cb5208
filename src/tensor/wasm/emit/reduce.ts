/** Reductions: sums and maxima over axes, with the element-wise prologue inside the loop and the epilogue after it. */
import type { FunctionEmitter, I32, I32Local, Vector } from '../assembler.js';
import { isStreamed, streamColumns } from './column-sums.js';
import { ExpressionEmitter } from './expression.js';
import { defineKernel, type EmitContext, type EmittedKernel } from './kernel.js';
import { eachVector } from './loop.js';
import { LoopPoint } from './loop-point.js';
import { eachColumnBlock, emitResults, Reduction } from './reduction.js';
import type { ReduceKernel } from '../../compiler/kernel.js';

/** Vectors of neighbouring results that one unit accumulates at once when the innermost axis is kept. */
const COLUMNS = 8;
/** From this many row sums on, a unit computes several. */
const MANY_ROWS = 64;
/** Rows of at least this many elements are summed in several independent accumulators, which hides latency. */
const LONG_ROW = 32;

export function emitReduce(context: EmitContext, kernel: ReduceKernel): EmittedKernel {
  const reduction = new Reduction(context, kernel);
  if (reduction.isSummed[reduction.last]) return reduceRows(reduction);
  return isStreamed(reduction) ? streamColumns(reduction) : reduceColumns(reduction);
}

/** Row by row: the innermost axis is summed in vectors whose lanes are combined at the end. */
function reduceRows(reduction: Reduction): EmittedKernel {
  const kept = reduction.axes('kept');
  const rows = reduction.size(kept);
  // The epilogue is computed for four results at once, where that leaves work for all threads.
  const side = rows >= MANY_ROWS ? 4 : 1;
  const units = Math.ceil(rows / side);
  const rest = rows % side;
  const index = defineKernel(reduction.context.module, (f, unit) => {
    const reduceRow = rowReducer(f, reduction);
    const row = f.let(unit.times(side));
    if (side === 1) return emitResults(f, reduction, row, [reduceRow(row)], 1);
    const end = f.let(row.plus(side));
    f.assign(end, end.atMost(rows));
    // Results move in from the last lane on.
    const results = f.local('v128');
    f.upTo(end, row, 1, () => {
      const result = reduceRow(row);
      f.get(results).get(result).shuffle32([1, 2, 3, 4]).set(results);
    });
    f.assign(row, unit.times(side));
    const all = (): void => emitResults(f, reduction, row, [results], side);
    if (rest === 0) return all();
    f.when(unit.isLess(units - 1), all, () => {
      const lanes = [0, 1, 2, 3].map((l) => (l + side - rest) % side);
      f.get(results).get(results).shuffle32(lanes).set(results);
      emitResults(f, reduction, row, [results], rest);
    });
  });
  const elements = side * reduction.size(reduction.axes('summed', false)) * reduction.length;
  return { function: index, units, unitCost: reduction.unitCost(elements), scratch: 0 };
}

/** Emits code that reduces a row; its result is in all lanes of the vector returned. */
function rowReducer(f: FunctionEmitter, reduction: Reduction): (row: I32Local) => Vector {
  const { context, kernel, operation, last, length, accesses } = reduction;
  const emitter = new ExpressionEmitter(f, context.math, [kernel.input]);
  const cursors = reduction.cursors(f);
  const point = new LoopPoint(f, cursors, last);
  const accumulators = f.vectors(length >= LONG_ROW ? 4 : 1);
  const [total, ...others] = accumulators;
  const pass = (lanes: number, vectors: number): void => {
    for (let u = 0; u < vectors; u++) {
      emitter.begin();
      point.lanes = lanes;
      point.vector = u;
      const accumulator = accumulators[u % accumulators.length];
      f.get(accumulator);
      emitter.emit(kernel.input, point, operation.dtype);
      if (lanes < 4) {
        // Lanes past the end count as neutral.
        const mask = [0, 1, 2, 3].flatMap((l) => new Array<number>(4).fill(l < lanes ? 255 : 0));
        operation.identity(f).v128(mask).op('v128.bitselect');
      }
      operation.combine(f).set(accumulator);
    }
    cursors.advance(last, vectors * 4);
  };
  const kept = reduction.axes('kept');
  return (row) => {
    cursors.decode(row, reduction.sizes(kept), kept);
    for (const a of accumulators) operation.identity(f).set(a);
    reduction.nest(cursors, reduction.axes('summed', false), () => {
      cursors.enter(last);
      point.hoist(accesses);
      emitter.computeFixed(point);
      eachVector(f, length, 4, pass);
    });
    for (const a of others) operation.combine(f.get(total).get(a)).set(total);
    operation.horizontal(f, total);
    return total;
  };
}

/** Neighbouring results side by side in lanes: a block of columns is summed over all reduced axes. */
function reduceColumns(reduction: Reduction): EmittedKernel {
  const { context, kernel, operation, last, length, accesses } = reduction;
  const outerKept = reduction.axes('kept', false);
  const summed = reduction.axes('summed');
  const width = 4 * COLUMNS;
  const index = defineKernel(context.module, (f, unit) => {
    const emitter = new ExpressionEmitter(f, context.math, [kernel.input]);
    const cursors = reduction.cursors(f);
    const point = new LoopPoint(f, cursors, last);
    const accumulators = f.vectors(Math.min(COLUMNS, Math.ceil(length / 4)));
    const columns = (first: I32, count: number): void => {
      const mine = accumulators.slice(0, Math.ceil(count / 4));
      for (const a of mine) operation.identity(f).set(a);
      reduction.nest(cursors, summed, () => {
        cursors.enter(last);
        point.hoist(accesses);
        mine.forEach((a, u) => {
          emitter.begin();
          point.lanes = Math.min(4, count - 4 * u);
          point.vector = u;
          f.get(a);
          emitter.emit(kernel.input, point, operation.dtype);
          operation.combine(f).set(a);
        });
      });
      emitResults(f, reduction, f.let(first), mine, count);
    };
    eachColumnBlock(f, reduction, cursors, unit, width, columns);
  });
  const elements = reduction.size(summed) * Math.min(length, width);
  const units = reduction.size(outerKept) * Math.ceil(length / width);
  return { function: index, units, unitCost: reduction.unitCost(elements), scratch: 0 };
}
