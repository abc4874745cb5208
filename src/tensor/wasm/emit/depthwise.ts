/**
 * Depthwise convolutions, in which every channel has a filter of its own: neighbouring channels side by side in vectors, neighbouring
 * output pixels in registers, so that an element of the input and one of the filter are loaded once for several products.
 */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter } from '../assembler.js';
import { defineTileEpilogue } from './epilogue.js';
import { emitStore } from './expression.js';
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import { correlatedInput, emitPaddedCopy, emitZeroFill, needsCopy, type PaddedImage, paddedInput, spreadGradient } from './padded-image.js'; // prettier-ignore
import { evenTiles, TILE_BUFFER } from './tile.js';
import type { Features } from '../features.js';
import { type ConvKernel, isPlain } from '../../compiler/kernel.js';

/** Output pixels whose sums are in registers together with a row of the filter. */
const PIXELS = 4;
/** Columns of a filter of which a row stays in registers; wider ones are loaded for each product. */
const FILTER_COLUMNS = 7;
/** Bytes of the input rows that a band of output rows is made of: they stay in the second-level cache. */
const BAND_BYTES = 96 * 1024;

/** Whether each channel (at least a vector of them) has exactly one filter, which no other kernel is made for. */
export function isDepthwise(root: NodeOf<'conv'> | NodeOf<'conv_input'> | NodeOf<'conv_weight_parts'>): boolean {
  const [groupChannels, filters] = (root.op === 'conv_weight_parts' ? root.shape : root.inputs[1].shape).slice(-2);
  return groupChannels === 1 && filters === root.attrs.groups && filters >= 4;
}

/** Vectors that are computed side by side: V8 pairs neighbouring ones where it can. */
const vectorsOf = (features: Features, channels: number): number => (features.wide && channels > 4 ? 2 : 1);

/** out[y, x, c] = sum over (r, s) of image[y * sy + r * dy, x * sx + s * dx, c] * weight(r, s)[c]. */
interface Problem {
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
  const problem: Problem =
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

function emitForward(context: EmitContext, kernel: ConvKernel, p: Problem): EmittedKernel {
  const { image, outHeight, outWidth } = p;
  const pixel = 4 * image.channels;
  const rowBytes = image.paddedWidth * pixel;
  const copies = needsCopy(image);
  const fitting = Math.floor((BAND_BYTES / rowBytes - p.dilation[0] * (p.kernel[0] - 1)) / p.strides[0]);
  const bandRows = Math.max(1, Math.min(outHeight, Math.max(fitting, 4), Math.ceil((outHeight * p.batch) / 8)));
  const bands = Math.ceil(outHeight / bandRows);
  const bandInputRows = (bandRows - 1) * p.strides[0] + p.dilation[0] * (p.kernel[0] - 1) + 1;
  const widths = evenTiles(outWidth, PIXELS).map(({ height: pixels, count }) => ({ pixels, count }));
  const tiles = new Map(widths.map(({ pixels }) => [pixels, defineTile(context, kernel, p, pixels)]));

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [sample, first, firstInput, rows, source, left, row] = Array.from({ length: 7 }, () => f.local('i32'));
    eachUnit(f, (unit) => {
      f.get(unit).i32(bands).op('i32.div_u').set(sample);
      f.get(unit).i32(bands).op('i32.rem_u').i32(bandRows).op('i32.mul').tee(first);
      f.i32(p.strides[0]).op('i32.mul').set(firstInput);
      f.i32(outHeight).get(first).op('i32.sub').tee(rows).i32(bandRows).get(rows).i32(bandRows);
      f.op('i32.lt_s', 'select').set(rows);
      if (copies) {
        f.get(2).i32(TILE_BUFFER).op('i32.add').set(source);
        emitPaddedCopy(f, image, sample, firstInput, bandInputRows, source);
      } else {
        f.get(sample).i32(image.height).op('i32.mul').get(firstInput).op('i32.add').i32(rowBytes).op('i32.mul');
        f.i32(image.base).op('i32.add').set(source);
      }
      f.get(sample).i32(outHeight).op('i32.mul').get(first).op('i32.add').i32(outWidth).op('i32.mul').set(row);
      f.loop(() => {
        f.get(source).set(left);
        for (const { pixels, count } of widths) {
          f.countedLoop(count, () => {
            f.get(left)
              .get(row)
              .get(2)
              .call(tiles.get(pixels) ?? 0);
            f.bump(left, pixels * p.strides[1] * pixel).bump(row, pixels);
          });
        }
        f.bump(source, p.strides[0] * rowBytes);
        f.get(rows).i32(1).op('i32.sub').tee(rows).branchIf(0);
      });
    });
  });
  return {
    function: index,
    units: p.batch * bands,
    unitCost: (bandRows * outWidth * image.channels * (p.kernel[0] * p.kernel[1] + 4)) / 4,
    scratch: TILE_BUFFER + (copies ? bandInputRows * rowBytes : 0),
  };
}

