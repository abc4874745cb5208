/**
 * 3x3 convolutions by Winograd's algorithm (see winograd.ts). The kernel is transformed and packed once, by a stage of its own; a
 * unit then takes a block of tiles through its three steps while their values stay in the second-level cache: patches to
 * [product][tile][channel], 36 matrix products to [product][tile][filter], and these to outputs.
 */
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import { emitPackPanel, type PackSource } from './pack.js';
import { emitTileSum, panelWidth } from './tile.js';
import { defineRowEpilogue } from './epilogue.js';
import { emitTransform, TRANSFORM_BUFFER } from './winograd-transform.js';
import { type Features, tileSize } from '../features.js';
import type { ConvKernel } from '../../compiler/kernel.js';
import { kernelTransform, PATCH, patchTransform, TILE, tileTransform } from '../winograd.js';

/** Filters whose products are kept at once. */
const FILTER_BLOCK = 64;
/** Tiles that a unit takes together: each reads all packed weights. */
const BLOCK_TILES = 24;

/** A 3x3 convolution with strides of one. */
export interface WinogradProblem {
  /** The image [batch, height, width, channels]. */
  readonly base: number;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Rows and columns of zeros before the image. */
  readonly padding: readonly [number, number];
  readonly outHeight: number;
  readonly outWidth: number;
  readonly filters: number;
  readonly weights: { readonly base: number; readonly source: PackSource };
}

/** Bytes between parts that are written side by side: an odd number of cache lines, so that they fall into different sets. */
export const oddLines = (bytes: number): number => 64 * (Math.ceil(bytes / 64) | 1);

const products = PATCH * PATCH;
export const tilesOf = (outHeight: number, outWidth: number): number =>
  Math.ceil(outHeight / TILE) * Math.ceil(outWidth / TILE);

/** Bytes of the transformed weights of one product. */
const weightStride = (channels: number, filters: number): number => oddLines(4 * channels * filters);

export const winogradWorkspace = (channels: number, filters: number): number =>
  products * weightStride(channels, filters);

/**
 * What the transforms of four channels or filters of a tile cost, measured in multiply-adds of a tile's products: these gain more
 * from 256 bits.
 */
const transformCost = ({ wide }: Features): number => (wide ? 800 : 280);

/** Whether the transforms cost less than the products that they save, in multiply-adds of vectors. */
export function winogradPays(
  features: Features,
  kernel: { batch: number; outHeight: number; outWidth: number; channels: number; filters: number },
): boolean {
  const { batch, outHeight, outWidth, channels, filters } = kernel;
  if (!features.winograd || channels % 4 > 0 || filters % 4 > 0) return false;
  const tiles = batch * tilesOf(outHeight, outWidth);
  const transforms = tiles * (channels / 4 + filters / 4) * transformCost(features) + ((channels * filters) / 4) * 150;
  const winograd = transforms + tiles * products * channels * (filters / 4) * 1.2;
  const direct = batch * outHeight * outWidth * 9 * channels * (filters / 4);
  return winograd < direct;
}

