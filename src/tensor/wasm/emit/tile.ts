/**
 * The register tile that all matrix products and convolutions are made of: rows x (4 vectors) of results, accumulated over nested
 * loops of multiply-adds of one element of A (broadcast) with neighbouring elements of B.
 */
import type { FunctionEmitter, I32Local, Vector } from '../assembler.js';
import { defineTileEpilogue } from './epilogue.js';
import type { EmitContext } from './kernel.js';
import { emitStore } from './lanes.js';
import { type Features, tileSize } from '../features.js';
import { type ContractionKernel, isPlain } from '../../compiler/kernel.js';

/** A loop over part of the summed index: how far A and B move with each pass, in bytes. */
export interface SumLoop {
  readonly count: number | I32Local;
  readonly aStep: number;
  readonly bStep: number;
}

export interface TileShape {
  /** Byte offsets of the rows of A from the tile's first one. */
  readonly rows: readonly number[];
  /** Vectors of four columns. */
  readonly vectors: number;
}

/** Accumulators that the register allocator keeps in registers, by the number of rows. */
export function tileVectors(context: EmitContext, rows: number): number {
  if (context.features.wide) return rows <= 2 ? 8 : 4;
  return rows === 1 ? 8 : rows === 2 ? 4 : 2;
}

/** Columns of a full tile of a convolution with this many filters: whole vectors, no more than there are. */
export const panelWidth = (features: Features, columns: number): number =>
  4 * Math.min(Math.ceil(columns / 4), tileSize(features).vectors);

/** Widths of the panels that columns are cut into: full ones, then what is left. */
export function panelWidths(columns: number, width: number): number[] {
  const widths: number[] = [];
  for (let left = columns; left > 0; left -= width) widths.push(Math.min(left, width));
  return widths;
}

/** Cuts `total` rows into tiles of at most `most`, of nearly equal height: a short last one would leave the multipliers idle. */
export function evenTiles(total: number, most: number): { readonly height: number; readonly count: number }[] {
  const across = Math.ceil(total / most);
  const low = Math.floor(total / across);
  const taller = total % across;
  return [
    { height: low + 1, count: taller },
    { height: low, count: across - taller },
  ].filter(({ count }) => count > 0);
}

/** Leaves left * right + sum on the stack. */
export function emitMultiplyAdd(
  f: FunctionEmitter,
  features: Features,
  left: Vector,
  right: Vector,
  sum: Vector,
): FunctionEmitter {
  if (features.fma) return f.get(left).get(right).get(sum).op('f32x4.relaxed_madd');
  return f.get(left).get(right).op('f32x4.mul').get(sum).op('f32x4.add');
}

/**
 * Emits a tile's sum over nested loops (outermost first); `a` and `b` are addresses, which move. The sums start from 0, or from
 * what `initial` leaves on the stack. Returns them by row and vector.
 */
export function emitTileSum(
  f: FunctionEmitter,
  { features }: EmitContext,
  { rows, vectors }: TileShape,
  loops: readonly SumLoop[],
  [a, b]: readonly [I32Local, I32Local],
  initial?: (row: number, vector: number) => unknown,
): Vector[][] {
  const sums = rows.map(() => f.vectors(vectors));
  const right = f.vectors(vectors);
  const left = f.local('v128');
  if (initial) {
    sums.forEach((row, r) =>
      row.forEach((sum, v) => {
        initial(r, v);
        f.set(sum);
      }),
    );
  }
  const products = (): void => {
    right.forEach((vector, v) => f.load('v128.load', b, 16 * v).set(vector));
    rows.forEach((offset, r) => {
      f.load('v128.load32_splat', a, offset).set(left);
      right.forEach((vector, v) => emitMultiplyAdd(f, features, left, vector, sums[r][v]).set(sums[r][v]));
    });
  };
  const nest = (depth: number): void => {
    const loop = loops[depth];
    // Not unrolled: with more than one step in the loop V8's register allocator spills accumulators, at half the speed.
    const pass = (): void => {
      if (depth === loops.length - 1) products();
      else nest(depth + 1);
      f.bump(a, loop.aStep - travelled(loops, depth + 1, 'aStep'));
      f.bump(b, loop.bStep - travelled(loops, depth + 1, 'bStep'));
    };
    if (typeof loop.count === 'number') f.repeat(loop.count, pass);
    else f.countDown(f.let(loop.count), pass);
  };
  nest(0);
  return sums;
}

