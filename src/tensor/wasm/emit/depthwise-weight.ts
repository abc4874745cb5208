/** Weight gradients of depthwise convolutions: sums over pixels of image * output gradient, channel by channel. */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter, I32, I32Local, Vector } from '../assembler.js';
import { inputRows } from './bands.js';
import { cachedRows, channelGroups, FILTER_COLUMNS, PIXELS, productsByColumn } from './depthwise.js';
import { defineKernel, type EmitContext, type EmittedKernel, Memo } from './kernel.js';
import { emitStore } from './lanes.js';
import { correlatedInput, emitImageRows, emitZeroFill, pixelBytes, rowBytes } from './padded-image.js';
import { eachSum, emitMultiplyAdd } from './tile.js';

/** The weight gradients of parts of the batch, a unit each. */
export function emitDepthwiseWeightGradient(
  context: EmitContext,
  root: NodeOf<'conv_weight_parts'>,
  x: number,
  g: number,
  out: number,
): EmittedKernel {
  const { strides, dilation } = root.attrs;
  const [batch, , , channels] = root.inputs[0].shape;
  const [, outHeight, outWidth] = root.inputs[1].shape;
  const [parts, kh, kw] = root.shape;
  const samples = batch / parts;
  const { image, copies } = correlatedInput(root, x);
  const pixel = pixelBytes(image);
  const bandRows = Math.max(1, Math.min(outHeight, cachedRows(image, strides[0], dilation[0], kh)));
  const bandInput = inputRows(bandRows, strides[0], dilation[0], kh);
  const partBytes = kh * kw * pixel;
  const { vectors, full, rest } = channelGroups(context.features, channels);
  const rowSums = defineRowSums(context, { outWidth, kw, step: strides[1], apart: dilation[1], pixel });

  const index = defineKernel(context.module, (f, unit, scratch) => {
    const target = f.let(unit.times(partBytes).plus(out));
    emitZeroFill(f, f.let(target), partBytes);
    const sample = f.let(unit.times(samples));
    const stop = f.let(sample.plus(samples));
    const gradient = f.let(sample.times(outHeight * outWidth * pixel).plus(g));
    const [y, end] = f.i32Locals(2);
    /** Adds the products of an image row and its gradient row to every row of the filter. */
    const addRow = (source: I32): void => {
      for (let r = 0; r < kh; r++) {
        const [down, filterRow] = [r * dilation[0] * rowBytes(image), r * kw * pixel];
        f.call(rowSums(vectors, 4 * vectors), source.plus(down), gradient, target.plus(filterRow), full);
        if (rest === 0) continue;
        const across = full * 16 * vectors;
        const sums = rowSums(Math.ceil(rest / 4), rest);
        f.call(sums, source.plus(down + across), gradient.plus(across), target.plus(filterRow + across), 1);
      }
    };
    const addBand = (): void => {
      const first = f.let(y.times(strides[0]));
      const source = emitImageRows(f, image, copies, { sample, first, count: bandInput, buffer: scratch });
      f.assign(end, y.plus(bandRows));
      f.assign(end, end.atMost(outHeight));
      f.upTo(end, y, 1, () => {
        addRow(source);
        f.bump(gradient, outWidth * pixel).bump(source, strides[0] * rowBytes(image));
      });
    };
    f.upTo(stop, sample, 1, () => {
      f.assign(y, 0).doWhile(addBand, y.isLess(outHeight));
    });
  });
  return {
    function: index,
    units: parts,
    unitCost: (samples * outHeight * outWidth * channels * (kh * kw + 4)) / 4,
    scratch: copies ? bandInput * rowBytes(image) : 0,
  };
}

/** A row of output pixels, and of the filter: pixels of the image between neighbouring ones of either. */
interface Row {
  readonly outWidth: number;
  readonly kw: number;
  readonly step: number;
  readonly apart: number;
  readonly pixel: number;
}

/** Functions (image row, gradient row, target, groups): adds a row of pixels to a row of the filter's gradient. */
function defineRowSums(context: EmitContext, row: Row): (vectors: number, columns: number) => number {
  const kept = Math.min(row.kw, FILTER_COLUMNS);
  const made = new Memo<number>();
  return (vectors, columns) =>
    made.get(columns, () =>
      context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f, image, gradient, target, groups) => {
        const emitter = new RowSums(f, context, row, vectors);
        f.when(groups, () => {
          f.countDown(groups, () => {
            for (let from = 0; from < row.kw; from += kept)
              emitter.addColumns(from, { image, gradient, target, columns });
            for (const pointer of [image, gradient, target]) f.bump(pointer, 16 * vectors);
          });
        });
      }),
    );
}

class RowSums {
  private readonly image: I32Local;
  private readonly gradient: I32Local;
  /** By filter column, by output pixel, and of the image, each by vector. */
  private readonly sums: readonly Vector[][];
  private readonly values: readonly Vector[][];
  private readonly element: readonly Vector[];

  constructor(
    private readonly f: FunctionEmitter,
    private readonly context: EmitContext,
    private readonly row: Row,
    vectors: number,
  ) {
    [this.image, this.gradient] = f.i32Locals(2);
    this.sums = Array.from({ length: Math.min(row.kw, FILTER_COLUMNS) }, () => f.vectors(vectors));
    this.values = Array.from({ length: PIXELS }, () => f.vectors(vectors));
    this.element = f.vectors(vectors);
  }

  /** Adds to as many filter columns as have room in registers, from number `from` on, of `columns` channels. */
  addColumns(from: number, at: { image: I32; gradient: I32; target: I32; columns: number }): void {
    const { f } = this;
    const { kw, outWidth, pixel } = this.row;
    const sums = this.sums.slice(0, kw - from);
    f.assign(this.image, at.image).assign(this.gradient, at.gradient);
    eachSum(sums, (sum, s, v) => f.load('v128.load', at.target, (from + s) * pixel + 16 * v).set(sum));
    const rounds = Math.floor(outWidth / PIXELS);
    if (rounds > 0) f.repeat(rounds, () => this.addPixels(PIXELS, sums, from));
    if (outWidth % PIXELS > 0) this.addPixels(outWidth % PIXELS, sums, from);
    eachSum(sums, (sum, s, v) => {
      const offset = (from + s) * pixel + 16 * v;
      emitStore(f, 'f32', at.target, sum, { lanes: Math.min(4, at.columns - 4 * v), offset });
    });
  }

  private addPixels(count: number, sums: readonly (readonly Vector[])[], from: number): void {
    const { f, image, gradient, element } = this;
    const { step, apart, pixel } = this.row;
    const values = this.values.slice(0, count);
    eachSum(values, (value, t, v) => f.load('v128.load', gradient, t * pixel + 16 * v).set(value));
    const columnOf = (t: number, s: number): number => t * step + (from + s) * apart;
    for (const [x, products] of productsByColumn(count, sums.length, columnOf)) {
      element.forEach((vector, v) => f.load('v128.load', image, x * pixel + 16 * v).set(vector));
      for (const { pixel: t, column } of products)
        sums[column].forEach((sum, v) =>
          emitMultiplyAdd(f, this.context.features, element[v], values[t][v], sum).set(sum),
        );
    }
    f.bump(image, count * step * pixel).bump(gradient, count * pixel);
  }
}
