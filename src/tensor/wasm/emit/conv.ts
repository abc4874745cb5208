/**
 * Convolutions of NHWC tensors, without im2col: the rows of a tile are neighbouring output pixels, whose input elements lie at
 * constant distances, and the sum runs over kernel rows and over (kernel column, channel), which are contiguous.
 *
 * The input gradient is the same loop over the output gradient (spread by the strides, padded) with the kernel turned by 180
 * degrees and channels and filters swapped; the weight gradient sums over pixels instead.
 */
import type { NodeOf } from '../../graph.js';
import { emitWeightGradient } from './conv-weight.js';
import { emitConvScatter, scatterPays, scatterWeights, type ScatterWeights } from './conv-scatter.js';
import { emitDepthwise, emitDepthwiseWeightGradient, isDepthwise } from './depthwise.js';
import { eachUnit, type EmitContext, type EmittedKernel, emitOneAfterAnother } from './loop.js';
import { emitPaddedCopy, needsCopy, type PaddedImage, paddedInput, spreadGradient } from './padded-image.js';
import { emitPackPanel, type PackSource } from './pack.js';
import { emitWinograd, emitWinogradWeights, type WinogradProblem, winogradPays, winogradWorkspace } from './winograd.js'; // prettier-ignore
import { emitWinogradWeightGradient, winogradWeightPays } from './winograd-weight.js';
import { defineTile, evenTiles, panelWidth, type SumLoop, TILE_BUFFER } from './tile.js';
import { type Features, tileRows } from '../features.js';
import type { ConvKernel } from '../../compiler/kernel.js';

/** A forward-shaped problem: out[y, x, f] = sum over (r, s, c) of image[y * sy + r * dy, x * sx + s * dx, c] * weight. */
interface Problem {
  readonly image: PaddedImage;
  readonly batch: number;
  readonly outHeight: number;
  readonly outWidth: number;
  /** Where these outputs lie among all pixels of the result: every `step`th row and column from `start` on. */
  readonly place: {
    readonly height: number;
    readonly width: number;
    readonly start: readonly [number, number];
    readonly step: readonly [number, number];
  };
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly groups: number;
  /** Channels and filters of one group. */
  readonly channels: number;
  readonly filters: number;
  /** Where the weights of a group begin, and how to read them in the order (r, s, c). */
  readonly weights: { readonly base: (group: number) => number; readonly source: PackSource };
}

/** Packed weights of at most this many bytes share the first-level cache with the image rows that they meet. */
const SMALL_PANEL = 24 * 1024;

/** Bytes of the sums of a row of pixels, `width` filters each, in whole cache lines. */
const rowBufferBytes = (pixels: number, width: number): number => Math.ceil((pixels * width * 4) / 64) * 64;

/** Bytes that a convolution needs beside its result while it runs. */
export function convWorkspace(kernel: ConvKernel, features: Features): number {
  const { root } = kernel;
  if (root.op === 'conv_weight_parts' || isDepthwise(root)) return 0;
  const problems = problemsOf(root, 0, 0);
  if (winogradForm(problems, features) !== undefined)
    return winogradWorkspace(problems[0].channels, problems[0].filters);
  if (isScattered(root, problems, features)) return packedBytes(scatterWeights(root, 0), features);
  return problems.reduce((bytes, p) => bytes + packedBytes(p, features), 0);
}

/** Whether a convolution's weights are packed before it. */
export const packsWeights = ({ root }: ConvKernel): boolean => root.op !== 'conv_weight_parts' && !isDepthwise(root);