/** Defines (image, pixel, buffer): neighbouring output pixels from number `pixel` on, all channels. */
function defineTile(context: EmitContext, kernel: ConvKernel, p: Problem, pixels: number): number {
  const { channels } = p.image;
  const vectors = vectorsOf(context.features, channels);
  const full = Math.floor(channels / (4 * vectors));
  const rest = channels - full * 4 * vectors;
  const plain = isPlain(kernel);
  const epilogues = new Map<number, number>();
  for (const columns of [full > 0 ? 4 * vectors : 0, rest]) {
    if (columns === 0 || plain) continue;
    const shape = { rows: pixels, vectors: Math.ceil(columns / 4), columns };
    epilogues.set(columns, defineTileEpilogue(context, kernel, shape));
  }
  return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [weights, column, target] = Array.from({ length: 3 }, () => f.local('i32'));
    const group = (columns: number): void => {
      const count = Math.ceil(columns / 4);
      const sums = emitWindowSums(f, context, p, pixels, count, 0, weights);
      if (plain) {
        f.get(1).i32(channels).op('i32.mul').get(column).op('i32.add').i32(4).op('i32.mul');
        f.i32(context.address(kernel.outputs[0])).op('i32.add').set(target);
      }
      const pitch = plain ? 4 * channels : 16 * count;
      sums.forEach((row, t) =>
        row.forEach((sum, v) =>
          emitStore(f, 'f32', plain ? target : 2, sum, plain ? Math.min(4, columns - 4 * v) : 4, 1, t * pitch + 16 * v),
        ),
      );
      if (!plain)
        f.get(2)
          .get(1)
          .get(column)
          .call(epilogues.get(columns) ?? 0);
      f.bump(0, 16 * count)
        .bump(weights, 16 * count)
        .bump(column, 4 * count);
    };
    f.i32(p.weights.base).set(weights);
    if (full > 0) f.countedLoop(full, () => group(4 * vectors));
    if (rest > 0) group(rest);
  });
}

/** accumulator += left * right, all of them locals. */
function emitProduct(f: FunctionEmitter, features: Features, accumulator: number, left: number, right: number): void {
  if (features.fma) f.get(left).get(right).get(accumulator).op('f32x4.relaxed_madd');
  else f.get(left).get(right).op('f32x4.mul').get(accumulator).op('f32x4.add');
  f.set(accumulator);
}

