/**
 * Reductions over rows of many columns. Memory is read in its order, a few whole rows at a time, and the results so far stay in a
 * thread's scratch memory (its first-level cache), where registers would hold a few columns only and every row be visited again for
 * the next few. Each column is summed in the order of the rows either way, so the bits are the same.
 */
import { sizeOf } from '../../shape.js';
import { ExpressionEmitter } from './expression.js';
import { decode, eachUnit, type EmittedKernel, LoopPoint, makeCursors } from './loop.js';
import { emitEpilogue, type ReduceBody, reducedNest } from './reduce.js';

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

const summedAxes = ({ dims, reduced }: ReduceBody): number[] => dims.flatMap((_, d) => (reduced[d] ? [d] : []));

/** Whether a reduction has columns and rows enough to be streamed. */
export function isStreamed(body: ReduceBody): boolean {
  const axes = summedAxes(body);
  return body.dims[body.dims.length - 1] >= FEWEST && axes.length > 0 && body.dims[axes[axes.length - 1]] >= ROWS;
}

/** Columns of a unit: all where other axes make work enough for all threads, else a part of them. */
function unitWidth(length: number, others: number): number {
  let width = Math.min(length, WIDE);
  while (width > NARROW && others * Math.ceil(length / width) < ENOUGH_UNITS) width = Math.ceil(width / 2);
  return Math.ceil(width / 16) * 16;
}

export function streamColumns(body: ReduceBody): EmittedKernel {
  const { context, kernel, dims, groups, reduced, accesses, operation } = body;
  const { input } = kernel;
  const { wide } = context.features;
  const last = dims.length - 1;
  const length = dims[last];
  const outerKept = dims.flatMap((_, d) => (reduced[d] || d === last ? [] : [d]));
  const summed = summedAxes(body);
  const rowAxis = summed[summed.length - 1];
  const rows = dims[rowAxis];
  const others = sizeOf(outerKept.map((d) => dims[d]));
  const width = unitWidth(length, others);
  const blocks = Math.ceil(length / width);
  const loads = accesses.filter((a) => !accesses.some((b) => b.indirect?.index === a));
  // The positions of rows that are read side by side.
  const sides = [body.cursors, ...Array.from({ length: ROWS - 1 }, () => makeCursors(context, [input], groups))];
  let size = 0;
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const emitters = sides.map(() => new ExpressionEmitter(f, context.math, [input], wide));
    size = emitters[0].size;
    for (const side of sides) side.declare(f);
    const points = sides.map((side) => new LoopPoint(f, side, last));
    const [outer, block, sums, offset] = Array.from({ length: 4 }, () => f.local('i32'));
    const first = sides[0].list;

    /** Adds so many rows, from the current position on, to the sums of so many columns. */
    const addRows = (count: number, columns: number): void => {
      const mine = points.slice(0, count);
      sides.slice(0, count).forEach((side, r) => {
        if (r > 0)
          side.list.forEach((c, i) => {
            const step = r * c.strides[rowAxis] * c.size;
            f.get(first[i].level).i32(step).op('i32.add').set(c.level);
          });
        side.enter(f, last);
        points[r].hoist(accesses);
        emitters[r].computeFixed(points[r]);
      });
      f.get(2).set(sums);
      const pass = (vectors: number, lanes: number): void => {
        for (let u = 0; u < vectors; u += 2) {
          const pair = u + 1 < vectors ? [u, u + 1] : [u];
          for (const point of mine) {
            point.lanes = lanes;
            if (wide) point.loadAhead(loads, pair);
          }
          const values = pair.map((vector) => {
            const value = f.local('v128');
            f.get(sums).mem('v128.load', 16 * vector);
            mine.forEach((point, r) => {
              emitters[r].begin();
              point.vector = vector;
              emitters[r].emit(input, point, operation.dtype);
              operation.combine(f);
            });
            f.set(value);
            return value;
          });
          pair.forEach((vector, k) =>
            f
              .get(sums)
              .get(values[k])
              .mem('v128.store', 16 * vector),
          );
        }
        for (const side of sides.slice(0, count)) side.advance(f, 4 * vectors, last);
        f.bump(sums, 16 * vectors);
      };
      const full = columns >> 2;
      const passes = Math.floor(full / VECTORS);
      if (passes > 0) f.countedLoop(passes, () => pass(VECTORS, 4));
      if (full % VECTORS > 0) pass(full % VECTORS, 4);
      if (columns % 4 > 0) pass(1, columns % 4);
    };

    const reduce = (columns: number): void => {
      const vectors = Math.ceil(columns / 4);
      f.get(2).set(sums);
      f.countedLoop(vectors, () => {
        f.get(sums);
        operation.identity(f);
        f.mem('v128.store').bump(sums, 16);
      });
      const move = (by: number): void => {
        for (const c of first) f.bump(c.level, by * c.strides[rowAxis] * c.size);
      };
      reducedNest(f, body, summed.slice(0, -1), () => {
        f.countedLoop(Math.floor(rows / ROWS), () => {
          addRows(ROWS, columns);
          move(ROWS);
        });
        if (rows % ROWS > 0) addRows(rows % ROWS, columns);
        move(-ROWS * Math.floor(rows / ROWS));
      });
      f.get(outer).i32(length).op('i32.mul').get(block).i32(width).op('i32.mul', 'i32.add').set(offset);
      f.get(2).set(sums);
      const values = Array.from({ length: Math.min(RESULTS, vectors) }, () => f.local('v128'));
      const results = (count: number): void => {
        const mine = values.slice(0, Math.ceil(count / 4));
        mine.forEach((value, v) =>
          f
            .get(sums)
            .mem('v128.load', 16 * v)
            .set(value),
        );
        emitEpilogue(f, context, kernel, offset, mine, count);
        f.bump(sums, 16 * RESULTS).bump(offset, 4 * RESULTS);
      };
      const full = Math.floor(columns / (4 * RESULTS));
      if (full > 0) f.countedLoop(full, () => results(4 * RESULTS));
      if (columns % (4 * RESULTS) > 0) results(columns % (4 * RESULTS));
    };

    eachUnit(f, (unit) => {
      f.get(unit).i32(blocks).op('i32.div_u').set(outer);
      f.get(unit).i32(blocks).op('i32.rem_u').set(block);
      decode(f, outer, outerKept.map((d) => dims[d]), first, outerKept); // prettier-ignore
      for (const c of first) {
        const stride = c.strides[last] * c.size * width;
        if (stride !== 0) f.get(c.level).get(block).i32(stride).op('i32.mul', 'i32.add').set(c.level);
      }
      const rest = length % width;
      if (rest === 0) reduce(width);
      else if (blocks === 1) reduce(length);
      else f.get(block).i32(blocks - 1).op('i32.lt_s').if(() => reduce(width), () => reduce(rest)); // prettier-ignore
    });
  });
  const perUnit = sizeOf(summed.map((d) => dims[d])) * Math.min(length, width);
  const scratch = 16 * Math.ceil(Math.min(length, width) / 4);
  return {
    function: index,
    units: others * blocks,
    unitCost: (perUnit / 4 + 4) * (size + accesses.length + 1),
    scratch,
  };
}
