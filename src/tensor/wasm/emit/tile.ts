/**
 * The register tile that all matrix products and convolutions are made of: rows x (4 vectors) of results, accumulated over nested
 * loops of multiply-adds of one element of A (broadcast) with neighbouring elements of B.
 */
import type { FunctionEmitter } from '../assembler.js';
import { defineTileEpilogue } from './epilogue.js';
import { emitStore } from './expression.js';
import type { EmitContext } from './loop.js';
import { type Features, tileSize } from '../features.js';
import { type ContractionKernel, isPlain } from '../../compiler/kernel.js';

/** A loop over part of the summed index: how far A and B move with each pass, in bytes. The count may be a local. */
export interface SumLoop {
  readonly count: number | { readonly local: number };
  readonly aStep: number;
  readonly bStep: number;
}

export interface TileShape {
  /** Byte offsets of the rows of A from the tile's first one. */
  readonly rows: readonly number[];
  /** Vectors of four columns. */
  readonly vectors: number;
  /** Outermost first. */
  readonly loops: readonly SumLoop[];
  /** Rows of the result between neighbouring rows of the tile; 1 unless given. */
  readonly outputStep?: number;
  /** Bytes between neighbouring rows in the buffer; they follow each other unless given. */
  readonly bufferPitch?: number;
}

/** Accumulators that the register allocator keeps in registers, by the number of rows. */
export function tileVectors(context: EmitContext, rows: number): number {
  if (context.features.wide) return rows <= 2 ? 8 : 4;
  return rows === 1 ? 8 : rows === 2 ? 4 : 2;
}

/** Columns of a full tile of a convolution with so many filters: whole vectors, no more than there are. */
export const panelWidth = (features: Features, columns: number): number =>
  4 * Math.min(Math.ceil(columns / 4), tileSize(features).vectors);

/** Cuts `total` rows into tiles of at most `most`, of nearly equal height: a last one of few rows would leave the multipliers waiting. */
export function evenTiles(total: number, most: number): { readonly height: number; readonly count: number }[] {
  const across = Math.ceil(total / most);
  const low = Math.floor(total / across);
  const taller = total % across;
  return [
    { height: low + 1, count: taller },
    { height: low, count: across - taller },
  ].filter(({ count }) => count > 0);
}

/** Emits the sum; `a` and `b` are locals with addresses (they move). Returns the accumulators' locals by row and vector. */
export function emitTileSum(
  f: FunctionEmitter,
  context: EmitContext,
  shape: TileShape,
  a: number,
  b: number,
  initial?: (row: number, vector: number) => unknown,
): number[][] {
  const accumulators = shape.rows.map(() => Array.from({ length: shape.vectors }, () => f.local('v128')));
  const right = Array.from({ length: shape.vectors }, () => f.local('v128'));
  const left = f.local('v128');
  if (initial) {
    accumulators.forEach((row, r) =>
      row.forEach((local, v) => {
        initial(r, v);
        f.set(local);
      }),
    );
  }
  const products = (aOffset: number, bOffset: number): void => {
    right.forEach((local, v) =>
      f
        .get(b)
        .mem('v128.load', bOffset + 16 * v)
        .set(local),
    );
    shape.rows.forEach((offset, r) => {
      f.get(a)
        .mem('v128.load32_splat', offset + aOffset)
        .set(left);
      right.forEach((local, v) => {
        const accumulator = accumulators[r][v];
        if (context.features.fma) f.get(left).get(local).get(accumulator).op('f32x4.relaxed_madd');
        else f.get(left).get(local).op('f32x4.mul').get(accumulator).op('f32x4.add');
        f.set(accumulator);
      });
    });
  };
  const nest = (depth: number): void => {
    const loop = shape.loops[depth];
    // Not unrolled: with more than one step in the loop V8's register allocator spills accumulators, at half the speed.
    const pass = (): void => {
      if (depth === shape.loops.length - 1) products(0, 0);
      else nest(depth + 1);
      f.bump(a, loop.aStep - travelled(shape.loops, depth + 1, 'aStep')).bump(
        b,
        loop.bStep - travelled(shape.loops, depth + 1, 'bStep'),
      );
    };
    if (typeof loop.count === 'number') f.countedLoop(loop.count, pass);
    else {
      const counter = f.local('i32');
      f.get(loop.count.local).set(counter);
      f.loop(() => {
        pass();
        f.get(counter).i32(1).op('i32.sub').tee(counter).branchIf(0);
      });
    }
  };
  nest(0);
  return accumulators;
}

/** How far the loops from `depth` on move a pointer in all; those have constant counts. */
function travelled(loops: readonly SumLoop[], depth: number, step: 'aStep' | 'bStep'): number {
  const loop = loops[depth];
  if (loop === undefined) return 0;
  if (typeof loop.count !== 'number') throw new Error('internal: only the outermost loop may have a variable count');
  // Each pass moves by the step in all, whatever the loops inside do.
  return loop.count * loop[step];
}

/** Bytes at the start of a thread's scratch memory through which a tile's sums reach the work fused behind it. */
export const TILE_BUFFER = 512;

/** A tile whose sum is computed in several calls goes on with, and leaves, its sums in the buffer. */
export interface TilePart {
  readonly resumes: boolean;
  readonly continues: boolean;
}

/**
 * Defines a function (a, b, row, column, buffer) that computes one tile of the kernel's result, seen as a matrix, and stores the
 * outputs. `columns` is how many of the tile's columns exist. Fused work is a function of its own that reads the sums from
 * `buffer`: inside the tile it would take registers from the accumulators, and keep V8 from pairing vectors.
 */
export function defineTile(
  context: EmitContext,
  kernel: ContractionKernel,
  shape: TileShape,
  columns: number,
  { resumes, continues }: TilePart = { resumes: false, continues: false },
): number {
  const { root } = kernel;
  const { outputStep = 1 } = shape;
  const plain = !continues && isPlain(kernel);
  const epilogue =
    plain || continues
      ? undefined
      : defineTileEpilogue(context, kernel, { rows: shape.rows.length, vectors: shape.vectors, columns, outputStep });
  const bufferPitch = shape.bufferPitch ?? 16 * shape.vectors;
  const pitch = plain ? 4 * root.shape[root.shape.length - 1] : bufferPitch;
  return context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32', 'i32'] }, (f) => {
    const kept = (r: number, v: number): unknown => f.get(4).mem('v128.load', r * bufferPitch + 16 * v);
    const sums = emitTileSum(f, context, shape, 0, 1, resumes ? kept : undefined);
    const target = f.local('i32');
    if (plain) {
      f.get(2).i32(pitch).op('i32.mul').get(3).i32(4).op('i32.mul', 'i32.add');
      f.i32(context.address(kernel.outputs[0])).op('i32.add').set(target);
    } else f.get(4).set(target);
    sums.forEach((row, r) =>
      row.forEach((sum, v) =>
        emitStore(
          f,
          'f32',
          target,
          sum,
          plain ? Math.min(4, columns - 4 * v) : 4,
          1,
          r * pitch * (plain ? outputStep : 1) + 16 * v,
        ),
      ),
    );
    if (epilogue !== undefined) f.get(4).get(2).get(3).call(epilogue);
  });
}