/** The sums of `pixels` neighbouring pixels and `vectors` vectors of channels, by pixel and vector, in fresh registers. */
function emitWindowSums(
  f: FunctionEmitter,
  { features }: EmitContext,
  p: Problem,
  pixels: number,
  vectors: number,
  image: number,
  weights: number,
): number[][] {
  const pixel = 4 * p.image.channels;
  const rowBytes = p.image.paddedWidth * pixel;
  const [kh, kw] = p.kernel;
  const grid = (count: number): number[][] =>
    Array.from({ length: count }, () => Array.from({ length: vectors }, () => f.local('v128')));
  const sums = grid(pixels);
  const filter = grid(kw <= FILTER_COLUMNS ? kw : 1);
  const element = Array.from({ length: vectors }, () => f.local('v128'));
  const at = f.local('i32');
  const loadWeights = (s: number, r: number): void => {
    // Offsets in an instruction are never negative.
    f.get(weights)
      .i32(r * p.weights.row + s * p.weights.column)
      .op('i32.add')
      .set(at);
    filter[kw <= FILTER_COLUMNS ? s : 0].forEach((local, v) =>
      f
        .get(at)
        .mem('v128.load', 16 * v)
        .set(local),
    );
  };
  // Each element of the image once, for all products that it takes part in.
  const uses = new Map<number, { t: number; s: number }[]>();
  for (let t = 0; t < pixels; t++)
    for (let s = 0; s < kw; s++) {
      const x = t * p.strides[1] + s * p.dilation[1];
      uses.set(x, [...(uses.get(x) ?? []), { t, s }]);
    }
  for (const row of sums) for (const local of row) f.splat(0).set(local);
  for (let r = 0; r < kh; r++) {
    if (kw <= FILTER_COLUMNS) for (let s = 0; s < kw; s++) loadWeights(s, r);
    for (const [x, products] of [...uses].sort(([a], [b]) => a - b)) {
      const offset = r * p.dilation[0] * rowBytes + x * pixel;
      element.forEach((local, v) =>
        f
          .get(image)
          .mem('v128.load', offset + 16 * v)
          .set(local),
      );
      for (const { t, s } of products) {
        if (kw > FILTER_COLUMNS) loadWeights(s, r);
        const row = filter[kw <= FILTER_COLUMNS ? s : 0];
        sums[t].forEach((sum, v) => emitProduct(f, features, sum, element[v], row[v]));
      }
    }
  }
  return sums;
}

/**
 * The weight gradients of parts of the batch, a unit each: sums over pixels of image * output gradient.
 */
export function emitDepthwiseWeightGradient(
  context: EmitContext,
  root: NodeOf<'conv_weight_parts'>,
  x: number,
  g: number,
  out: number,
): EmittedKernel {
  const { strides, dilation } = root.attrs;
  const [batch, height, , channels] = root.inputs[0].shape;
  const [, outHeight, outWidth] = root.inputs[1].shape;
  const [parts, kh, kw] = root.shape;
  const samples = batch / parts;
  const { image, copies } = correlatedInput(root, x);
  const pixel = 4 * channels;
  const rowBytes = image.paddedWidth * pixel;
  const fitting = Math.floor((BAND_BYTES / rowBytes - dilation[0] * (kh - 1)) / strides[0]);
  const bandRows = Math.max(1, Math.min(outHeight, Math.max(fitting, 4)));
  const bandInputRows = (bandRows - 1) * strides[0] + dilation[0] * (kh - 1) + 1;
  const vectors = vectorsOf(context.features, channels);
  const full = Math.floor(channels / (4 * vectors));
  const rest = channels - full * 4 * vectors;
  const partBytes = kh * kw * pixel;
  const rowSums = defineRowSums(context, { outWidth, kw, step: strides[1], apart: dilation[1], pixel });

  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [sample, stop, y, end, source, gradient, target, to, first] = Array.from({ length: 9 }, () => f.local('i32'));
    eachUnit(f, (unit) => {
      f.get(unit).i32(partBytes).op('i32.mul').i32(out).op('i32.add').tee(target).set(to);
      emitZeroFill(f, to, partBytes);
      f.get(unit).i32(samples).op('i32.mul').tee(sample).i32(samples).op('i32.add').set(stop);
      f.get(sample)
        .i32(outHeight * outWidth * pixel)
        .op('i32.mul')
        .i32(g)
        .op('i32.add')
        .set(gradient);
      f.loop(() => {
        f.i32(0).set(y);
        f.loop(() => {
          f.get(y).i32(strides[0]).op('i32.mul').set(first);
          if (copies) {
            f.get(2).set(source);
            emitPaddedCopy(f, image, sample, first, bandInputRows, source);
          } else {
            f.get(sample).i32(height).op('i32.mul').get(first).op('i32.add').i32(rowBytes).op('i32.mul');
            f.i32(x).op('i32.add').set(source);
          }
          f.get(y).i32(bandRows).op('i32.add').tee(end).i32(outHeight).get(end).i32(outHeight);
          f.op('i32.lt_s', 'select').set(end);
          f.loop(() => {
            for (let r = 0; r < kh; r++) {
              const [down, across] = [r * dilation[0] * rowBytes, full * 16 * vectors];
              f.get(source).i32(down).op('i32.add').get(gradient);
              f.get(target)
                .i32(r * kw * pixel)
                .op('i32.add')
                .i32(full)
                .call(rowSums(vectors, 4 * vectors));
              if (rest === 0) continue;
              f.get(source)
                .i32(down + across)
                .op('i32.add')
                .get(gradient)
                .i32(across)
                .op('i32.add');
              f.get(target)
                .i32(r * kw * pixel + across)
                .op('i32.add')
                .i32(1)
                .call(rowSums(Math.ceil(rest / 4), rest));
            }
            f.bump(gradient, outWidth * pixel).bump(source, strides[0] * rowBytes);
            f.bump(y, 1).get(y).get(end).op('i32.lt_s').branchIf(0);
          });
          f.get(y).i32(outHeight).op('i32.lt_s').branchIf(0);
        });
        f.bump(sample, 1).get(sample).get(stop).op('i32.lt_s').branchIf(0);
      });
    });
  });
  return {
    function: index,
    units: parts,
    unitCost: (samples * outHeight * outWidth * channels * (kh * kw + 4)) / 4,
    scratch: copies ? bandInputRows * rowBytes : 0,
  };
}