/** Transforms and packs the weights: [product][panel of filters][channel][filter]. A unit is a panel. */
export function emitWinogradWeights(context: EmitContext, p: WinogradProblem, workspace: number): EmittedKernel {
  const width = panelWidth(context.features, p.filters);
  const panels = Math.ceil(p.filters / width);
  const tap = p.channels * width * 4;
  const stride = weightStride(p.channels, p.filters);
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [source, packed, target, buffer, end] = Array.from({ length: 5 }, () => f.local('i32'));
    f.get(2).i32(9 * tap).op('i32.add').set(buffer); // prettier-ignore
    const panel = (columns: number): void => {
      f.get(2).tee(packed).set(end);
      emitPackPanel(f, p.weights.source, source, end, columns);
      const bytes = p.channels * columns * 4;
      emitTransform(
        f,
        context,
        kernelTransform,
        bytes / 16,
        { address: packed, row: 3 * bytes, column: bytes },
        { address: target, row: PATCH * stride, column: stride },
        buffer,
      );
    };
    eachUnit(f, (unit) => {
      f.i32(p.weights.base)
        .get(unit)
        .i32(width * p.weights.source.columnStride)
        .op('i32.mul', 'i32.add')
        .set(source);
      f.i32(workspace).get(unit).i32(tap).op('i32.mul', 'i32.add').set(target);
      const rest = p.filters - (panels - 1) * width;
      if (rest === width) panel(width);
      else if (panels === 1) panel(rest);
      else f.get(unit).i32(panels - 1).op('i32.lt_s').if(() => panel(width), () => panel(rest)); // prettier-ignore
    });
  });
  return { function: index, units: panels, unitCost: p.channels * width * 40, scratch: 9 * tap + TRANSFORM_BUFFER };
}

/** Images cut into squares, which may reach over their edges into zeros. */
export interface Squares {
  readonly base: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Pixels across a square, and between neighbouring ones. */
  readonly size: number;
  readonly padding: readonly [number, number];
  readonly tilesDown: number;
  readonly tilesAcross: number;
}

/** Bytes that defineSquareInput needs from `area` on. */
export const squareArea = ({ size, channels }: Squares): number => TRANSFORM_BUFFER + size * size * channels * 4;

/**
 * Defines a function (tile, target, area) that transforms the square of a tile, its products `stride` bytes apart. `area` is the
 * address of squareArea bytes.
 */
export function defineSquareInput(
  context: EmitContext,
  squares: Squares,
  transform: typeof patchTransform,
  stride: number,
): number {
  const { height, width, channels, size, padding, tilesDown, tilesAcross } = squares;
  const pixel = 4 * channels;
  return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [rest, y, x, row, source, pitch, i, to, from, first, count, left] = Array.from({ length: 12 }, () =>
      f.local('i32'),
    );
    f.get(0).i32(tilesAcross).op('i32.rem_u').i32(TILE).op('i32.mul').i32(padding[1]).op('i32.sub').set(x);
    f.get(0).i32(tilesAcross).op('i32.div_u').tee(rest).i32(tilesDown).op('i32.rem_u');
    f.i32(TILE).op('i32.mul').i32(padding[0]).op('i32.sub').set(y);
    // Address of the square's first pixel, which may not exist.
    f.get(rest).i32(tilesDown).op('i32.div_u').i32(height).op('i32.mul').get(y).op('i32.add');
    f.i32(width).op('i32.mul').get(x).op('i32.add').i32(pixel).op('i32.mul').i32(squares.base).op('i32.add').set(row);
    f.get(row).set(source).i32(width * pixel).set(pitch); // prettier-ignore
    const inside = (at: number, length: number): void => {
      if (length < size) f.i32(0);
      else f.get(at).i32(length - size + 1).op('i32.lt_u'); // prettier-ignore
    };
    inside(y, height);
    inside(x, width);
    f.op('i32.and', 'i32.eqz').if(() => {
      // A copy with zeros around: columns first .. first + count of each row that exists.
      f.get(2).i32(TRANSFORM_BUFFER).op('i32.add').tee(source).set(to);
      f.countedLoop((size * size * pixel) / 16, () => f.get(to).splatInt(0).mem('v128.store').bump(to, 16));
      f.i32(size * pixel).set(pitch);
      f.i32(0).get(x).op('i32.sub').i32(0).get(x).i32(0).op('i32.lt_s', 'select').set(first);
      // count = min(size, width - x) - first
      f.i32(width).get(x).op('i32.sub').tee(count).i32(size).get(count).i32(size).op('i32.lt_s', 'select');
      f.get(first).op('i32.sub').set(count);
      f.get(count).i32(0).op('i32.gt_s').if(() => {
        f.i32(0).set(i);
        f.loop(() => {
          f.get(y).get(i).op('i32.add').i32(height).op('i32.lt_u').if(() => {
            f.get(row).get(i).i32(width).op('i32.mul').get(first).op('i32.add').i32(pixel).op('i32.mul', 'i32.add').set(from);
            f.get(source).get(i).i32(size).op('i32.mul').get(first).op('i32.add').i32(pixel).op('i32.mul', 'i32.add').set(to);
            f.get(count).i32(pixel / 16).op('i32.mul').set(left);
            f.loop(() => {
              f.get(to).get(from).mem('v128.load').mem('v128.store').bump(to, 16).bump(from, 16);
              f.get(left).i32(1).op('i32.sub').tee(left).branchIf(0);
            });
          });
          f.bump(i, 1).get(i).i32(size).op('i32.lt_s').branchIf(0);
        });
      }); // prettier-ignore
    });
    emitTransform(
      f,
      context,
      transform,
      channels / 4,
      { address: source, row: { local: pitch }, column: pixel },
      { address: 1, row: PATCH * stride, column: stride },
      2,
    );
  });
}

