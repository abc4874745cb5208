/**
 * Weight gradients of 3x3 convolutions by the adjoint of Winograd's algorithm (see winograd-matrices.ts): patches of the input and tiles of
 * the output gradient are transformed, multiplied and summed over tiles in 36 matrix products, whose sums are transformed last.
 */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter, I32, I32Local } from '../assembler.js';
import { defineKernel, type EmitContext, type EmittedKernel } from './kernel.js';
import { emitZeroFill } from './padded-image.js';
import { defineSums, panelWidth } from './tile.js';
import { oddLines, tilesOf, winogradPays } from './winograd.js';
import { kernelAdjoint, PATCH, patchTransform, TILE, tileAdjoint } from './winograd-matrices.js';
import { defineSquareInput, type Squares, squareArea } from './winograd-squares.js';
import { emitTransform } from './winograd-transform.js';
import { type Features, tileSize } from '../features.js';

/** Bytes of transformed squares that are multiplied at once: they should stay in the second-level cache. */
const BLOCK_BYTES = 512 * 1024;

const products = PATCH * PATCH;

/** Whether the weight gradient uses Winograd's algorithm. */
export function winogradWeightPays(root: NodeOf<'conv_weight_parts'>, features: Features): boolean {
  const { strides, dilation, groups } = root.attrs;
  const [, kh, kw, channels, filters] = root.shape;
  const [batch, outHeight, outWidth] = root.inputs[1].shape;
  if (kh !== 3 || kw !== 3 || [...strides, ...dilation, groups].some((n) => n !== 1)) return false;
  return winogradPays(features, { batch, outHeight, outWidth, channels, filters });
}

/** A unit is a part of the batch, as in emitWeightGradient. */
export function emitWinogradWeightGradient(
  context: EmitContext,
  root: NodeOf<'conv_weight_parts'>,
  x: number,
  g: number,
  out: number,
): EmittedKernel {
  const { padding } = root.attrs;
  const [batch, height, width, channels] = root.inputs[0].shape;
  const [, outHeight, outWidth, filters] = root.inputs[1].shape;
  const [parts] = root.shape;
  const grid = { tilesDown: Math.ceil(outHeight / TILE), tilesAcross: Math.ceil(outWidth / TILE) };
  const tiles = (batch / parts) * tilesOf(outHeight, outWidth);
  const most = Math.max(8, Math.floor(BLOCK_BYTES / (products * (channels + filters) * 4)));
  const together = Math.ceil(tiles / Math.ceil(tiles / most));

  const patches: Squares = { base: x, height, width, channels, size: PATCH, padding: [padding[0][0], padding[1][0]], ...grid }; // prettier-ignore
  const gradients: Squares = { base: g, height: outHeight, width: outWidth, channels: filters, size: TILE, padding: [0, 0], ...grid }; // prettier-ignore
  const patchStride = oddLines(together * channels * 4);
  const gradientStride = oddLines(together * filters * 4);
  const sumStride = oddLines(channels * filters * 4);
  const patchAt = Math.max(squareArea(patches), squareArea(gradients));
  const gradientAt = patchAt + products * patchStride;
  const sumAt = gradientAt + products * gradientStride;
  const sumBytes = products * sumStride;

  const patchInput = defineSquareInput(context, patches, patchTransform, patchStride);
  const gradientInput = defineSquareInput(context, gradients, tileAdjoint, gradientStride);

  const multiply = defineProducts(context, { channels, filters, patchStride, gradientStride, sumStride });

  const index = defineKernel(context.module, (f, unit, scratch) => {
    const sums = f.let(scratch.plus(sumAt));
    emitZeroFill(f, f.let(sums), sumBytes);
    const first = f.let(unit.times(tiles));
    const end = f.let(first.plus(tiles));
    const count = f.local('i32');
    const transformed = (offset: number, step: number, input: number): void => {
      const number = f.let(first);
      const to = f.let(scratch.plus(offset));
      f.doWhile(
        () => {
          f.call(input, number, to, scratch);
          f.bump(to, step).bump(number, 1);
        },
        number.isLess(first.plus(count)),
      );
    };
    f.upTo(end, first, together, () => {
      f.assign(count, end.minus(first));
      f.assign(count, count.atMost(together));
      transformed(patchAt, channels * 4, patchInput);
      transformed(gradientAt, filters * 4, gradientInput);
      multiply(f, f.let(scratch.plus(patchAt)), f.let(scratch.plus(gradientAt)), f.let(sums), count);
    });
    const target = f.let(unit.times(9 * channels * filters * 4).plus(out));
    emitTransform(
      f,
      context,
      kernelAdjoint,
      (channels * filters) / 4,
      { address: sums, row: PATCH * sumStride, column: sumStride },
      { address: target, row: 3 * channels * filters * 4, column: channels * filters * 4 },
      scratch,
    );
  });
  return {
    function: index,
    units: parts,
    unitCost: tiles * (50 * (channels + filters) + (products * channels * filters) / 8),
    scratch: sumAt + sumBytes,
  };
}

/** Emits the 36 products of patches (a) and gradients (b) of `count` squares, which are added to the sums (c). */
function defineProducts(
  context: EmitContext,
  sizes: { channels: number; filters: number; patchStride: number; gradientStride: number; sumStride: number },
): (f: FunctionEmitter, a: I32Local, b: I32Local, c: I32Local, count: I32) => void {
  const { channels, filters, patchStride, gradientStride, sumStride } = sizes;
  /** (a, b, c, count): adds the products of `rows` channels and `columns` filters to the sums at c. */
  const defineTile = (rows: number, columns: number): number => {
    const shape = { rows: Array.from({ length: rows }, (_, r) => 4 * r), vectors: columns / 4 };
    const loops = (count: I32Local) => [{ count, aStep: channels * 4, bStep: filters * 4 }];
    return defineSums(context, shape, { pitch: filters * 4, resumes: true, loops });
  };
  const rowRuns = runs(channels, tileSize(context.features).rows);
  const columnRuns = runs(filters, panelWidth(context.features, filters)).map((columns) => ({
    ...columns,
    rows: rowRuns.map((rows) => ({ ...rows, tile: defineTile(rows.size, columns.size) })),
  }));
  return (f, a, b, c, count) => {
    f.repeat(products, () => {
      for (const columns of columnRuns) {
        f.repeat(columns.count, () => {
          for (const rows of columns.rows) {
            f.repeat(rows.count, () => {
              f.call(rows.tile, a, b, c, count);
              f.bump(a, 4 * rows.size).bump(c, 4 * rows.size * filters);
            });
          }
          f.bump(a, -4 * channels).bump(b, 4 * columns.size);
          f.bump(c, 4 * (columns.size - channels * filters));
        });
      }
      f.bump(a, patchStride).bump(b, gradientStride - 4 * filters);
      f.bump(c, sumStride - 4 * filters);
    });
  };
}

/** `total` in runs of equal steps: as many of `size` as there are, and the rest. */
function runs(total: number, size: number): { size: number; count: number }[] {
  const whole = { size, count: Math.floor(total / size) };
  const rest = { size: total % size, count: 1 };
  return [whole, rest].filter((run) => run.size > 0 && run.count > 0);
}
