/**
 * Input gradients of convolutions with few channels. Such a result fills few vectors of a tile, and much of its window lies on
 * the border's zeros. Here a tile's columns are (kernel column, channel): each pixel of a row of the output gradient meets a
 * whole kernel row, summed over the kernel rows and filters that reach the result's row. What pixels of the gradient give to the
 * same pixel of the result is added up afterwards, from the first-level cache.
 */
import type { NodeOf } from '../../graph.js';
import { emitStore } from './expression.js';
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import { emitZeroFill } from './padded-image.js';
import { defineTileEpilogue } from './epilogue.js';
import { defineTile, evenTiles, panelWidth, TILE_BUFFER } from './tile.js';
import type { PackSource } from './pack.js';
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
export function scatterPays(root: NodeOf<'conv_input'>, features: Features, windowSteps: number): boolean {
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

export function emitConvScatter(
  context: EmitContext,
  kernel: ConvKernel,
  root: NodeOf<'conv_input'>,
  g: number,
  workspace: number,
): EmittedKernel {
  const { strides, padding } = root.attrs;
  const [batch, gradientHeight, gradientWidth, filters] = root.inputs[0].shape;
  const [kh, kw] = root.inputs[1].shape;
  const [, height, width, channels] = root.shape;
  const [strideY, strideX] = strides;
  const [low, left] = [padding[0][0], padding[1][0]];
  const columns = kw * channels;
  const group = panelWidth(context.features, columns);
  const groups = Math.ceil(columns / group);
  const groupBytes = kh * filters * group * 4;
  const pixel = 4 * filters;
  const rowBytes = gradientWidth * pixel;
  // What the gradient's pixels give, one after another, between pixels of zeros that stand for those beyond the borders.
  const pitch = 16 * Math.ceil(columns / 4) + 16;
  const before = Math.max(0, Math.ceil((kw - 1 - left) / strideX));
  const after = Math.max(0, Math.floor((width - 1 + left) / strideX) - (gradientWidth - 1));
  const rowStart = TILE_BUFFER + before * pitch;
  // Small batches: cut images into bands of rows, so that there is work for every thread.
  const bandRows = Math.ceil(height / Math.max(1, Math.min(height, Math.ceil(8 / batch))));
  const bands = Math.ceil(height / bandRows);

  const tileRows = Math.min(tileSize(context.features).rows, gradientWidth);
  const heights = evenTiles(gradientWidth, tileRows);
  const tiles = new Map<string, number>();
  /** (a, b, kernel rows, 0, buffer) */
  const tile = (rows: number, vectors: number): number => {
    const key = `${rows}x${vectors}`;
    const known = tiles.get(key);
    if (known !== undefined) return known;
    const loops = [
      { count: { local: 2 }, aStep: -rowBytes, bStep: strideY * filters * 16 * vectors },
      { count: filters, aStep: 4, bStep: 16 * vectors },
    ];
    const places = Array.from({ length: rows }, (_, r) => r * pixel);
    const shape = { rows: places, vectors, loops, bufferPitch: pitch };
    const index = defineTile(context, kernel, shape, 4 * vectors, { resumes: false, continues: true });
    tiles.set(key, index);
    return index;
  };
  for (let i = 0; i < groups; i++)
    for (const { height: rows } of heights) tile(rows, Math.ceil(Math.min(group, columns - i * group) / 4));

  const vectors = Math.ceil(channels / 4);
  const plain = isPlain(kernel);
  const epilogue = plain ? 0 : defineTileEpilogue(context, kernel, { rows: 1, vectors, columns: channels });
  const output = plain ? context.address(kernel.outputs[0]) : 0;

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [sample, y, end, t, first, rows, from, a, b, buffer, at, row, target] = Array.from({ length: 13 }, () =>
      f.local('i32'),
    );
    const sum = f.local('v128');
    /** Leaves the larger or smaller of two locals' values on the stack. */
    const choose = (x: number, z: number, test: 'i32.gt_s' | 'i32.lt_s'): void => {
      f.get(x).get(z).get(x).get(z).op(test, 'select');
    };
    const zeros = (offset: number, bytes: number): void => {
      f.get(2).i32(offset).op('i32.add').set(at);
      emitZeroFill(f, at, bytes);
    };
    /** Sets the first kernel row that meets row y, and how many do, a stride apart. */
    const findKernelRows = (): void => {
      const other = from;
      f.get(y).i32(low).op('i32.add').set(t);
      f.get(t).i32(strideY).op('i32.rem_u').set(first);
      f.get(t)
        .i32(strideY * (gradientHeight - 1))
        .op('i32.sub')
        .set(other);
      choose(first, other, 'i32.gt_s');
      f.set(first);
      f.i32(kh - 1).set(other);
      choose(t, other, 'i32.lt_s');
      f.get(first).op('i32.sub').set(rows);
      f.get(rows).i32(0).op('i32.lt_s').if(
        () => f.i32(0).set(rows),
        () => f.get(rows).i32(strideY).op('i32.div_u').i32(1).op('i32.add').set(rows),
      ); // prettier-ignore
    };
    const sumRow = (): void => {
      f.get(sample).i32(gradientHeight).op('i32.mul');
      f.get(t).get(first).op('i32.sub').i32(strideY).op('i32.div_u', 'i32.add').i32(rowBytes).op('i32.mul');
      f.i32(g).op('i32.add').set(from);
      for (let i = 0; i < groups; i++) {
        const wide = Math.ceil(Math.min(group, columns - i * group) / 4);
        f.get(first)
          .i32(filters * 16 * wide)
          .op('i32.mul')
          .i32(workspace + i * groupBytes)
          .op('i32.add')
          .set(b);
        f.get(from).set(a);
        f.get(2)
          .i32(rowStart + 4 * i * group)
          .op('i32.add')
          .set(buffer);
        for (const { height: high, count } of heights)
          f.countedLoop(count, () => {
            f.get(a).get(b).get(rows).i32(0).get(buffer).call(tile(high, wide));
            f.bump(a, high * pixel).bump(buffer, high * pitch);
          });
      }
    };
    /** Adds up what the pixels of the row gave, for the pixels x, x + strideX, ... of the result. */
    const gather = (x: number): void => {
      const count = Math.ceil((width - x) / strideX);
      const taps = Array.from({ length: kw }, (_, s) => s).filter((s) => (x + left - s) % strideX === 0);
      f.get(2).set(at);
      f.get(row).i32(x).op('i32.add').set(a);
      if (plain)
        f.get(a)
          .i32(4 * channels)
          .op('i32.mul')
          .i32(output)
          .op('i32.add')
          .set(target);
      f.countedLoop(count, () => {
        for (let v = 0; v < vectors; v++) {
          if (taps.length === 0) f.splat(0);
          taps.forEach((s, i) => {
            const offset = rowStart + ((x + left - s) / strideX) * pitch + 4 * s * channels + 16 * v;
            f.get(at).mem('v128.load', offset);
            if (i > 0) f.op('f32x4.add');
          });
          f.set(sum);
          if (plain) emitStore(f, 'f32', target, sum, Math.min(4, channels - 4 * v), 1, 16 * v);
          else
            f.get(2)
              .get(sum)
              .mem('v128.store', 16 * v);
        }
        if (plain) f.bump(target, 4 * channels * strideX);
        else f.get(2).get(a).i32(0).call(epilogue);
        f.bump(a, strideX).bump(at, pitch);
      });
    };
    eachUnit(f, (unit) => {
      zeros(TILE_BUFFER, before * pitch);
      zeros(rowStart + gradientWidth * pitch, after * pitch);
      f.get(unit).i32(bands).op('i32.div_u').set(sample);
      f.get(unit).i32(bands).op('i32.rem_u').i32(bandRows).op('i32.mul').set(y);
      f.get(y).i32(bandRows).op('i32.add').set(end).i32(height).set(t);
      choose(end, t, 'i32.lt_s');
      f.set(end);
      f.get(sample).i32(height).op('i32.mul').get(y).op('i32.add').i32(width).op('i32.mul').set(row);
      f.loop(() => {
        findKernelRows();
        f.get(rows).if(sumRow, () => zeros(rowStart, gradientWidth * pitch));
        for (let x = 0; x < Math.min(strideX, width); x++) gather(x);
        f.bump(row, width).bump(y, 1).get(y).get(end).op('i32.lt_s').branchIf(0);
      });
    });
  });
  return {
    function: index,
    units: batch * bands,
    unitCost: (2 * kh * columns * filters * gradientHeight * gradientWidth) / bands / 16,
    // The last pixel's vectors may reach beyond it.
    scratch: rowStart + (gradientWidth + after) * pitch + 64,
  };
}
