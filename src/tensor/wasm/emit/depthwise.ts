/**
 * Depthwise convolutions, in which every channel has its own filter: neighbouring channels side by side in vectors, neighbouring
 * output pixels in registers, so that an element of the input and one of the filter are loaded once for several products.
 */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter, I32, Vector } from '../assembler.js';
import { bandsOf, emitBand, inputRows } from './bands.js';
import { defineTileEpilogue } from './epilogue.js';
import { defineKernel, type EmitContext, type EmittedKernel } from './kernel.js';
import { emitStore } from './lanes.js';
import { emitImageRows, needsCopy, type PaddedImage, paddedInput, pixelBytes, rowBytes, spreadGradient } from './padded-image.js'; // prettier-ignore
import { eachSum, emitMultiplyAdd, evenTiles, TILE_BUFFER } from './tile.js';
import type { Features } from '../features.js';
import { type ConvKernel, isPlain } from '../../compiler/kernel.js';

/** Output pixels whose sums are in registers together with a row of the filter. */
export const PIXELS = 4;
/** Widest filter whose rows stay in registers; wider rows are loaded for each product. */
export const FILTER_COLUMNS = 7;
/** Bytes of the input rows that a band of output rows is made of: they stay in the second-level cache. */
const BAND_BYTES = 96 * 1024;
/** The fewest rows of a band, unless the image has fewer. */
const BAND_ROWS = 4;

/** Whether each channel (at least a vector of them) has exactly one filter, which no other kernel is made for. */
export function isDepthwise(root: NodeOf<'conv'> | NodeOf<'conv_input'> | NodeOf<'conv_weight_parts'>): boolean {
  const [groupChannels, filters] = (root.op === 'conv_weight_parts' ? root.shape : root.inputs[1].shape).slice(-2);
  return groupChannels === 1 && filters === root.attrs.groups && filters >= 4;
}

/** Channels cut into groups of vectors that are computed side by side (V8 pairs neighbouring ones where it can) and a rest. */
export function channelGroups({ wide }: Features, channels: number): { vectors: number; full: number; rest: number } {
  const vectors = wide && channels > 4 ? 2 : 1;
  const full = Math.floor(channels / (4 * vectors));
  return { vectors, full, rest: channels - full * 4 * vectors };
}

/** Rows of a result whose input rows stay in the second-level cache. */
export function cachedRows(image: PaddedImage, stride: number, dilation: number, kernel: number): number {
  const fitting = Math.floor((BAND_BYTES / rowBytes(image) - dilation * (kernel - 1)) / stride);
  return Math.max(fitting, BAND_ROWS);
}

/** The products of output pixels and filter columns that each column of the input takes part in. */
export function productsByColumn(
  pixels: number,
  columns: number,
  columnOf: (pixel: number, column: number) => number,
): (readonly [column: number, products: readonly { readonly pixel: number; readonly column: number }[]])[] {
  const uses = new Map<number, { pixel: number; column: number }[]>();
  for (let pixel = 0; pixel < pixels; pixel++)
    for (let column = 0; column < columns; column++) {
      const x = columnOf(pixel, column);
      uses.set(x, [...(uses.get(x) ?? []), { pixel, column }]);
    }
  return [...uses].sort(([a], [b]) => a - b);
}

/** out[y, x, c] = sum over (r, s) of image[y * sy + r * dy, x * sx + s * dx, c] * weight(r, s)[c]. */
interface DepthwiseProblem {
  readonly image: PaddedImage;
  readonly batch: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly kernel: readonly [number, number];
  /** Address of the first filter element, and the bytes from a row or column of the filter to the next. */
  readonly weights: { readonly base: number; readonly row: number; readonly column: number };
}

/** The convolution or, with the filter turned by 180 degrees over the spread gradient, its input gradient. */
export function emitDepthwise(
  context: EmitContext,
  kernel: ConvKernel,
  root: NodeOf<'conv'> | NodeOf<'conv_input'>,
  source: number,
  weights: number,
): EmittedKernel {
  const { strides, dilation } = root.attrs;
  const [batch, , , channels] = root.inputs[0].shape;
  const [kh, kw] = root.inputs[1].shape;
  const [, outHeight, outWidth] = root.shape;
  const size = { batch, outHeight, outWidth, dilation, kernel: [kh, kw] } as const;
  const column = 4 * channels;
  const problem: DepthwiseProblem =
    root.op === 'conv'
      ? {
          ...size,
          image: paddedInput(root, source),
          strides,
          weights: { base: weights, row: kw * column, column },
        }
      : {
          ...size,
          image: spreadGradient(root, source),
          strides: [1, 1],
          weights: { base: weights + (kh * kw - 1) * column, row: -kw * column, column: -column },
        };
  return emitForward(context, kernel, problem);
}

