/**
 * Convolutions of NHWC tensors, without im2col: the rows of a tile are neighbouring output pixels, whose input elements lie at
 * constant distances, and the sum runs over kernel rows and over (kernel column, channel), which are contiguous. Weight gradients,
 * which sum over pixels instead, and the other algorithms for special cases are in their own files.
 */
import type { Node, NodeOf } from '../../graph.js';
import { type FunctionEmitter, i32, type I32, type I32Local } from '../assembler.js';
import { type Band, emitBand, evenBands, inputRows } from './bands.js';
import { emitWeightGradient } from './conv-weight.js';
import { type ConvProblem, problemsOf } from './conv-problem.js';
import { emitConvScatter, scatterPays, scatterWeights, type ScatterWeights } from './conv-scatter.js';
import { emitDepthwise, isDepthwise } from './depthwise.js';
import { emitDepthwiseWeightGradient } from './depthwise-weight.js';
import { defineKernel, type EmitContext, type EmittedKernel, emitOneAfterAnother, Memo } from './kernel.js';
import { emitImageRows, needsCopy, pixelBytes, rowBytes } from './padded-image.js';
import { emitPackPanel } from './pack.js';
import { emitWinograd, emitWinogradWeights, type WinogradProblem, winogradPays, winogradWorkspace } from './winograd.js'; // prettier-ignore
import { emitWinogradWeightGradient, winogradWeightPays } from './winograd-weight.js';
import { defineTile, evenTiles, panelWidth, panelWidths, type SumLoop, TILE_BUFFER } from './tile.js';
import { type Features, tileRows } from '../features.js';
import type { ConvKernel, ConvNode } from '../../compiler/kernel.js';

/** Packed weights of at most this many bytes share the first-level cache with the image rows that they meet. */
const SMALL_PANEL = 24 * 1024;

/** Bytes of the sums of a row of pixels, `width` filters each, in whole cache lines. */
const rowBufferBytes = (pixels: number, width: number): number => Math.ceil((pixels * width * 4) / 64) * 64;

function isConv(node: Node | undefined): node is ConvNode {
  return node?.op === 'conv' || node?.op === 'conv_input' || node?.op === 'conv_weight_parts';
}

/** Bytes that a convolution needs beside its result while it runs. */
export function convWorkspace(kernel: ConvKernel, features: Features): number {
  const { root } = kernel;
  if (!isConv(root) || root.op === 'conv_weight_parts' || isDepthwise(root)) return 0;
  const problems = problemsOf(root, 0, 0);
  if (winogradForm(problems, features) !== undefined)
    return winogradWorkspace(problems[0].channels, problems[0].filters);
  if (isScattered(root, problems, features)) return packedBytes(scatterWeights(root, 0), features);
  return problems.reduce((bytes, p) => bytes + packedBytes(p, features), 0);
}

/** Whether a convolution's weights are packed before it. */
export const packsWeights = ({ root }: ConvKernel): boolean =>
  isConv(root) && root.op !== 'conv_weight_parts' && !isDepthwise(root);

/** The stages of a convolution. */
export function emitConv(context: EmitContext, kernel: ConvKernel, workspace: number): EmittedKernel[] {
  const { root, operands } = kernel;
  if (!isConv(root)) throw new Error('internal: not a convolution');
  const [left, right] = operands.map((o) => context.address(o.buffer));
  if (root.op === 'conv_weight_parts') {
    const emit = isDepthwise(root)
      ? emitDepthwiseWeightGradient
      : winogradWeightPays(root, context.features)
        ? emitWinogradWeightGradient
        : emitWeightGradient;
    return [emit(context, root, left, right, context.address(kernel.outputs[0]))];
  }
  if (isDepthwise(root)) return [emitDepthwise(context, kernel, root, left, right)];
  const problems = problemsOf(root, left, right);
  const winograd = winogradForm(problems, context.features);
  if (winograd !== undefined)
    return [emitWinogradWeights(context, winograd, workspace), emitWinograd(context, kernel, winograd, workspace)];
  if (isScattered(root, problems, context.features))
    return [
      emitWeightPack(context, scatterWeights(root, right), workspace),
      emitConvScatter(context, kernel, root, left, workspace),
    ];
  let packed = workspace;
  const stages = problems.map((p) => {
    const at = packed;
    packed += packedBytes(p, context.features);
    return [emitWeightPack(context, p, at), emitForward(context, kernel, p, at)];
  });
  return [0, 1].map((i) => emitOneAfterAnother(context, stages.map((stage) => stage[i]))); // prettier-ignore
}

