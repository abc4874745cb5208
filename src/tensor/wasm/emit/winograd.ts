/**
 * 3x3 convolutions by Winograd's algorithm (see winograd-matrices.ts). The kernel is transformed and packed once, in a separate stage; a
 * unit then takes a block of tiles through its three steps while their values stay in the second-level cache: patches to
 * [product][tile][channel], 36 matrix products to [product][tile][filter], and these to outputs.
 */
import { at, type FunctionEmitter, i32, type I32, type I32Local } from '../assembler.js';
import { defineRowEpilogue } from './epilogue.js';
import { defineKernel, type EmitContext, type EmittedKernel } from './kernel.js';
import { emitPackPanel, type PackSource } from './pack.js';
import { defineSums, panelWidth } from './tile.js';
import { kernelTransform, PATCH, patchTransform, TILE, tileTransform } from './winograd-matrices.js';
import { defineSquareInput, emitTilePlace, squareArea, type Squares } from './winograd-squares.js';
import { emitTransform, TRANSFORM_BUFFER } from './winograd-transform.js';
import { type Features, tileSize } from '../features.js';
import type { ConvKernel } from '../../compiler/kernel.js';

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
 * What the transforms of four channels or filters of a tile cost, measured in multiply-adds of a tile's products. It must not depend
 * on how V8 compiles vectors, as the choice changes bits.
 */
const TRANSFORM_COST = 400;

/** Whether the transforms cost less than the products that they save, in multiply-adds of vectors. */
export function winogradPays(
  features: Features,
  kernel: { batch: number; outHeight: number; outWidth: number; channels: number; filters: number },
): boolean {
  const { batch, outHeight, outWidth, channels, filters } = kernel;
  if (!features.winograd || channels % 4 > 0 || filters % 4 > 0) return false;
  const tiles = batch * tilesOf(outHeight, outWidth);
  const transforms = tiles * (channels / 4 + filters / 4) * TRANSFORM_COST + ((channels * filters) / 4) * 150;
  const winograd = transforms + tiles * products * channels * (filters / 4) * 1.2;
  const direct = batch * outHeight * outWidth * 9 * channels * (filters / 4);
  return winograd < direct;
}

/** Transforms and packs the weights: [product][panel of filters][channel][filter]. A unit is a panel. */
export function emitWinogradWeights(context: EmitContext, p: WinogradProblem, workspace: number): EmittedKernel {
  const { base, source } = p.weights;
  const width = panelWidth(context.features, p.filters);
  const panels = Math.ceil(p.filters / width);
  const tap = p.channels * width * 4;
  const stride = weightStride(p.channels, p.filters);
  const index = defineKernel(context.module, (f, unit, scratch) => {
    const buffer = f.let(scratch.plus(9 * tap));
    const from = f.let(at(base, [unit, width * source.columnStride]));
    const target = f.let(at(workspace, [unit, tap]));
    const panel = (columns: number): void => {
      emitPackPanel(f, source, from, f.let(scratch), columns);
      const bytes = p.channels * columns * 4;
      emitTransform(
        f,
        context,
        kernelTransform,
        bytes / 16,
        { address: scratch, row: 3 * bytes, column: bytes },
        { address: target, row: PATCH * stride, column: stride },
        buffer,
      );
    };
    const rest = p.filters - (panels - 1) * width;
    if (rest === width) panel(width);
    else if (panels === 1) panel(rest);
    else f.when(unit.isLess(panels - 1), () => panel(width), () => panel(rest)); // prettier-ignore
  });
  return { function: index, units: panels, unitCost: p.channels * width * 40, scratch: 9 * tap + TRANSFORM_BUFFER };
}

/** How a convolution is cut: tiles into blocks, filters into blocks of those that are kept at once; distances are in bytes. */
function planWinograd({ features }: EmitContext, p: WinogradProblem) {
  const { channels, filters } = p;
  const { rows: tileRows } = tileSize(features);
  const width = panelWidth(features, filters);
  const [tilesDown, tilesAcross] = [Math.ceil(p.outHeight / TILE), Math.ceil(p.outWidth / TILE)];
  const tiles = p.batch * tilesDown * tilesAcross;
  // Blocks of nearly equal size, in whole tiles of the matrix product.
  const together = Math.ceil(tiles / Math.ceil(tiles / BLOCK_TILES) / tileRows) * tileRows;
  const block = Math.min(filters, Math.max(width, Math.floor(FILTER_BLOCK / width) * width));
  const filterBlocks = Math.ceil(filters / block);
  const squares: Squares = { ...p, size: PATCH, tilesDown, tilesAcross };
  const inputStride = oddLines(together * channels * 4);
  const outputStride = oddLines(together * block * 4);
  const outputBuffer = squareArea(squares);
  const inputAt = outputBuffer + TILE * TILE * block * 4;
  return {
    ...p, tileRows, width, tiles, together, block, filterBlocks, squares, inputStride, outputStride,
    lastBlock: filters - (filterBlocks - 1) * block,
    /** Where in scratch memory a tile's outputs, the transformed patches and the products are. */
    outputBuffer, inputAt,
    productsAt: inputAt + products * inputStride,
  }; // prettier-ignore
}