function emitForward(context: EmitContext, kernel: ConvKernel, p: DepthwiseProblem): EmittedKernel {
  const { image, outHeight, outWidth } = p;
  const cached = cachedRows(image, p.strides[0], p.dilation[0], p.kernel[0]);
  const bands = bandsOf(outHeight, Math.max(1, Math.min(outHeight, cached, Math.ceil((outHeight * p.batch) / 8))));
  const bandInput = inputRows(bands.rows, p.strides[0], p.dilation[0], p.kernel[0]);
  const copies = needsCopy(image);
  const tiles = evenTiles(outWidth, PIXELS).map(({ height: pixels, count }) => ({
    pixels,
    count,
    tile: defineTile(context, kernel, p, pixels),
  }));
  const index = defineKernel(context.module, (f, unit, scratch) => {
    const { sample, first, rows } = emitBand(f, unit, bands);
    const firstInput = f.let(first.times(p.strides[0]));
    const buffer = scratch.plus(TILE_BUFFER);
    const source = emitImageRows(f, image, copies, { sample, first: firstInput, count: bandInput, buffer });
    const pixel = f.let(sample.times(outHeight).plus(first).times(outWidth));
    const left = f.local('i32');
    f.countDown(rows, () => {
      f.assign(left, source);
      for (const { pixels, count, tile } of tiles) {
        f.repeat(count, () => {
          f.call(tile, left, pixel, scratch);
          f.bump(left, pixels * p.strides[1] * pixelBytes(image)).bump(pixel, pixels);
        });
      }
      f.bump(source, p.strides[0] * rowBytes(image));
    });
  });
  return {
    function: index,
    units: p.batch * bands.count,
    unitCost: (bands.rows * outWidth * image.channels * (p.kernel[0] * p.kernel[1] + 4)) / 4,
    scratch: TILE_BUFFER + (copies ? bandInput * rowBytes(image) : 0),
  };
}

/** Defines (image, pixel, buffer): neighbouring output pixels from number `pixel` on, all channels. */
function defineTile(context: EmitContext, kernel: ConvKernel, p: DepthwiseProblem, pixels: number): number {
  const { channels } = p.image;
  const { vectors, full, rest } = channelGroups(context.features, channels);
  const epilogueOf = (columns: number): number | undefined => {
    if (columns === 0 || isPlain(kernel)) return undefined;
    return defineTileEpilogue(context, kernel, { rows: pixels, vectors: Math.ceil(columns / 4), columns });
  };
  const epilogues = [epilogueOf(full > 0 ? 4 * vectors : 0), epilogueOf(rest)];
  return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f, source, pixel, buffer) => {
    const [weights, column, target] = f.i32Locals(3);
    const group = (columns: number, epilogue: number | undefined): void => {
      const count = Math.ceil(columns / 4);
      const sums = emitWindowSums(f, context, p, { pixels, vectors: count, source, weights });
      if (epilogue === undefined) {
        f.assign(target, pixel.times(channels).plus(column).times(4).plus(context.address(kernel.outputs[0])));
        eachSum(sums, (sum, t, v) => {
          const offset = t * 4 * channels + 16 * v;
          emitStore(f, 'f32', target, sum, { lanes: Math.min(4, columns - 4 * v), offset });
        });
      } else {
        eachSum(sums, (sum, t, v) => f.store('v128.store', buffer, sum, t * 16 * count + 16 * v));
        f.call(epilogue, buffer, pixel, column);
      }
      f.bump(source, 16 * count)
        .bump(weights, 16 * count)
        .bump(column, 4 * count);
    };
    f.assign(weights, p.weights.base);
    if (full > 0) f.repeat(full, () => group(4 * vectors, epilogues[0]));
    if (rest > 0) group(rest, epilogues[1]);
  });
}

/** The sums of neighbouring pixels and vectors of channels, by pixel and vector, in fresh registers. */
function emitWindowSums(
  f: FunctionEmitter,
  { features }: EmitContext,
  p: DepthwiseProblem,
  at: { pixels: number; vectors: number; source: I32; weights: I32 },
): Vector[][] {
  const { pixels, vectors } = at;
  const [kh, kw] = p.kernel;
  const isKept = kw <= FILTER_COLUMNS;
  const sums = Array.from({ length: pixels }, () => f.vectors(vectors));
  const filter = Array.from({ length: isKept ? kw : 1 }, () => f.vectors(vectors));
  const element = f.vectors(vectors);
  const address = f.local('i32');
  const loadWeights = (r: number, s: number): void => {
    // Offsets in an instruction are never negative.
    f.assign(address, at.weights.plus(r * p.weights.row + s * p.weights.column));
    filter[isKept ? s : 0].forEach((weight, v) => f.load('v128.load', address, 16 * v).set(weight));
  };
  // Each element of the image once, for all products that it takes part in.
  const uses = productsByColumn(pixels, kw, (t, s) => t * p.strides[1] + s * p.dilation[1]);
  eachSum(sums, (sum) => f.splat(0).set(sum));
  for (let r = 0; r < kh; r++) {
    if (isKept) for (let s = 0; s < kw; s++) loadWeights(r, s);
    for (const [x, products] of uses) {
      const offset = r * p.dilation[0] * rowBytes(p.image) + x * pixelBytes(p.image);
      element.forEach((vector, v) => f.load('v128.load', at.source, offset + 16 * v).set(vector));
      for (const { pixel, column } of products) {
        if (!isKept) loadWeights(r, column);
        const weights = filter[isKept ? column : 0];
        sums[pixel].forEach((sum, v) => emitMultiplyAdd(f, features, element[v], weights[v], sum).set(sum));
      }
    }
  }
  return sums;
}
