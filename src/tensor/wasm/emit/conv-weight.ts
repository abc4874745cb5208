/**
 * Weight gradients of convolutions: sums over pixels of the input at a distance times the output gradient. A tile's rows are
 * neighbouring elements of the kernel (kernel column, channel), its columns filters.
 */
import type { NodeOf } from '../../graph.js';
import { type FunctionEmitter, i32, type I32, type I32Local } from '../assembler.js';
import { defineKernel, type EmitContext, type EmittedKernel, Memo } from './kernel.js';
import { emitStore } from './lanes.js';
import { correlatedInput, emitPaddedCopy, emitZeroFill, rowBytes } from './padded-image.js';
import { defineSums, panelWidth, panelWidths, type SumLoop } from './tile.js';
import { tileRows } from '../features.js';

/** Pixels of the output gradient that a pass over all tiles sums at once: their inputs stay in the first-level cache. */
const PIXEL_BLOCK = 144;

/** Addresses of the images, of the output gradients and of the weight gradients. */
interface Operands {
  readonly x: number;
  readonly g: number;
  readonly out: number;
}

/** The sizes of a weight gradient, and how it is cut; distances are in bytes. */
function planWeightGradient({ features }: EmitContext, root: NodeOf<'conv_weight_parts'>, x: number) {
  const { strides, dilation, groups } = root.attrs;
  const [batch, height] = root.inputs[0].shape;
  const [, outHeight, outWidth, filters] = root.inputs[1].shape;
  const [parts, kh, kw, groupChannels] = root.shape;
  const groupFilters = filters / groups;
  const samples = batch / parts;
  const { image, copies } = correlatedInput(root, x);
  // Small images are summed several at a time, large ones a band of rows.
  const together = Math.max(1, Math.min(samples, Math.round(PIXEL_BLOCK / (outHeight * outWidth))));
  const blockRows = together > 1 ? outHeight : Math.max(1, Math.min(outHeight, Math.round(PIXEL_BLOCK / outWidth)));
  const panel = panelWidth(features, groupFilters);
  const sumRows = kh * kw * groupChannels;
  // Tiles of nearly equal height, as a last one of few rows would take as long as the others.
  const tallest = Math.ceil(sumRows / Math.ceil(sumRows / tileRows(features, panel / 4)));
  // Sums of filters that fill no whole vectors wait in scratch memory: stores of a few lanes would keep V8 from pairing vectors.
  const isPadded = groupFilters % 4 > 0;
  const groupPitch = isPadded ? 4 * Math.ceil(groupFilters / 4) : groupFilters;
  // Row m = (r, s, c) of the gradient reads the image from this offset on.
  const offsets = Array.from({ length: sumRows }, (_, m) => {
    const c = m % groupChannels;
    const s = Math.floor(m / groupChannels) % kw;
    const r = Math.floor(m / groupChannels / kw);
    return r * dilation[0] * rowBytes(image) + s * dilation[1] * 4 * image.channels + 4 * c;
  });
  const panels = panelWidths(groupFilters, panel);
  const panelBytes = together * blockRows * outWidth * panel * 4;
  const imageBytes = (copies ? image.paddedHeight : height) * rowBytes(image);
  return {
    strides, groups, groupChannels, groupFilters, filters, outHeight, outWidth, parts, samples, image, copies, together, blockRows,
    panel, panels, panelBytes, sumRows, tallest, isPadded, groupPitch, imageBytes,
    sumPitch: groups * groupPitch,
    runs: tileRuns(offsets, tallest),
    /** Where in scratch memory the padded images are, and the sums. */
    imagesAt: panels.length * panelBytes,
    sumsAt: panels.length * panelBytes + (copies ? together * imageBytes : 0),
  }; // prettier-ignore
}

type WeightPlan = ReturnType<typeof planWeightGradient>;