export function emitWinograd(
  context: EmitContext,
  kernel: ConvKernel,
  p: WinogradProblem,
  workspace: number,
): EmittedKernel {
  const { channels, filters } = p;
  const tileRows = tileSize(context.features).rows;
  const width = panelWidth(context.features, filters);
  const [tilesDown, tilesAcross] = [Math.ceil(p.outHeight / TILE), Math.ceil(p.outWidth / TILE)];
  const tiles = p.batch * tilesDown * tilesAcross;
  // Blocks of nearly equal size, in whole tiles of the matrix product.
  const together = Math.ceil(tiles / Math.ceil(tiles / BLOCK_TILES) / tileRows) * tileRows;
  const blocks = Math.ceil(tiles / together);
  const block = Math.min(filters, Math.max(width, Math.floor(FILTER_BLOCK / width) * width));
  const filterBlocks = Math.ceil(filters / block);
  const lastBlock = filters - (filterBlocks - 1) * block;

  const squares: Squares = { ...p, size: PATCH, tilesDown, tilesAcross };
  const inputStride = oddLines(together * channels * 4);
  const outputStride = oddLines(together * block * 4);
  const squareBytes = squareArea(squares);
  const outputBuffer = TILE * TILE * block * 4;
  const [inputAt, outputAt] = [squareBytes + outputBuffer, squareBytes + outputBuffer + products * inputStride];

  const input = defineSquareInput(context, squares, patchTransform, inputStride);
  const blocksOf = [...new Set([block, lastBlock])].map((columns) => ({
    columns,
    multiply: defineProducts(context, columns),
    output: defineOutput(columns),
  }));

  /** (a, b, c): 36 products of [tile, channel] by packed [channel, filter]. */
  function defineProducts(context: EmitContext, columns: number): number {
    const tile = (count: number): number =>
      context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
        const vectors = count / 4;
        const rows = Array.from({ length: tileRows }, (_, r) => r * channels * 4);
        const loops = [{ count: channels, aStep: 4, bStep: 16 * vectors }];
        emitTileSum(f, context, { rows, vectors, loops }, 0, 1).forEach((row, r) =>
          row.forEach((sum, v) =>
            f
              .get(2)
              .get(sum)
              .mem('v128.store', r * columns * 4 + 16 * v),
          ),
        );
      });
    const full = columns >= width ? tile(width) : 0;
    const rest = columns % width;
    const last = rest > 0 ? tile(rest) : 0;
    return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
      const [a, b, c] = [0, 1, 2];
      const panel = (count: number, index: number): void => {
        f.countedLoop(together / tileRows, () => {
          f.get(a).get(b).get(c).call(index);
          f.bump(a, tileRows * channels * 4).bump(c, tileRows * columns * 4);
        });
        f.bump(a, -together * channels * 4).bump(b, channels * count * 4);
        f.bump(c, count * 4 - together * columns * 4);
      };
      f.countedLoop(products, () => {
        if (columns >= width) f.countedLoop(Math.floor(columns / width), () => panel(width, full));
        if (rest > 0) panel(rest, last);
        f.bump(a, inputStride).bump(b, weightStride(channels, filters) - columns * channels * 4);
        f.bump(c, outputStride - columns * 4);
      });
    });
  }

  /** (tile, products, column, area): a tile's outputs of a block of filters. */
  function defineOutput(columns: number): number {
    const epilogue = defineRowEpilogue(context, kernel, columns);
    return context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f) => {
      const [buffer, rest, y, x, row, count, down] = Array.from({ length: 7 }, () => f.local('i32'));
      f.get(3).i32(squareBytes).op('i32.add').set(buffer);
      emitTransform(
        f,
        context,
        tileTransform,
        columns / 4,
        { address: 1, row: PATCH * outputStride, column: outputStride },
        { address: buffer, row: TILE * columns * 4, column: columns * 4 },
        3,
      );
      const atMost = (limit: number, at: number): void => {
        const left = f.local('i32');
        f.i32(limit).get(at).op('i32.sub').tee(left).i32(TILE).get(left).i32(TILE).op('i32.lt_s', 'select');
      };
      f.get(0).i32(tilesAcross).op('i32.rem_u').i32(TILE).op('i32.mul').set(x);
      f.get(0).i32(tilesAcross).op('i32.div_u').tee(rest).i32(tilesDown).op('i32.rem_u').i32(TILE).op('i32.mul').set(y);
      f.get(rest).i32(tilesDown).op('i32.div_u').i32(p.outHeight).op('i32.mul').get(y).op('i32.add');
      f.i32(p.outWidth).op('i32.mul').get(x).op('i32.add').set(row);
      atMost(p.outWidth, x);
      f.set(count);
      atMost(p.outHeight, y);
      f.set(down);
      f.loop(() => {
        f.get(buffer).get(row).get(2).get(count).call(epilogue);
        f.bump(buffer, TILE * columns * 4).bump(row, p.outWidth);
        f.get(down).i32(1).op('i32.sub').tee(down).branchIf(0);
      });
    });
  }

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [tile, stop, at, weights, column] = Array.from({ length: 5 }, () => f.local('i32'));
    const eachTile = (unit: number, offset: number, step: number, body: () => void): void => {
      f.get(unit).i32(together).op('i32.mul').tee(tile);
      f.i32(together).op('i32.add').tee(stop).i32(tiles).get(stop).i32(tiles).op('i32.lt_s', 'select').set(stop);
      f.get(2).i32(offset).op('i32.add').set(at);
      f.loop(() => {
        body();
        f.bump(at, step).bump(tile, 1).get(tile).get(stop).op('i32.lt_s').branchIf(0);
      });
    };
    eachUnit(f, (unit) => {
      eachTile(unit, inputAt, channels * 4, () => f.get(tile).get(at).get(2).call(input));
      f.i32(workspace).set(weights).i32(0).set(column);
      const through = ({ columns, multiply, output }: (typeof blocksOf)[number]): void => {
        f.get(2).i32(inputAt).op('i32.add').get(weights).get(2).i32(outputAt).op('i32.add').call(multiply);
        eachTile(unit, outputAt, columns * 4, () => f.get(tile).get(at).get(column).get(2).call(output));
        f.bump(weights, columns * channels * 4).bump(column, columns);
      };
      if (filterBlocks > 1) f.countedLoop(filterBlocks - 1, () => through(blocksOf[0]));
      through(blocksOf[blocksOf.length - 1]);
    });
  });
  return {
    function: index,
    units: blocks,
    unitCost: together * (50 * (channels + filters) + (products * channels * filters) / 8),
    scratch: outputAt + products * outputStride,
  };
}