type WinogradPlan = ReturnType<typeof planWinograd>;

/** A unit is a block of tiles. */
export function emitWinograd(
  context: EmitContext,
  kernel: ConvKernel,
  p: WinogradProblem,
  workspace: number,
): EmittedKernel {
  const plan = planWinograd(context, p);
  const { channels, filters, tiles, together, block, lastBlock, filterBlocks, inputAt, productsAt } = plan;
  const input = defineSquareInput(context, plan.squares, patchTransform, plan.inputStride);
  const ofBlock = (columns: number) => ({
    columns,
    multiply: defineProducts(context, plan, columns),
    output: defineOutput(context, kernel, plan, columns),
  });
  const full = ofBlock(block);
  const last = lastBlock === block ? full : ofBlock(lastBlock);
  const index = defineKernel(context.module, (f, unit, scratch) => {
    /** Runs `body` for each tile of the unit, with an address that moves by `step` bytes. */
    const eachTile = (offset: number, step: number, body: (tile: I32, address: I32) => void): void => {
      const tile = f.let(unit.times(together));
      const stop = f.let(tile.plus(together));
      f.assign(stop, stop.atMost(tiles));
      const address = f.let(scratch.plus(offset));
      f.upTo(stop, tile, 1, () => {
        body(tile, address);
        f.bump(address, step);
      });
    };
    eachTile(inputAt, channels * 4, (tile, to) => f.call(input, tile, to, scratch));
    const weights = f.let(workspace);
    const column = f.let(0);
    const through = ({ columns, multiply, output }: typeof full): void => {
      f.call(multiply, scratch.plus(inputAt), weights, scratch.plus(productsAt));
      eachTile(productsAt, columns * 4, (tile, from) => f.call(output, tile, from, column, scratch));
      f.bump(weights, columns * channels * 4).bump(column, columns);
    };
    if (filterBlocks > 1) f.repeat(filterBlocks - 1, () => through(full));
    through(last);
  });
  return {
    function: index,
    units: Math.ceil(tiles / together),
    unitCost: together * (50 * (channels + filters) + (products * channels * filters) / 8),
    scratch: productsAt + products * plan.outputStride,
  };
}

/** Defines (a, b, c): 36 products of [tile, channel] by packed [channel, filter]. */
function defineProducts(context: EmitContext, plan: WinogradPlan, columns: number): number {
  const { channels, filters, tileRows, width, together, inputStride, outputStride } = plan;
  const defineTile = (count: number): number => {
    const rows = Array.from({ length: tileRows }, (_, r) => r * channels * 4);
    const loops = [{ count: channels, aStep: 4, bStep: 4 * count }];
    const shape = { rows, vectors: count / 4 };
    return defineSums(context, shape, { pitch: columns * 4, resumes: false, loops: () => loops });
  };
  const rest = columns % width;
  const [full, last] = [width, rest].map((count) => (count > 0 && count <= columns ? defineTile(count) : 0));
  return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f, a, b, c) => {
    const panel = (count: number, tile: number): void => {
      f.repeat(together / tileRows, () => {
        f.call(tile, a, b, c, 0);
        f.bump(a, tileRows * channels * 4).bump(c, tileRows * columns * 4);
      });
      f.bump(a, -together * channels * 4).bump(b, channels * count * 4);
      f.bump(c, count * 4 - together * columns * 4);
    };
    f.repeat(products, () => {
      if (columns >= width) f.repeat(Math.floor(columns / width), () => panel(width, full));
      if (rest > 0) panel(rest, last);
      f.bump(a, inputStride).bump(b, weightStride(channels, filters) - columns * channels * 4);
      f.bump(c, outputStride - columns * 4);
    });
  });
}

/** Defines (tile, products, column, area): a tile's outputs of a block of filters. */
function defineOutput(context: EmitContext, kernel: ConvKernel, plan: WinogradPlan, columns: number): number {
  const { outHeight, outWidth, outputStride, outputBuffer, squares } = plan;
  const epilogue = defineRowEpilogue(context, kernel, columns);
  return context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f, tile, source, column, area) => {
    const buffer = f.let(area.plus(outputBuffer));
    emitTransform(
      f,
      context,
      tileTransform,
      columns / 4,
      { address: source, row: PATCH * outputStride, column: outputStride },
      { address: buffer, row: TILE * columns * 4, column: columns * 4 },
      area,
    );
    const place = emitTilePlace(f, squares, tile);
    const [x, y] = [f.let(place.x), f.let(place.y)];
    const row = f.let(place.image.times(outHeight).plus(y).times(outWidth).plus(x));
    // Tiles may cross the edges.
    const count = existing(f, outWidth, x);
    const down = existing(f, outHeight, y);
    f.countDown(down, () => {
      f.call(epilogue, buffer, row, column, count);
      f.bump(buffer, TILE * columns * 4).bump(row, outWidth);
    });
  });
}

/** How many of a tile's rows or columns exist when its first is number `first` of `total`. */
function existing(f: FunctionEmitter, total: number, first: I32): I32Local {
  const left = f.let(i32(total).minus(first));
  f.assign(left, left.atMost(TILE));
  return left;
}