/** The weight gradients of parts of the batch, a unit each; a separate reduction adds them up. */
export function emitWeightGradient(
  context: EmitContext,
  root: NodeOf<'conv_weight_parts'>,
  x: number,
  g: number,
  out: number,
): EmittedKernel {
  const plan = planWeightGradient(context, root, x);
  const { parts, samples, sumRows, filters, outHeight, outWidth, isPadded, sumPitch, sumsAt } = plan;
  const tile = defineTiles(context, plan);
  const index = defineKernel(context.module, (f, unit, scratch) => {
    const target = f.let(unit.times(sumRows * filters * 4).plus(out));
    const sums = f.let(isPadded ? scratch.plus(sumsAt) : target);
    emitZeroFill(f, f.let(sums), sumRows * sumPitch * 4);
    const first = f.let(unit.times(samples));
    new PartEmitter(f, plan, { x, g, out }, tile, scratch).emit(first, sums);
    if (isPadded) emitUnpadded(f, plan, sums, target);
  });
  return {
    function: index,
    units: parts,
    unitCost: (2 * sumRows * filters * outHeight * outWidth * samples) / 16,
    scratch: sumsAt + (isPadded ? sumRows * sumPitch * 4 : 0),
  };
}

/** (a, b, sums, rows of pixels or images): adds to the sums of a tile's rows and columns. */
function defineTiles(context: EmitContext, plan: WeightPlan): (rows: readonly number[], columns: number) => number {
  const { strides, image, outHeight, outWidth, together, imageBytes, sumPitch, panels, runs } = plan;
  const pixelLoops = (vectors: number, count: I32Local): SumLoop[] => {
    const pixels: SumLoop = { count: outWidth, aStep: strides[1] * 4 * image.channels, bStep: 16 * vectors };
    const rowSteps = { aStep: strides[0] * rowBytes(image), bStep: outWidth * 16 * vectors };
    if (together === 1) return [{ count, ...rowSteps }, pixels];
    return [
      { count, aStep: imageBytes, bStep: outHeight * outWidth * 16 * vectors },
      { count: outHeight, ...rowSteps },
      pixels,
    ];
  };
  const tiles = new Memo<string>();
  const tile = (rows: readonly number[], columns: number): number =>
    tiles.get(`${rows.join()}x${columns}`, () => {
      const vectors = Math.ceil(columns / 4);
      const loops = (count: I32Local): SumLoop[] => pixelLoops(vectors, count);
      return defineSums(context, { rows, vectors }, { pitch: 4 * sumPitch, resumes: true, loops });
    });
  for (const { pattern } of runs) for (const columns of new Set(panels)) tile(pattern, columns);
  return tile;
}

/** Emits the sums over a part of the batch. */
class PartEmitter {
  constructor(
    private readonly f: FunctionEmitter,
    private readonly plan: WeightPlan,
    private readonly operands: Operands,
    private readonly tile: (rows: readonly number[], columns: number) => number,
    private readonly scratch: I32,
  ) {}

  /** Adds the products of the part's samples, from number `sample` on, to the sums. */
  emit(sample: I32Local, sums: I32): void {
    const { f, plan, operands } = this;
    const { samples, together, copies, imageBytes, outHeight, blockRows, groups } = plan;
    const stop = f.let(sample.plus(samples));
    const [images, y, amount] = f.i32Locals(3);
    const block = (source: I32): void => {
      f.assign(amount, together > 1 ? images : this.atMost(blockRows, outHeight, y));
      for (let group = 0; group < groups; group++) {
        this.packGradient(sample, y, amount, group);
        this.sumGroup(source, y, amount, sums, group);
      }
    };
    f.doWhile(() => {
      f.assign(images, this.atMost(together, stop, sample));
      const source = copies ? this.copyImages(sample, images) : f.let(i32(operands.x).plus(sample.times(imageBytes)));
      f.assign(y, 0).upTo(outHeight, y, blockRows, () => block(source));
      f.assign(sample, sample.plus(images));
    }, sample.isLess(stop));
  }

  /** min(limit, end - first) */
  private atMost(limit: number, end: I32 | number, first: I32): I32 {
    const left = this.f.let(i32(end).minus(first));
    return i32(limit).atMost(left);
  }

  private copyImages(sample: I32, images: I32): I32Local {
    const { f, plan } = this;
    const source = f.let(this.scratch.plus(plan.imagesAt));
    const [place, number] = [f.let(source), f.let(sample)];
    const last = f.let(sample.plus(images));
    f.upTo(last, number, 1, () => {
      emitPaddedCopy(f, plan.image, number, f.let(0), plan.image.paddedHeight, place);
      f.bump(place, plan.imageBytes);
    });
    return source;
  }