/** Functions (image row, gradient row, target, groups): adds a row of pixels to a row of the filter's gradient. */
function defineRowSums(
  context: EmitContext,
  row: { outWidth: number; kw: number; step: number; apart: number; pixel: number },
): (vectors: number, columns: number) => number {
  const { outWidth, kw, step, apart, pixel } = row;
  const defined = new Map<number, number>();
  const define = (vectors: number, columns: number): number =>
    context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f) => {
      const [image, gradient] = [f.local('i32'), f.local('i32')];
      const grid = (count: number): number[][] =>
        Array.from({ length: count }, () => Array.from({ length: vectors }, () => f.local('v128')));
      const kept = Math.min(kw, FILTER_COLUMNS);
      const [sums, values] = [grid(kept), grid(PIXELS)];
      const element = Array.from({ length: vectors }, () => f.local('v128'));
      /** Columns from..from + kept of the filter's row. */
      const columnsFrom = (from: number, count: number): void => {
        const pixels = (n: number): void => {
          for (let t = 0; t < n; t++)
            values[t].forEach((local, v) =>
              f
                .get(gradient)
                .mem('v128.load', t * pixel + 16 * v)
                .set(local),
            );
          const uses = new Map<number, { t: number; s: number }[]>();
          for (let t = 0; t < n; t++)
            for (let s = 0; s < count; s++) {
              const at = t * step + (from + s) * apart;
              uses.set(at, [...(uses.get(at) ?? []), { t, s }]);
            }
          for (const [at, products] of [...uses].sort(([a], [b]) => a - b)) {
            element.forEach((local, v) =>
              f
                .get(image)
                .mem('v128.load', at * pixel + 16 * v)
                .set(local),
            );
            for (const { t, s } of products)
              sums[s].forEach((sum, v) => emitProduct(f, context.features, sum, element[v], values[t][v]));
          }
          f.bump(image, n * step * pixel).bump(gradient, n * pixel);
        };
        f.get(0).set(image).get(1).set(gradient);
        for (let s = 0; s < count; s++)
          sums[s].forEach((local, v) =>
            f
              .get(2)
              .mem('v128.load', (from + s) * pixel + 16 * v)
              .set(local),
          );
        const rounds = Math.floor(outWidth / PIXELS);
        if (rounds > 0) f.countedLoop(rounds, () => pixels(PIXELS));
        if (outWidth % PIXELS > 0) pixels(outWidth % PIXELS);
        for (let s = 0; s < count; s++)
          sums[s].forEach((local, v) =>
            emitStore(f, 'f32', 2, local, Math.min(4, columns - 4 * v), 1, (from + s) * pixel + 16 * v),
          );
      };
      f.get(3).if(() => {
        f.loop(() => {
          for (let from = 0; from < kw; from += kept) columnsFrom(from, Math.min(kept, kw - from));
          for (const pointer of [0, 1, 2]) f.bump(pointer, 16 * vectors);
          f.get(3).i32(1).op('i32.sub').tee(3).branchIf(0);
        });
      });
    });
  return (vectors, columns) => {
    const known = defined.get(columns);
    if (known !== undefined) return known;
    const made = define(vectors, columns);
    defined.set(columns, made);
    return made;
  };
}
