/**
 * Input gradients of convolutions with few channels. Such a result fills few vectors of a tile, and much of its window lies on
 * the border's zeros. Here a tile's columns are (kernel column, channel): each pixel of a row of the output gradient meets a
 * whole kernel row, summed over the kernel rows and filters that reach the result's row. What pixels of the gradient give to the
 * same pixel of the result is added up afterwards, from the first-level cache.
 */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter, I32, I32Local } from '../assembler.js';
import { emitBand, evenBands } from './bands.js';
import { defineTileEpilogue } from './epilogue.js';
import { defineKernel, type EmitContext, type EmittedKernel, Memo } from './kernel.js';
import { emitStore } from './lanes.js';
import type { PackSource } from './pack.js';
import { emitZeroFillAt } from './padded-image.js';
import { defineSums, evenTiles, panelWidth, panelWidths, type SumLoop, TILE_BUFFER } from './tile.js';
import { type Features, tileSize } from '../features.js';
import { type ConvKernel, isPlain } from '../../compiler/kernel.js';

/** What is packed: the kernel's elements as the rows (kernel row, filter) and columns (kernel column, channel) of a matrix. */
export interface ScatterWeights {
  readonly kernel: readonly [number, number];
  readonly groups: number;
  readonly channels: number;
  readonly filters: number;
  readonly weights: { readonly base: (group: number) => number; readonly source: PackSource };
}

export function scatterWeights(root: NodeOf<'conv_input'>, w: number): ScatterWeights {
  const [kh, kw, channels, filters] = root.inputs[1].shape;
  return {
    kernel: [kh, 1],
    groups: 1,
    channels: filters,
    filters: kw * channels,
    weights: {
      base: () => w,
      source: {
        sums: [
          { count: kh, stride: 4 * kw * channels * filters },
          { count: filters, stride: 4 },
        ],
        columnStride: 4 * filters,
      },
    },
  };
}

/** Cycles of one step of a sum over a tile of `rows` x `vectors`: two multiply-adds or two loads a cycle. */
function tileCycles(features: Features, rows: number, vectors: number): number {
  const wide = features.wide ? Math.ceil(vectors / 2) : vectors;
  return Math.max(rows * wide, rows + wide) / 2;
}

/** Cycles of a step of a sum over `rows` rows and `columns` columns, in tiles. */
function stepCycles(features: Features, rows: number, columns: number): number {
  const { rows: high, vectors } = tileSize(features);
  const width = Math.ceil(columns / 4);
  const across = tileCycles(features, high, vectors) * Math.floor(width / vectors);
  const rest = width % vectors === 0 ? 0 : tileCycles(features, high, width % vectors);
  return (rows / high) * (across + rest);
}

/** Whether this is faster than the sum over windows, whose steps (window elements times pixels) of an image are given. */
export function scatterPays(root: NodeOf<'conv_input'>, machine: Features, windowSteps: number): boolean {
  // By the CPU, whatever V8 makes of it: the two round differently.
  const features = { ...machine, wide: machine.avx2 };
  const { strides, dilation, groups } = root.attrs;
  if (groups !== 1 || dilation.some((d) => d !== 1)) return false;
  const [, gradientHeight, gradientWidth, filters] = root.inputs[0].shape;
  const [kh, kw] = root.inputs[1].shape;
  const [, height, width, channels] = root.shape;
  // What is added up for a pixel is unrolled over both.
  if (channels > 32 || kw > 16) return false;
  const windows = stepCycles(features, windowSteps, channels) * filters;
  const sums = stepCycles(features, gradientHeight * gradientWidth * kh, kw * channels) * filters;
  const vectors = Math.ceil(channels / 4);
  const gather = height * width * vectors * (kw / strides[1] + 4) + (height * gradientWidth * kw * channels) / 4;
  return sums + gather < 0.9 * windows;
}