  /** The block's output gradient in panels of neighbouring filters. */
  private packGradient(sample: I32, y: I32, amount: I32, group: number): void {
    const { f, plan } = this;
    const { outHeight, outWidth, filters, groupFilters, panel, panels, panelBytes, together } = plan;
    panels.forEach((columns, p) => {
      const first = this.operands.g + 4 * (group * groupFilters + p * panel);
      const from = f.let(sample.times(outHeight).plus(y).times(outWidth * filters * 4).plus(first)); // prettier-ignore
      const to = f.let(this.scratch.plus(p * panelBytes));
      const pixels = f.let(amount.times((together > 1 ? outHeight : 1) * outWidth));
      const vectors = Math.ceil(columns / 4);
      f.countDown(pixels, () => {
        for (let v = 0; v < vectors; v++) f.store('v128.store', to, () => f.load('v128.load', from, 16 * v), 16 * v);
        f.bump(from, 4 * filters).bump(to, 16 * vectors);
      });
    });
  }

  /** All tiles of a group. */
  private sumGroup(source: I32, y: I32, amount: I32, sums: I32, group: number): void {
    const { f, plan } = this;
    const { strides, image, groupChannels, sumPitch, groupPitch, runs, tallest } = plan;
    const [a, c] = f.i32Locals(2);
    for (const { start, first, count, pattern, step } of runs) {
      f.assign(a, source.plus(y.times(strides[0] * rowBytes(image))).plus(group * groupChannels * 4 + first));
      f.assign(c, sums.plus((start * sumPitch + group * groupPitch) * 4));
      f.repeat(count, () => {
        this.eachPanel(pattern, a, c, amount);
        f.bump(a, step).bump(c, tallest * sumPitch * 4);
      });
    }
  }

  /** All panels of one tile of rows. */
  private eachPanel(pattern: readonly number[], a: I32, c: I32Local, amount: I32): void {
    const { f, plan, tile } = this;
    const { panel, panels, panelBytes } = plan;
    const packed = f.let(this.scratch);
    const full = panels.length - 1;
    if (full > 0) {
      f.repeat(full, () => {
        f.call(tile(pattern, panel), a, packed, c, amount);
        f.bump(packed, panelBytes).bump(c, 4 * panel);
      });
    }
    f.call(tile(pattern, panels[full]), a, packed, c, amount);
    f.bump(c, -4 * panel * full);
  }
}

/** Copies sums whose rows are whole vectors to where they follow one another. */
function emitUnpadded(f: FunctionEmitter, plan: WeightPlan, sums: I32Local, target: I32Local): void {
  const { sumRows, groups, groupPitch, groupFilters } = plan;
  const vector = f.local('v128');
  f.repeat(sumRows * groups, () => {
    for (let v = 0; v < groupPitch / 4; v++) {
      f.load('v128.load', sums, 16 * v).set(vector);
      emitStore(f, 'f32', target, vector, { lanes: Math.min(4, groupFilters - 4 * v), offset: 16 * v });
    }
    f.bump(sums, 4 * groupPitch).bump(target, 4 * groupFilters);
  });
}

/** Neighbouring tiles with one pattern of row offsets, a constant step apart. */
export interface TileRun {
  /** The first tile's first row, and that row's offset. */
  readonly start: number;
  readonly first: number;
  readonly pattern: readonly number[];
  readonly step: number;
  readonly count: number;
}

/** Cuts rows at `offsets` into tiles, and joins these into runs that a loop can go through. */
export function tileRuns(offsets: readonly number[], tallest: number): TileRun[] {
  const runs: TileRun[] = [];
  for (let start = 0; start < offsets.length; start += tallest) {
    const first = offsets[start];
    const pattern = offsets.slice(start, start + tallest).map((o) => o - first);
    const run = runs.at(-1);
    const isSame = run?.pattern.join() === pattern.join();
    const step = run && (run.count === 1 ? first - run.first : run.step);
    if (run && step !== undefined && isSame && first === run.first + run.count * step)
      runs[runs.length - 1] = { ...run, step, count: run.count + 1 };
    else runs.push({ start, first, pattern, step: 0, count: 1 });
  }
  return runs;
}
