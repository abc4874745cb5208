/**
 * Convolutions of NHWC tensors, without im2col: the rows of a tile are neighbouring output pixels, whose input elements lie at
 * constant distances, and the sum runs over kernel rows and over (kernel column, channel), which are contiguous.
 *
 * The input gradient is the same loop over the output gradient (spread by the strides, padded) with the kernel turned by 180
 * degrees and channels and filters swapped; the weight gradient sums over pixels instead.
 */
import type { Node, NodeOf } from '../graph.js';
import type { FunctionEmitter } from './assembler.js';
import { eachUnit } from './emit-reduce.js';
import type { EmitContext, EmittedKernel } from './emit-loop.js';
import { emitPackPanel, type PackSource } from './emit-pack.js';
import { defineTile, emitTileSum, type SumLoop, TILE_BUFFER } from './emit-tile.js';
import { type Features, tileSize } from './features.js';
import type { Kernel } from './kernels.js';

/** The geometry of an image that a unit reads: the source image with a border, and zeros between pixels where it is spread. */
interface PaddedImage {
  readonly base: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Distance of neighbouring source pixels in the padded image (the strides of a spread gradient). */
  readonly spread: readonly [number, number];
  /** Position of the first source pixel in the padded image. */
  readonly origin: readonly [number, number];
  readonly paddedHeight: number;
  readonly paddedWidth: number;
}

const needsCopy = (image: PaddedImage): boolean =>
  image.paddedHeight !== image.height ||
  image.paddedWidth !== image.width ||
  image.origin.some((o) => o !== 0) ||
  image.spread.some((s) => s !== 1);