function isScattered(
  root: NodeOf<'conv'> | NodeOf<'conv_input'>,
  problems: readonly ConvProblem[],
  features: Features,
): root is NodeOf<'conv_input'> {
  if (root.op === 'conv') return false;
  const steps = problems.reduce((sum, p) => sum + p.outHeight * p.outWidth * p.kernel[0] * p.kernel[1], 0);
  return scatterPays(root, features, steps);
}

/** Bytes of a problem's packed weights. */
function packedBytes(p: ScatterWeights, features: Features): number {
  const width = panelWidth(features, p.filters);
  return p.groups * Math.ceil(p.filters / width) * width * p.kernel[0] * p.kernel[1] * p.channels * 4;
}

/** The problem for Winograd's algorithm, where that can solve it and pays. */
function winogradForm(problems: readonly ConvProblem[], features: Features): WinogradProblem | undefined {
  const [p] = problems;
  const { image, weights } = p;
  const ones = [...p.strides, ...p.dilation, ...image.spread, p.groups];
  if (problems.length > 1 || p.kernel.some((size) => size !== 3) || ones.some((n) => n !== 1)) return undefined;
  if (!winogradPays(features, p)) return undefined;
  return {
    ...p,
    ...image,
    padding: image.origin,
    weights: { base: weights.base(0), source: weights.source },
  };
}

function emitWeightPack(context: EmitContext, p: ScatterWeights, workspace: number): EmittedKernel {
  const { base, source } = p.weights;
  const width = panelWidth(context.features, p.filters);
  const panels = Math.ceil(p.filters / width);
  const depth = p.kernel[0] * p.kernel[1] * p.channels;
  const groupStride = p.groups > 1 ? base(1) - base(0) : 0;
  const index = defineKernel(context.module, (f, unit) => {
    const panel = f.let(unit.modulo(panels));
    const group = f.let(unit.over(panels));
    const from = f.let(
      i32(base(0))
        .plus(group.times(groupStride))
        .plus(panel.times(width * source.columnStride)),
    );
    const to = f.let(unit.times(depth * width * 4).plus(workspace));
    const pack = (columns: number): void => emitPackPanel(f, source, from, to, columns);
    const rest = p.filters % width;
    if (rest === 0) pack(width);
    else if (panels === 1) pack(rest);
    else f.when(panel.isLess(panels - 1), () => pack(width), () => pack(rest)); // prettier-ignore
  });
  return { function: index, units: panels * p.groups, unitCost: depth * width, scratch: 0 };
}

/** The sum's loops over one output pixel's window; steps in bytes through the image and through a packed panel. */
function windowLoops(p: ConvProblem, vectors: number): SumLoop[] {
  const pixel = pixelBytes(p.image);
  const b = 16 * vectors;
  const [kh, kw] = p.kernel;
  const rows: SumLoop = { count: kh, aStep: p.dilation[0] * rowBytes(p.image), bStep: kw * p.channels * b };
  // Columns and channels of a window row are contiguous, unless dilation or groups part them.
  if (p.groups === 1 && (p.dilation[1] === 1 || kw === 1))
    return [rows, { count: kw * p.channels, aStep: 4, bStep: b }];
  return [
    rows,
    { count: kw, aStep: p.dilation[1] * pixel, bStep: p.channels * b },
    { count: p.channels, aStep: 4, bStep: b },
  ];
}