/** The sizes of a problem; distances are in bytes. */
function planScatter({ features }: EmitContext, root: NodeOf<'conv_input'>) {
  const { strides, padding } = root.attrs;
  const [batch, gradientHeight, gradientWidth, filters] = root.inputs[0].shape;
  const [kh, kw] = root.inputs[1].shape;
  const [, height, width, channels] = root.shape;
  const [strideY, strideX] = strides;
  const [low, left] = [padding[0][0], padding[1][0]];
  const columns = kw * channels;
  const panel = panelWidth(features, columns);
  // What the gradient's pixels give, one after another, between pixels of zeros that stand for those beyond the borders.
  const pitch = 16 * Math.ceil(columns / 4) + 16;
  const before = Math.max(0, Math.ceil((kw - 1 - left) / strideX));
  const after = Math.max(0, Math.floor((width - 1 + left) / strideX) - (gradientWidth - 1));
  return {
    batch, gradientHeight, gradientWidth, filters, kh, kw, height, width, channels, strideY, strideX, low, left, columns,
    pitch, before, after,
    panels: panelWidths(columns, panel).map((width, i) => ({ first: i * panel, vectors: Math.ceil(width / 4) })),
    panelBytes: kh * filters * panel * 4,
    pixel: 4 * filters,
    rowBytes: gradientWidth * 4 * filters,
    rowStart: TILE_BUFFER + before * pitch,
    heights: evenTiles(gradientWidth, Math.min(tileSize(features).rows, gradientWidth)),
  }; // prettier-ignore
}

type ScatterPlan = ReturnType<typeof planScatter>;

export function emitConvScatter(
  context: EmitContext,
  kernel: ConvKernel,
  root: NodeOf<'conv_input'>,
  gradient: number,
  workspace: number,
): EmittedKernel {
  const plan = planScatter(context, root);
  const { batch, height, width, kh, columns, filters, gradientHeight, gradientWidth, pitch, rowStart, before, after } =
    plan;
  const tile = defineRowTiles(context, plan);
  const store = pixelStore(context, kernel, plan.channels);
  const bands = evenBands(batch, height);
  const index = defineKernel(context.module, (f, unit, scratch) => {
    const zeros = (from: number, bytes: number): void => emitZeroFillAt(f, scratch, from, bytes);
    zeros(TILE_BUFFER, before * pitch);
    zeros(rowStart + gradientWidth * pitch, after * pitch);
    const band = emitBand(f, unit, bands);
    const y = f.let(band.first);
    const row = f.let(band.sample.times(height).plus(y).times(width));
    f.countDown(band.rows, () => {
      const reached = emitKernelRows(f, plan, y);
      const sums = (): void => {
        const gradientRow = reached.t.minus(reached.first).over(plan.strideY);
        const from = f.let(band.sample.times(gradientHeight).plus(gradientRow).times(plan.rowBytes).plus(gradient));
        emitRowSums(f, plan, tile, { from, weights: workspace, first: reached.first, rows: reached.rows, scratch });
      };
      f.when(reached.rows, sums, () => zeros(rowStart, gradientWidth * pitch));
      for (let x = 0; x < Math.min(plan.strideX, width); x++) emitGather(f, plan, store, { x, row, scratch });
      f.bump(row, width).bump(y, 1);
    });
  });
  return {
    function: index,
    units: batch * bands.count,
    unitCost: (2 * kh * columns * filters * gradientHeight * gradientWidth) / bands.count / 16,
    // The last pixel's vectors may reach beyond it.
    scratch: rowStart + (gradientWidth + after) * pitch + 64,
  };
}

/** (gradient, weights, sums, kernel rows): what `rows` neighbouring pixels of the gradient give, by height and vectors. */
function defineRowTiles(context: EmitContext, plan: ScatterPlan): (rows: number, vectors: number) => number {
  const { rowBytes, filters, strideY, pixel, pitch } = plan;
  const tiles = new Memo<string>();
  const tile = (height: number, vectors: number): number =>
    tiles.get(`${height}x${vectors}`, () => {
      const rows = Array.from({ length: height }, (_, r) => r * pixel);
      const loops = (kernelRows: I32Local): SumLoop[] => [
        { count: kernelRows, aStep: -rowBytes, bStep: strideY * filters * 16 * vectors },
        { count: filters, aStep: 4, bStep: 16 * vectors },
      ];
      return defineSums(context, { rows, vectors }, { pitch, resumes: false, loops });
    });
  for (const { vectors } of plan.panels) for (const { height } of plan.heights) tile(height, vectors);
  return tile;
}