/** How far the loops from `depth` on move a pointer in all; their trip counts are constant. */
function travelled(loops: readonly SumLoop[], depth: number, step: 'aStep' | 'bStep'): number {
  const loop = loops[depth];
  if (loop === undefined) return 0;
  if (typeof loop.count !== 'number') throw new Error('internal: only the outermost loop may have a variable count');
  // Each pass moves by the step in all, whatever the loops inside do.
  return loop.count * loop[step];
}

/** Runs `body` for each sum of a tile. */
export const eachSum = (
  sums: readonly (readonly Vector[])[],
  body: (sum: Vector, row: number, vector: number) => void,
): void => sums.forEach((row, r) => row.forEach((sum, v) => body(sum, r, v)));

/**
 * Defines a function (a, b, sums, count) that computes a tile's sums and leaves them at `sums`, rows `pitch` bytes apart; it adds
 * to those already there if it `resumes`. `count` is for a loop whose trip count is only known at run time.
 */
export function defineSums(
  context: EmitContext,
  shape: TileShape,
  { pitch, resumes, loops }: { pitch: number; resumes: boolean; loops: (count: I32Local) => readonly SumLoop[] },
): number {
  return context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f, a, b, at, count) => {
    const kept = (r: number, v: number): unknown => f.load('v128.load', at, r * pitch + 16 * v);
    const sums = emitTileSum(f, context, shape, loops(count), [a, b], resumes ? kept : undefined);
    eachSum(sums, (sum, r, v) => f.store('v128.store', at, sum, r * pitch + 16 * v));
  });
}

/** Bytes at the start of a thread's scratch memory through which a tile's sums reach the epilogue. */
export const TILE_BUFFER = 512;

/** A tile of a kernel's result, seen as a matrix. */
export interface ResultTile extends TileShape {
  readonly loops: readonly SumLoop[];
  /** How many of its columns exist. */
  readonly columns: number;
  /** Rows of the result between neighbouring rows of the tile; 1 unless given. */
  readonly outputStep?: number;
  /** A tile whose sum takes several calls keeps its sums in the buffer in between. */
  readonly resumes?: boolean;
  readonly continues?: boolean;
}

/**
 * Defines a function (a, b, row, column, buffer) that computes one tile and stores the outputs. Fused work is a separate function
 * that reads the sums from `buffer`: inside the tile it would take registers from the accumulators, and keep V8 from pairing vectors.
 */
export function defineTile(context: EmitContext, kernel: ContractionKernel, tile: ResultTile): number {
  const { vectors, columns, outputStep = 1, resumes = false, continues = false } = tile;
  const { shape } = kernel.root;
  const isStored = !continues && isPlain(kernel);
  const epilogue =
    isStored || continues
      ? undefined
      : defineTileEpilogue(context, kernel, { rows: tile.rows.length, vectors, columns, outputStep });
  const bufferPitch = 16 * vectors;
  const rowBytes = 4 * shape[shape.length - 1];
  return context.module.function(
    { parameters: ['i32', 'i32', 'i32', 'i32', 'i32'] },
    (f, a, b, row, column, buffer) => {
      const kept = (r: number, v: number): unknown => f.load('v128.load', buffer, r * bufferPitch + 16 * v);
      const sums = emitTileSum(f, context, tile, tile.loops, [a, b], resumes ? kept : undefined);
      if (isStored) {
        const target = f.let(row.times(rowBytes).plus(column.times(4)).plus(context.address(kernel.outputs[0])));
        eachSum(sums, (sum, r, v) => {
          const offset = r * outputStep * rowBytes + 16 * v;
          emitStore(f, 'f32', target, sum, { lanes: Math.min(4, columns - 4 * v), offset });
        });
        return;
      }
      const target = f.let(buffer);
      eachSum(sums, (sum, r, v) => f.store('v128.store', target, sum, r * bufferPitch + 16 * v));
      if (epilogue !== undefined) f.call(epilogue, buffer, row, column);
    },
  );
}