/** The stages of a convolution. */
export function emitConv(context: EmitContext, kernel: ConvKernel, workspace: number): EmittedKernel[] {
  const { root, operands } = kernel;
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

function problemsOf(root: NodeOf<'conv'> | NodeOf<'conv_input'>, left: number, right: number): Problem[] {
  if (root.op === 'conv') return [forward(root, left, right)];
  return phases(root, left, right) ?? [inputGradient(root, left, right)];
}

function isScattered(
  root: NodeOf<'conv'> | NodeOf<'conv_input'>,
  problems: readonly Problem[],
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
function winogradForm(problems: readonly Problem[], features: Features): WinogradProblem | undefined {
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

const everyPixel = ([, height, width]: readonly number[]): Problem['place'] => ({
  height,
  width,
  start: [0, 0],
  step: [1, 1],
});

function forward(root: NodeOf<'conv'>, x: number, w: number): Problem {
  const { strides, dilation, groups } = root.attrs;
  const [batch] = root.inputs[0].shape;
  const [kh, kw, groupChannels, filters] = root.inputs[1].shape;
  return {
    image: paddedInput(root, x),
    batch,
    outHeight: root.shape[1],
    outWidth: root.shape[2],
    place: everyPixel(root.shape),
    strides,
    dilation,
    kernel: [kh, kw],
    groups,
    channels: groupChannels,
    filters: filters / groups,
    weights: {
      base: (group) => w + (4 * group * filters) / groups,
      source: { sums: [{ count: kh * kw * groupChannels, stride: 4 * filters }], columnStride: 4 },
    },
  };
}

function inputGradient(root: NodeOf<'conv_input'>, g: number, w: number): Problem {
  const { dilation, groups } = root.attrs;
  const [batch, , , filters] = root.inputs[0].shape;
  const [kh, kw, groupChannels] = root.inputs[1].shape;
  const [, outHeight, outWidth] = root.shape;
  return {
    image: spreadGradient(root, g),
    batch,
    outHeight,
    outWidth,
    place: everyPixel(root.shape),
    strides: [1, 1],
    dilation,
    kernel: [kh, kw],
    groups,
    channels: filters / groups,
    filters: groupChannels,
    weights: {
      // The last kernel element first, walking backwards.
      base: (group) => w + 4 * ((kh * kw - 1) * groupChannels * filters + (group * filters) / groups),
      source: {
        sums: [
          { count: kh * kw, stride: -4 * groupChannels * filters },
          { count: filters / groups, stride: 4 },
        ],
        columnStride: 4 * filters,
      },
    },
  };
}

/**
 * The input gradient of a convolution with strides as one problem for each remainder of row and column by the strides: those of
 * its pixels meet the same part of the kernel, and no zeros between the gradient's pixels need be multiplied. Undefined where
 * there are no strides, or where pixels of a remainder meet no part of the kernel.
 */
function phases(root: NodeOf<'conv_input'>, g: number, w: number): Problem[] | undefined {
  const { strides, padding, dilation, groups } = root.attrs;
  const [batch, height, width, filters] = root.inputs[0].shape;
  const [kh, kw, groupChannels] = root.inputs[1].shape;
  if (strides.every((s) => s === 1) || dilation.some((d) => d !== 1)) return undefined;
  const taps = [kh, kw];
  const along = [0, 1].map((d) => {
    const [stride, low, size] = [strides[d], padding[d][0], root.shape[d + 1]];
    return Array.from({ length: stride }, (_, remainder) => {
      // The first pixel with (pixel + low) % stride = remainder, and the gradient's pixel that its first tap meets.
      const from = Math.ceil((low - remainder) / stride);
      const start = stride * from + remainder - low;
      const count = Math.max(0, Math.ceil((size - start) / stride));
      return {
        remainder,
        from,
        start,
        count,
        taps: Math.max(0, Math.ceil((taps[d] - remainder) / stride)),
      };
    }).filter(({ count }) => count > 0);
  });
  if (along.flat().some((phase) => phase.taps === 0)) return undefined;
  const tapBytes = 4 * groupChannels * filters;
  const problems = along[0].flatMap((y) =>
    along[1].map((x): Problem => {
      const last = [y, x].map((p, d) => p.remainder + strides[d] * (p.taps - 1));
      return {
        image: {
          base: g,
          height,
          width,
          channels: filters,
          spread: [1, 1],
          origin: [y.taps - 1 - y.from, x.taps - 1 - x.from],
          paddedHeight: y.count + y.taps - 1,
          paddedWidth: x.count + x.taps - 1,
        },
        batch,
        outHeight: y.count,
        outWidth: x.count,
        place: {
          height: root.shape[1],
          width: root.shape[2],
          start: [y.start, x.start],
          step: strides,
        },
        strides: [1, 1],
        dilation: [1, 1],
        kernel: [y.taps, x.taps],
        groups,
        channels: filters / groups,
        filters: groupChannels,
        weights: {
          base: (group) => w + (last[0] * kw + last[1]) * tapBytes + (4 * group * filters) / groups,
          source: {
            sums: [
              { count: y.taps, stride: -strides[0] * kw * tapBytes },
              { count: x.taps, stride: -strides[1] * tapBytes },
              { count: filters / groups, stride: 4 },
            ],
            columnStride: 4 * filters,
          },
        },
      };
    }),
  );
  const work = (p: Problem): number => p.outHeight * p.outWidth * p.kernel[0] * p.kernel[1];
  return problems.sort((a, b) => work(b) - work(a));
}

function emitWeightPack(context: EmitContext, p: ScatterWeights, workspace: number): EmittedKernel {
  const width = panelWidth(context.features, p.filters);
  const panels = Math.ceil(p.filters / width);
  const depth = p.kernel[0] * p.kernel[1] * p.channels;
  const panelBytes = depth * width * 4;
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const source = f.local('i32');
    const target = f.local('i32');
    const panel = f.local('i32');
    const group = f.local('i32');
    eachUnit(f, (unit) => {
      f.get(unit).i32(panels).op('i32.rem_u').set(panel).get(unit).i32(panels).op('i32.div_u').set(group);
      const groupStride = p.groups > 1 ? p.weights.base(1) - p.weights.base(0) : 0;
      f.i32(p.weights.base(0)).get(group).i32(groupStride).op('i32.mul', 'i32.add');
      f.get(panel)
        .i32(width * p.weights.source.columnStride)
        .op('i32.mul', 'i32.add')
        .set(source);
      f.get(unit).i32(panelBytes).op('i32.mul').i32(workspace).op('i32.add').set(target);
      const rest = p.filters % width;
      if (rest === 0) emitPackPanel(f, p.weights.source, source, target, width);
      else if (panels === 1) emitPackPanel(f, p.weights.source, source, target, rest);
      else {
        f.get(panel).i32(panels - 1).op('i32.lt_s').if(
          () => emitPackPanel(f, p.weights.source, source, target, width),
          () => emitPackPanel(f, p.weights.source, source, target, rest),
        ); // prettier-ignore
      }
    });
  });
  return { function: index, units: panels * p.groups, unitCost: depth * width, scratch: 0 };
}

/** The sum's loops over one output pixel's window; steps in bytes through the image and through a packed panel. */
function windowLoops(p: Problem, vectors: number): SumLoop[] {
  const { paddedWidth, channels } = p.image;
  const pixel = 4 * channels;
  const b = 16 * vectors;
  const [kh, kw] = p.kernel;
  const rows: SumLoop = { count: kh, aStep: p.dilation[0] * paddedWidth * pixel, bStep: kw * p.channels * b };
  // Columns and channels of a window row are contiguous, unless dilation or groups part them.
  if (p.groups === 1 && (p.dilation[1] === 1 || kw === 1))
    return [rows, { count: kw * p.channels, aStep: 4, bStep: b }];
  return [
    rows,
    { count: kw, aStep: p.dilation[1] * pixel, bStep: p.channels * b },
    { count: p.channels, aStep: 4, bStep: b },
  ];
}

function emitForward(context: EmitContext, kernel: ConvKernel, p: Problem, workspace: number): EmittedKernel {
  const width = panelWidth(context.features, p.filters);
  const panels = Math.ceil(p.filters / width);
  const depth = p.kernel[0] * p.kernel[1] * p.channels;
  const panelBytes = depth * width * 4;
  const { image } = p;
  const pixel = 4 * image.channels;
  const rowBytes = image.paddedWidth * pixel;
  const copies = needsCopy(image);
  const mostRows = Math.min(tileRows(context.features, width / 4), p.outWidth);
  // Small batches: cut images into bands of rows, so that there is work for every thread.
  const bands = Math.max(1, Math.min(p.outHeight, Math.ceil(8 / p.batch)));
  const bandRows = Math.ceil(p.outHeight / bands);
  const usedBands = Math.ceil(p.outHeight / bandRows);
  const bandInputRows = (bandRows - 1) * p.strides[0] + p.dilation[0] * (p.kernel[0] - 1) + 1;

  // A panel of weights that does not fit the first-level cache is used one kernel row at a time, for a whole row of pixels: the
  // sums wait in the tile buffer, in the same order.
  const parts = panelBytes > SMALL_PANEL && p.kernel[0] > 1 ? p.kernel[0] : 1;
  const tileBuffer = parts > 1 ? Math.max(TILE_BUFFER, rowBufferBytes(p.outWidth, width)) : TILE_BUFFER;

  const tiles = new Map<string, number>();
  const tile = (height: number, count: number, part: number): number => {
    const key = `${height}x${count}.${part}`;
    const known = tiles.get(key);
    if (known !== undefined) return known;
    const vectors = Math.ceil(count / 4);
    const rows = Array.from({ length: height }, (_, r) => r * p.strides[1] * pixel);
    const loops = windowLoops(p, vectors).slice(parts > 1 ? 1 : 0);
    const index = defineTile(context, kernel, { rows, vectors, loops, outputStep: p.place.step[1] }, count, {
      resumes: part > 0,
      continues: part < parts - 1,
    });
    tiles.set(key, index);
    return index;
  };
  const restColumns = p.filters - (panels - 1) * width;
  const heights = evenTiles(p.outWidth, mostRows);
  for (const count of new Set([panels > 1 ? width : restColumns, restColumns])) {
    for (const { height } of heights) for (let part = 0; part < parts; part++) tile(height, count, part);
  }

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [sample, firstRow, rowCount, source, left, row, right, y, count, pixels, weights, pixel0, buffer] =
      Array.from({ length: 13 }, () => f.local('i32'));
    eachUnit(f, (unit) => {
      f.get(unit).i32(usedBands).op('i32.div_u').set(sample);
      f.get(unit).i32(usedBands).op('i32.rem_u').i32(bandRows).op('i32.mul').set(firstRow);
      f.i32(bandRows).i32(p.outHeight).get(firstRow).op('i32.sub').i32(bandRows).i32(p.outHeight).get(firstRow);
      f.op('i32.sub', 'i32.lt_s', 'select').set(rowCount);
      if (copies) {
        const firstInput = f.local('i32');
        f.get(firstRow).i32(p.strides[0]).op('i32.mul').set(firstInput);
        f.get(2).i32(tileBuffer).op('i32.add').set(source);
        emitPaddedCopy(f, image, sample, firstInput, bandInputRows, source);
      } else {
        f.i32(image.base)
          .get(sample)
          .i32(image.height * rowBytes)
          .op('i32.mul', 'i32.add');
        f.get(firstRow)
          .i32(p.strides[0] * rowBytes)
          .op('i32.mul', 'i32.add')
          .set(source);
      }
      for (let group = 0; group < p.groups; group++) {
        const panelLoop = (panel: () => void, columns: number): void => {
          f.get(rowCount).set(y);
          f.get(source)
            .i32(group * p.channels * 4)
            .op('i32.add')
            .set(left);
          // Number, among all pixels of the result, of the first one of this band.
          const { place } = p;
          f.get(sample)
            .i32(place.height)
            .op('i32.mul')
            .get(firstRow)
            .i32(place.step[0])
            .op('i32.mul', 'i32.add')
            .i32(place.width)
            .op('i32.mul')
            .i32(place.start[0] * place.width + place.start[1])
            .op('i32.add')
            .set(row);
          f.loop(() => {
            for (let part = 0; part < parts; part++) {
              const vectors = Math.ceil(columns / 4);
              f.get(left)
                .i32(part * p.dilation[0] * rowBytes)
                .op('i32.add')
                .set(pixels);
              f.get(right)
                .i32(part * p.kernel[1] * p.channels * 16 * vectors)
                .op('i32.add')
                .set(weights);
              f.get(row).set(pixel0).get(2).set(buffer);
              for (const { height, count: tilesOfHeight } of heights) {
                f.countedLoop(tilesOfHeight, () => {
                  f.get(pixels).get(weights).get(pixel0);
                  panel();
                  f.get(buffer).call(tile(height, columns, part));
                  f.bump(pixels, height * p.strides[1] * pixel).bump(pixel0, height * p.place.step[1]);
                  if (parts > 1) f.bump(buffer, height * 16 * vectors);
                });
              }
            }
            f.bump(left, p.strides[0] * rowBytes).bump(row, p.place.step[0] * p.place.width);
            f.get(y).i32(1).op('i32.sub').tee(y).branchIf(0);
          });
        };
        f.i32(workspace + group * panels * panelBytes).set(right);
        if (panels > 1) {
          f.i32(0).set(count);
          f.loop(() => {
            panelLoop(
              () =>
                f
                  .get(count)
                  .i32(width)
                  .op('i32.mul')
                  .i32(group * p.filters)
                  .op('i32.add'),
              width,
            );
            f.bump(right, panelBytes);
            f.get(count)
              .i32(1)
              .op('i32.add')
              .tee(count)
              .i32(panels - 1)
              .op('i32.lt_s')
              .branchIf(0);
          });
        }
        panelLoop(() => f.i32(group * p.filters + (panels - 1) * width), restColumns);
      }
    });
  });
  return {
    function: index,
    units: p.batch * usedBands,
    unitCost: (2 * depth * p.filters * p.groups * bandRows * p.outWidth) / 16,
    scratch: tileBuffer + (copies ? bandInputRows * rowBytes : 0),
  };
}