/**
 * The kernel rows that meet the gradient in row y of the result: `rows` of them, every strideY-th from `first` on. Row t = y + low of
 * the padded result meets kernel row r at gradient row (t - r) / strideY.
 */
function emitKernelRows(f: FunctionEmitter, { low, strideY, gradientHeight, kh }: ScatterPlan, y: I32) {
  const t = f.let(y.plus(low));
  const [first, other, rows] = f.i32Locals(3);
  f.assign(first, t.modulo(strideY)).assign(other, t.minus(strideY * (gradientHeight - 1)));
  f.assign(first, first.atLeast(other));
  f.assign(other, kh - 1);
  f.assign(rows, t.atMost(other).minus(first));
  f.when(
    rows.isLess(0),
    () => f.assign(rows, 0),
    () => f.assign(rows, rows.over(strideY).plus(1)),
  );
  return { t, first, rows };
}

/** Computes what a row of the gradient's pixels gives. */
function emitRowSums(
  f: FunctionEmitter,
  { filters, rowStart, heights, panels, panelBytes, pixel, pitch }: ScatterPlan,
  tile: (rows: number, vectors: number) => number,
  at: { from: I32; weights: number; first: I32; rows: I32; scratch: I32 },
): void {
  const [a, b, sums] = f.i32Locals(3);
  panels.forEach(({ first, vectors }, i) => {
    f.assign(b, at.first.times(filters * 16 * vectors).plus(at.weights + i * panelBytes));
    f.assign(a, at.from);
    f.assign(sums, at.scratch.plus(rowStart + 4 * first));
    for (const { height, count } of heights)
      f.repeat(count, () => {
        f.call(tile(height, vectors), a, b, sums, at.rows);
        f.bump(a, height * pixel).bump(sums, height * pitch);
      });
  });
}

/** Where a result goes: to its place, or through the start of scratch memory to the epilogue. */
type PixelStore = { readonly output: number } | { readonly epilogue: number };

function pixelStore(context: EmitContext, kernel: ConvKernel, channels: number): PixelStore {
  if (isPlain(kernel)) return { output: context.address(kernel.outputs[0]) };
  const vectors = Math.ceil(channels / 4);
  return { epilogue: defineTileEpilogue(context, kernel, { rows: 1, vectors, columns: channels }) };
}

/** Adds up what the gradient's pixels give for the pixels x, x + strideX, ... of a row of the result, whose first has number `row`. */
function emitGather(
  f: FunctionEmitter,
  { width, strideX, kw, left, channels, rowStart, pitch }: ScatterPlan,
  store: PixelStore,
  { x, row, scratch }: { x: number; row: I32; scratch: I32 },
): void {
  const taps = Array.from({ length: kw }, (_, s) => s).filter((s) => (x + left - s) % strideX === 0);
  const from = f.let(scratch);
  const pixel = f.let(row.plus(x));
  const target = f.let('output' in store ? pixel.times(4 * channels).plus(store.output) : scratch);
  const sum = f.local('v128');
  f.repeat(Math.ceil((width - x) / strideX), () => {
    for (let v = 0; v < Math.ceil(channels / 4); v++) {
      if (taps.length === 0) f.splat(0);
      taps.forEach((s, i) => {
        f.load('v128.load', from, rowStart + ((x + left - s) / strideX) * pitch + 4 * s * channels + 16 * v);
        if (i > 0) f.op('f32x4.add');
      });
      f.set(sum);
      const lanes = 'output' in store ? Math.min(4, channels - 4 * v) : 4;
      emitStore(f, 'f32', target, sum, { lanes, offset: 16 * v });
    }
    if ('output' in store) f.bump(target, 4 * channels * strideX);
    else f.call(store.epilogue, scratch, pixel, 0);
    f.bump(pixel, strideX).bump(from, pitch);
  });
}
