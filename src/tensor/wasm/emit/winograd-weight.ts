/**
 * Weight gradients of 3x3 convolutions by the adjoint of Winograd's algorithm (see winograd.ts): patches of the input and tiles of
 * the output gradient are transformed, multiplied and summed over tiles in 36 matrix products, whose sums are transformed last.
 */
import type { NodeOf } from '../../graph.js';
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import { emitZeroFill } from './padded-image.js';
import { emitTileSum, panelWidth } from './tile.js';
import { defineSquareInput, oddLines, type Squares, squareArea, tilesOf, winogradPays } from './winograd.js';
import { emitTransform } from './winograd-transform.js';
import { type Features, tileSize } from '../features.js';
import { kernelAdjoint, PATCH, patchTransform, TILE, tileAdjoint } from '../winograd.js';

/** Bytes of transformed squares that are multiplied at once: they should stay in the second-level cache. */
const BLOCK_BYTES = 512 * 1024;

const products = PATCH * PATCH;

/** Whether the weight gradient goes by Winograd's algorithm. */
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

  const panel = panelWidth(context.features, filters);
  const { rows: tileRows } = tileSize(context.features);
  /** (a, b, c, tiles): adds the products of `rows` channels and `columns` filters to the sums at c. */
  const tile = (rows: number, columns: number): number =>
    context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f) => {
      const place = (r: number, v: number): number => r * filters * 4 + 16 * v;
      const shape = {
        rows: Array.from({ length: rows }, (_, r) => 4 * r),
        vectors: columns / 4,
        loops: [{ count: { local: 3 }, aStep: channels * 4, bStep: filters * 4 }],
      };
      const sums = emitTileSum(f, context, shape, 0, 1, (r, v) => f.get(2).mem('v128.load', place(r, v)));
      sums.forEach((row, r) => row.forEach((sum, v) => f.get(2).get(sum).mem('v128.store', place(r, v))));
    });
  const rowRuns = runs(channels, tileRows);
  const columnRuns = runs(filters, panel).map((columns) => ({
    ...columns,
    rows: rowRuns.map((rows) => ({ ...rows, tile: tile(rows.size, columns.size) })),
  }));

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [first, end, count, number, to, a, b, c, target, sums] = Array.from({ length: 10 }, () => f.local('i32'));
    const transformed = (offset: number, step: number, input: number): void => {
      f.get(first).set(number).get(2).i32(offset).op('i32.add').set(to);
      f.loop(() => {
        f.get(number).get(to).get(2).call(input);
        f.bump(to, step).bump(number, 1);
        f.get(number).get(first).get(count).op('i32.add', 'i32.lt_s').branchIf(0);
      });
    };
    eachUnit(f, (unit) => {
      f.get(2).i32(sumAt).op('i32.add').tee(sums).set(to);
      emitZeroFill(f, to, sumBytes);
      f.get(unit).i32(tiles).op('i32.mul').tee(first).i32(tiles).op('i32.add').set(end);
      f.loop(() => {
        // count = min(together, end - first)
        f.get(end).get(first).op('i32.sub').tee(count).i32(together).get(count).i32(together);
        f.op('i32.lt_s', 'select').set(count);
        transformed(patchAt, channels * 4, patchInput);
        transformed(gradientAt, filters * 4, gradientInput);
        f.get(2).i32(patchAt).op('i32.add').set(a);
        f.get(2).i32(gradientAt).op('i32.add').set(b);
        f.get(sums).set(c);
        f.countedLoop(products, () => {
          for (const columns of columnRuns) {
            f.countedLoop(columns.count, () => {
              for (const rows of columns.rows) {
                f.countedLoop(rows.count, () => {
                  f.get(a).get(b).get(c).get(count).call(rows.tile);
                  f.bump(a, 4 * rows.size).bump(c, 4 * rows.size * filters);
                });
              }
              f.bump(a, -4 * channels)
                .bump(b, 4 * columns.size)
                .bump(c, 4 * (columns.size - channels * filters));
            });
          }
          f.bump(a, patchStride)
            .bump(b, gradientStride - 4 * filters)
            .bump(c, sumStride - 4 * filters);
        });
        f.get(first).i32(together).op('i32.add').tee(first).get(end).op('i32.lt_s').branchIf(0);
      });
      f.get(unit).i32(9 * channels * filters * 4).op('i32.mul').i32(out).op('i32.add').set(target); // prettier-ignore
      emitTransform(
        f,
        context,
        kernelAdjoint,
        (channels * filters) / 4,
        { address: sums, row: PATCH * sumStride, column: sumStride },
        { address: target, row: 3 * channels * filters * 4, column: channels * filters * 4 },
        2,
      );
    });
  });
  return {
    function: index,
    units: parts,
    unitCost: tiles * (50 * (channels + filters) + (products * channels * filters) / 8),
    scratch: sumAt + sumBytes,
  };
}

/** `total` in runs of equal steps: as many of `size` as there are, and the rest. */
function runs(total: number, size: number): { size: number; count: number }[] {
  const whole = { size, count: Math.floor(total / size) };
  const rest = { size: total % size, count: 1 };
  return [whole, rest].filter((run) => run.size > 0 && run.count > 0);
}