/** A forward-shaped problem: out[y, x, f] = sum over (r, s, c) of image[y * sy + r * dy, x * sx + s * dx, c] * weight. */
interface Problem {
  readonly image: PaddedImage;
  readonly batch: number;
  readonly outHeight: number;
  readonly outWidth: number;
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
export const rowBufferBytes = (pixels: number, width: number): number => Math.ceil((pixels * width * 4) / 64) * 64;

type ConvNode = NodeOf<'conv'> | NodeOf<'conv_input'> | NodeOf<'conv_weight'>;

function isConv(node: Node | undefined): node is ConvNode {
  return node?.op === 'conv' || node?.op === 'conv_input' || node?.op === 'conv_weight';
}

/** Bytes that a convolution needs beside its result while it runs. */
export function convWorkspace(kernel: Kernel, features: Features): number {
  const { root } = kernel;
  if (!isConv(root) || root.op === 'conv_weight') return 0;
  const [kh, kw, channels, filters] = root.inputs[1].shape;
  const [summed, columns] =
    root.op === 'conv' ? [channels, filters / root.attrs.groups] : [filters / root.attrs.groups, channels];
  const width = panelWidth(features, columns);
  return root.attrs.groups * Math.ceil(columns / width) * width * kh * kw * summed * 4;
}

const panelWidth = (features: Features, columns: number): number =>
  4 * Math.min(Math.ceil(columns / 4), tileSize(features).vectors);

export function emitConv(context: EmitContext, kernel: Kernel, workspace: number): EmittedKernel[] {
  const { root, operands } = kernel;
  if (!isConv(root)) throw new Error('internal: not a convolution');
  const [left, right] = operands.map((o) => context.address(o.buffer));
  if (root.op === 'conv_weight')
    return [emitWeightGradient(context, root, left, right, context.address(kernel.outputs[0]))];
  const problem = root.op === 'conv' ? forward(root, left, right) : inputGradient(root, left, right);
  return [emitWeightPack(context, problem, workspace), emitForward(context, kernel, problem, workspace)];
}

function forward(root: NodeOf<'conv'>, x: number, w: number): Problem {
  const { strides, padding, dilation, groups } = root.attrs;
  const [batch, height, width, channels] = root.inputs[0].shape;
  const [kh, kw, groupChannels, filters] = root.inputs[1].shape;
  return {
    image: {
      base: x,
      height,
      width,
      channels,
      spread: [1, 1],
      origin: [padding[0][0], padding[1][0]],
      paddedHeight: height + padding[0][0] + padding[0][1],
      paddedWidth: width + padding[1][0] + padding[1][1],
    },
    batch,
    outHeight: root.shape[1],
    outWidth: root.shape[2],
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
  const { strides, padding, dilation, groups } = root.attrs;
  const [batch, height, width, filters] = root.inputs[0].shape;
  const [kh, kw, groupChannels] = root.inputs[1].shape;
  const [, outHeight, outWidth] = root.shape;
  return {
    image: {
      base: g,
      height,
      width,
      channels: filters,
      spread: strides,
      origin: [dilation[0] * (kh - 1) - padding[0][0], dilation[1] * (kw - 1) - padding[1][0]],
      paddedHeight: outHeight + dilation[0] * (kh - 1),
      paddedWidth: outWidth + dilation[1] * (kw - 1),
    },
    batch,
    outHeight,
    outWidth,
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

function emitWeightPack(context: EmitContext, p: Problem, workspace: number): EmittedKernel {
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

function emitForward(context: EmitContext, kernel: Kernel, p: Problem, workspace: number): EmittedKernel {
  const width = panelWidth(context.features, p.filters);
  const panels = Math.ceil(p.filters / width);
  const depth = p.kernel[0] * p.kernel[1] * p.channels;
  const panelBytes = depth * width * 4;
  const { image } = p;
  const pixel = 4 * image.channels;
  const rowBytes = image.paddedWidth * pixel;
  const copies = needsCopy(image);
  const tileRows = Math.min(tileSize(context.features).rows, p.outWidth);
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
    const index = defineTile(context, kernel, { rows, vectors, loops }, count, {
      resumes: part > 0,
      continues: part < parts - 1,
    });
    tiles.set(key, index);
    return index;
  };
  const restColumns = p.filters - (panels - 1) * width;
  // Tiles of nearly equal height: a last one of few rows would leave the multipliers waiting.
  const across = Math.ceil(p.outWidth / tileRows);
  const low = Math.floor(p.outWidth / across);
  const heights = [
    { height: low + 1, count: p.outWidth % across },
    { height: low, count: across - (p.outWidth % across) },
  ].filter(({ count }) => count > 0);
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
          // Output pixel number of the first one of this band.
          f.get(sample)
            .i32(p.outHeight)
            .op('i32.mul')
            .get(firstRow)
            .op('i32.add')
            .i32(p.outWidth)
            .op('i32.mul')
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
                  f.bump(pixels, height * p.strides[1] * pixel).bump(pixel0, height);
                  if (parts > 1) f.bump(buffer, height * 16 * vectors);
                });
              }
            }
            f.bump(left, p.strides[0] * rowBytes).bump(row, p.outWidth);
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

/**
 * Copies rows first..first + count of the padded image of sample `sample` to the address in local `target`, zeros included.
 * `first` is a local.
 */
function emitPaddedCopy(
  f: FunctionEmitter,
  image: PaddedImage,
  sample: number,
  first: number,
  count: number,
  target: number,
): void {
  const pixel = 4 * image.channels;
  const rowBytes = image.paddedWidth * pixel;
  const [at, y, sourceRow, from, end] = Array.from({ length: 5 }, () => f.local('i32'));
  const [spreadY, spreadX] = image.spread;
  const fillZero = (): void => {
    f.get(at).i32(rowBytes).op('i32.add').set(end);
    emitZeroFill(f, at, rowBytes);
  };
  f.get(target).set(at).get(first).i32(image.origin[0]).op('i32.sub').set(y);
  f.countedLoop(count, () => {
    // Row y of the padded image holds source row y / spread, where that divides and exists.
    f.get(y)
      .i32(0)
      .op('i32.ge_s')
      .get(y)
      .i32(image.height * spreadY)
      .op('i32.lt_s', 'i32.and');
    if (spreadY > 1) f.get(y).i32(spreadY).op('i32.rem_u').op('i32.eqz', 'i32.and');
    f.if(() => {
      f.get(y).i32(spreadY).op('i32.div_u').set(sourceRow);
      f.get(sample)
        .i32(image.height)
        .op('i32.mul')
        .get(sourceRow)
        .op('i32.add')
        .i32(image.width * pixel)
        .op('i32.mul');
      f.i32(image.base).op('i32.add').set(from);
      const leftEdge = image.origin[1];
      const copied = Math.max(0, Math.min(image.width, Math.ceil((image.paddedWidth - leftEdge) / spreadX)));
      const skipped = leftEdge < 0 ? Math.ceil(-leftEdge / spreadX) : 0;
      const start = Math.max(0, leftEdge + skipped * spreadX);
      const pixels = Math.max(0, copied - skipped);
      if (spreadX > 1) {
        emitZeroFillAt(f, at, 0, rowBytes);
        const to = f.local('i32');
        f.get(at)
          .i32(start * pixel)
          .op('i32.add')
          .set(to);
        f.bump(from, skipped * pixel);
        if (pixels > 0)
          f.countedLoop(pixels, () => {
            emitCopy(f, from, to, pixel);
            f.bump(from, pixel).bump(to, spreadX * pixel);
          });
        f.bump(at, rowBytes);
        return;
      }
      emitZeroFillAt(f, at, 0, start * pixel);
      const to = f.local('i32');
      f.get(at)
        .i32(start * pixel)
        .op('i32.add')
        .set(to);
      f.bump(from, skipped * pixel);
      emitCopy(f, from, to, pixels * pixel);
      emitZeroFillAt(f, at, (start + pixels) * pixel, rowBytes - (start + pixels) * pixel);
      f.bump(at, rowBytes);
    }, fillZero);
    f.bump(y, 1);
  });
}

/** Zeros `bytes` bytes (whole floats) from the address in `at`, which ends behind them. */
function emitZeroFill(f: FunctionEmitter, at: number, bytes: number): void {
  const vectors = bytes >> 4;
  if (vectors > 0) f.countedLoop(vectors, () => f.get(at).splatInt(0).mem('v128.store').bump(at, 16));
  for (let i = 0; i < (bytes & 15); i += 4) f.get(at).i32(0).mem('i32.store', i);
  f.bump(at, bytes & 15);
}

function emitZeroFillAt(f: FunctionEmitter, base: number, offset: number, bytes: number): void {
  if (bytes <= 0) return;
  const at = f.local('i32');
  f.get(base).i32(offset).op('i32.add').set(at);
  emitZeroFill(f, at, bytes);
}

/** Copies `bytes` bytes (whole floats) between the addresses in two locals, which stay. */
function emitCopy(f: FunctionEmitter, from: number, to: number, bytes: number): void {
  const vectors = bytes >> 4;
  const source = f.local('i32');
  const target = f.local('i32');
  f.get(from).set(source).get(to).set(target);
  if (vectors > 0) {
    f.countedLoop(vectors, () =>
      f.get(target).get(source).mem('v128.load').mem('v128.store').bump(source, 16).bump(target, 16),
    );
  }
  for (let i = 0; i < (bytes & 15); i += 4) f.get(target).get(source).mem('i32.load', i).mem('i32.store', i);
}

/** Pixels of the output gradient that a pass over all tiles sums at once: their inputs stay in the first-level cache. */
const PIXEL_BLOCK = 144;

/**
 * The weight gradient. The root has a leading axis of partial sums over parts of the batch (see lower.ts), a unit each; a
 * reduction of its own adds them up.
 */
function emitWeightGradient(
  context: EmitContext,
  root: NodeOf<'conv_weight'>,
  x: number,
  g: number,
  out: number,
): EmittedKernel {
  const { strides, padding, dilation, groups } = root.attrs;
  const [batch, height, width, channels] = root.inputs[0].shape;
  const [, outHeight, outWidth, filters] = root.inputs[1].shape;
  const [parts, kh, kw, groupChannels] = root.shape;
  const groupFilters = filters / groups;
  const samples = batch / parts;
  const image: PaddedImage = {
    base: x,
    height,
    width,
    channels,
    spread: [1, 1],
    origin: [padding[0][0], padding[1][0]],
    paddedHeight: Math.max((outHeight - 1) * strides[0] + dilation[0] * (kh - 1) + 1, 1),
    paddedWidth: Math.max(
      (outWidth - 1) * strides[1] + dilation[1] * (kw - 1) + 1,
      width + padding[1][0] + padding[1][1],
    ),
  };
  const copies = needsCopy({ ...image, paddedHeight: Math.max(image.paddedHeight, height) });
  const pixel = 4 * channels;
  const rowBytes = image.paddedWidth * pixel;
  const blockRows = Math.max(1, Math.min(outHeight, Math.round(PIXEL_BLOCK / outWidth)));
  const panel = panelWidth(context.features, groupFilters);
  const panels = Math.ceil(groupFilters / panel);
  const tileRows = tileSize(context.features).rows;
  const sumRows = kh * kw * groupChannels;
  const partBytes = sumRows * filters * 4;

  // Row m = (r, s, c) of the gradient reads the image from this offset on.
  const offsets = Array.from({ length: sumRows }, (_, m) => {
    const c = m % groupChannels;
    const s = Math.floor(m / groupChannels) % kw;
    const r = Math.floor(m / groupChannels / kw);
    return r * dilation[0] * rowBytes + s * dilation[1] * pixel + 4 * c;
  });

  const tiles = new Map<string, number>();
  /** (a, b, c, rows of pixels): adds to the partial sums at c. */
  const tile = (rows: readonly number[], count: number): number => {
    const key = `${rows.join()}x${count}`;
    const known = tiles.get(key);
    if (known !== undefined) return known;
    const vectors = Math.ceil(count / 4);
    const index = context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f) => {
      const place = (r: number, v: number): number => (r * filters + 4 * v) * 4;
      const loops: SumLoop[] = [
        { count: { local: 3 }, aStep: strides[0] * rowBytes, bStep: outWidth * 16 * vectors },
        { count: outWidth, aStep: strides[1] * pixel, bStep: 16 * vectors },
      ];
      const sums = emitTileSum(f, context, { rows, vectors, loops }, 0, 1, (r, v) =>
        f.get(2).mem('v128.load', place(r, v)),
      );
      sums.forEach((row, r) =>
        row.forEach((local, v) => {
          const lanes = Math.min(4, count - 4 * v);
          for (let l = 0; l < (lanes === 4 ? 1 : lanes); l++) {
            f.get(2).get(local);
            if (lanes === 4) f.mem('v128.store', place(r, v));
            else f.laneMem('v128.store32_lane', l, place(r, v) + 4 * l);
          }
        }),
      );
    });
    tiles.set(key, index);
    return index;
  };
  const rest = groupFilters - (panels - 1) * panel;
  const groupsOfRows: { first: number; pattern: number[] }[] = [];
  for (let m = 0; m < sumRows; m += tileRows) {
    groupsOfRows.push({ first: offsets[m], pattern: offsets.slice(m, m + tileRows).map((o) => o - offsets[m]) });
  }
  for (const { pattern } of groupsOfRows) {
    if (panels > 1) tile(pattern, panel);
    tile(pattern, rest);
  }

  const scratchImage = copies ? image.paddedHeight * rowBytes : 0;
  const panelBytes = blockRows * outWidth * panel * 4;
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [sample, stop, y, rows, source, a, packed, from, to, target, first] = Array.from({ length: 11 }, () =>
      f.local('i32'),
    );
    eachUnit(f, (unit) => {
      f.get(unit).i32(partBytes).op('i32.mul').i32(out).op('i32.add').tee(target).set(to);
      emitZeroFill(f, to, partBytes);
      f.get(unit).i32(samples).op('i32.mul').tee(sample).i32(samples).op('i32.add').set(stop);
      f.loop(() => {
        if (copies) {
          f.get(2)
            .i32(panels * panelBytes)
            .op('i32.add')
            .set(source);
          f.i32(0).set(first);
          emitPaddedCopy(f, image, sample, first, image.paddedHeight, source);
        } else
          f.i32(x)
            .get(sample)
            .i32(height * rowBytes)
            .op('i32.mul', 'i32.add')
            .set(source);
        f.i32(0).set(y);
        f.loop(() => {
          f.i32(blockRows).i32(outHeight).get(y).op('i32.sub').i32(blockRows).i32(outHeight).get(y);
          f.op('i32.sub', 'i32.lt_s', 'select').set(rows);
          for (let group = 0; group < groups; group++) {
            // The block's output gradient in panels of neighbouring filters.
            for (let p = 0; p < panels; p++) {
              const count = p < panels - 1 ? panel : rest;
              f.get(sample)
                .i32(outHeight)
                .op('i32.mul')
                .get(y)
                .op('i32.add')
                .i32(outWidth * filters * 4)
                .op('i32.mul');
              f.i32(g + 4 * (group * groupFilters + p * panel))
                .op('i32.add')
                .set(from);
              f.get(2)
                .i32(p * panelBytes)
                .op('i32.add')
                .set(packed);
              emitPackRows(f, from, packed, rows, outWidth, filters, Math.ceil(count / 4));
            }
            f.get(source)
              .get(y)
              .i32(strides[0] * rowBytes)
              .op('i32.mul', 'i32.add')
              .i32(group * groupChannels * 4)
              .op('i32.add')
              .set(a);
            groupsOfRows.forEach(({ first: offset, pattern }, t) => {
              for (let p = 0; p < panels; p++) {
                f.get(a).i32(offset).op('i32.add');
                f.get(2)
                  .i32(p * panelBytes)
                  .op('i32.add');
                f.get(target)
                  .i32((t * tileRows * filters + group * groupFilters + p * panel) * 4)
                  .op('i32.add');
                f.get(rows).call(tile(pattern, p < panels - 1 ? panel : rest));
              }
            });
          }
          f.bump(y, blockRows).get(y).i32(outHeight).op('i32.lt_s').branchIf(0);
        });
        f.bump(sample, 1).get(sample).get(stop).op('i32.lt_s').branchIf(0);
      });
    });
  });
  return {
    function: index,
    units: parts,
    unitCost: (2 * sumRows * filters * outHeight * outWidth * samples) / 16,
    scratch: panels * panelBytes + scratchImage,
  };
}

/** Packs `rows` (a local) rows of `width` pixels: `vectors` vectors of each pixel's filters. */
function emitPackRows(
  f: FunctionEmitter,
  from: number,
  to: number,
  rows: number,
  width: number,
  filters: number,
  vectors: number,
): void {
  const left = f.local('i32');
  f.get(rows).i32(width).op('i32.mul').set(left);
  f.loop(() => {
    for (let v = 0; v < vectors; v++)
      f.get(to)
        .get(from)
        .mem('v128.load', 16 * v)
        .mem('v128.store', 16 * v);
    f.bump(from, 4 * filters).bump(to, 16 * vectors);
    f.get(left).i32(1).op('i32.sub').tee(left).branchIf(0);
  });
}