function emitForward(context: EmitContext, kernel: ConvKernel, p: ConvProblem, workspace: number): EmittedKernel {
  const width = panelWidth(context.features, p.filters);
  const depth = p.kernel[0] * p.kernel[1] * p.channels;
  const panelBytes = depth * width * 4;
  // A panel of weights that does not fit the first-level cache is used one kernel row at a time, for a whole row of pixels: the
  // sums wait in the tile buffer, in the same order.
  const parts = panelBytes > SMALL_PANEL && p.kernel[0] > 1 ? p.kernel[0] : 1;
  const tileBuffer = parts > 1 ? Math.max(TILE_BUFFER, rowBufferBytes(p.outWidth, width)) : TILE_BUFFER;
  const heights = evenTiles(p.outWidth, Math.min(tileRows(context.features, width / 4), p.outWidth));
  const tiles = new Memo<string>();
  /** (a, b, row, column, buffer): a part of the sum of `height` neighbouring pixels and `columns` filters. */
  const tile = (height: number, columns: number, part: number): number =>
    tiles.get(`${height}x${columns}.${part}`, () => {
      const vectors = Math.ceil(columns / 4);
      return defineTile(context, kernel, {
        rows: Array.from({ length: height }, (_, r) => r * p.strides[1] * pixelBytes(p.image)),
        vectors,
        columns,
        loops: windowLoops(p, vectors).slice(parts > 1 ? 1 : 0),
        outputStep: p.place.step[1],
        resumes: part > 0,
        continues: part < parts - 1,
      });
    });
  for (const columns of new Set(panelWidths(p.filters, width)))
    for (const { height } of heights) for (let part = 0; part < parts; part++) tile(height, columns, part);

  const bands = evenBands(p.batch, p.outHeight);
  const bandInput = inputRows(bands.rows, p.strides[0], p.dilation[0], p.kernel[0]);
  const copies = needsCopy(p.image);
  const index = defineKernel(context.module, (f, unit, scratch) => {
    const band = emitBand(f, unit, bands);
    const first = f.let(band.first.times(p.strides[0]));
    const buffer = scratch.plus(tileBuffer);
    const source = emitImageRows(f, p.image, copies, { sample: band.sample, first, count: bandInput, buffer });
    const rows = new BandRows(f, p, { heights, parts, tile }, band, scratch);
    for (let group = 0; group < p.groups; group++) {
      const left = source.plus(group * p.channels * 4);
      const first = workspace + group * Math.ceil(p.filters / width) * panelBytes;
      emitPanels(f, { first, bytes: panelBytes, group, width, filters: p.filters }, (panel, column, columns) =>
        rows.emit(left, panel, column, columns),
      );
    }
  });
  return {
    function: index,
    units: p.batch * bands.count,
    unitCost: (2 * depth * p.filters * p.groups * bands.rows * p.outWidth) / 16,
    scratch: tileBuffer + (copies ? bandInput * rowBytes(p.image) : 0),
  };
}

/** Runs `body` for each panel of a group's weights, with its address and its first filter: a loop over full ones, then the last. */
function emitPanels(
  f: FunctionEmitter,
  {
    first,
    bytes,
    group,
    width,
    filters,
  }: { first: number; bytes: number; group: number; width: number; filters: number },
  body: (panel: I32Local, column: I32, columns: number) => void,
): void {
  const last = Math.ceil(filters / width) - 1;
  const panel = f.let(first);
  if (last > 0) {
    const number = f.let(0);
    f.upTo(last, number, 1, () => {
      body(panel, number.times(width).plus(group * filters), width);
      f.bump(panel, bytes);
    });
  }
  body(panel, i32(group * filters + last * width), filters - last * width);
}

/** The rows of pixels of a band. */
class BandRows {
  constructor(
    private readonly f: FunctionEmitter,
    private readonly p: ConvProblem,
    private readonly tiling: {
      readonly heights: ReturnType<typeof evenTiles>;
      /** Kernel rows that are summed one after the other, or 1. */
      readonly parts: number;
      readonly tile: (height: number, columns: number, part: number) => number;
    },
    private readonly band: Band,
    private readonly scratch: I32,
  ) {}

  /** Computes `columns` filters from `column` on, whose weights are at `panel`, of the image rows at `source`. */
  emit(source: I32, panel: I32, column: I32, columns: number): void {
    const { f, p, band } = this;
    const { place } = p;
    const rows = f.let(band.rows);
    const left = f.let(source);
    // Number, among all pixels of the result, of the first one of this band.
    const pixel = f.let(
      band.sample
        .times(place.height)
        .plus(band.first.times(place.step[0]))
        .times(place.width)
        .plus(place.start[0] * place.width + place.start[1]),
    );
    f.countDown(rows, () => {
      for (let part = 0; part < this.tiling.parts; part++) this.row(part, left, panel, pixel, column, columns);
      f.bump(left, p.strides[0] * rowBytes(p.image)).bump(pixel, place.step[0] * place.width);
    });
  }

  private row(part: number, source: I32, panel: I32, firstPixel: I32, column: I32, columns: number): void {
    const { f, p } = this;
    const { heights, parts, tile } = this.tiling;
    const vectors = Math.ceil(columns / 4);
    const pixels = f.let(source.plus(part * p.dilation[0] * rowBytes(p.image)));
    const weights = f.let(panel.plus(part * p.kernel[1] * p.channels * 16 * vectors));
    const pixel = f.let(firstPixel);
    const buffer = f.let(this.scratch);
    for (const { height, count } of heights) {
      f.repeat(count, () => {
        f.call(tile(height, columns, part), pixels, weights, pixel, column, buffer);
        f.bump(pixels, height * p.strides[1] * pixelBytes(p.image)).bump(pixel, height * p.place.step[1]);
        if (parts > 1) f.bump(buffer, height * 16 * vectors);
      });
    }
  }
}
