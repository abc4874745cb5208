/**
 * Weight gradients of convolutions: sums over pixels of the input at a distance times the output gradient. A tile's rows are
 * neighbouring elements of the kernel (kernel column, channel), its columns filters.
 */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter } from '../assembler.js';
import { emitStore } from './expression.js';
import { eachUnit, type EmitContext, type EmittedKernel } from './loop.js';
import { correlatedInput, emitPaddedCopy, emitZeroFill } from './padded-image.js';
import { emitTileSum, panelWidth, type SumLoop } from './tile.js';
import { tileRows } from '../features.js';

/** Pixels of the output gradient that a pass over all tiles sums at once: their inputs stay in the first-level cache. */
const PIXEL_BLOCK = 144;

/**
 * The weight gradients of parts of the batch, a unit each; a reduction of its own adds them up (see lower.ts).
 */
export function emitWeightGradient(
  context: EmitContext,
  root: NodeOf<'conv_weight_parts'>,
  x: number,
  g: number,
  out: number,
): EmittedKernel {
  const { strides, dilation, groups } = root.attrs;
  const [batch, height, , channels] = root.inputs[0].shape;
  const [, outHeight, outWidth, filters] = root.inputs[1].shape;
  const [parts, kh, kw, groupChannels] = root.shape;
  const groupFilters = filters / groups;
  const samples = batch / parts;
  const { image, copies } = correlatedInput(root, x);
  const pixel = 4 * channels;
  const rowBytes = image.paddedWidth * pixel;
  // Small images are summed several at a time, large ones a band of rows.
  const together = Math.max(1, Math.min(samples, Math.round(PIXEL_BLOCK / (outHeight * outWidth))));
  const blockRows = together > 1 ? outHeight : Math.max(1, Math.min(outHeight, Math.round(PIXEL_BLOCK / outWidth)));
  const imageBytes = (copies ? image.paddedHeight : height) * rowBytes;
  const panel = panelWidth(context.features, groupFilters);
  const panels = Math.ceil(groupFilters / panel);
  const sumRows = kh * kw * groupChannels;
  // Tiles of nearly equal height, as a last one of few rows would take as long as the others.
  const tilesDown = Math.ceil(sumRows / tileRows(context.features, panel / 4));
  const tallest = Math.ceil(sumRows / tilesDown);
  const partBytes = sumRows * filters * 4;
  // Sums of filters that fill no whole vectors wait in scratch memory: stores of a few lanes would keep V8 from pairing vectors.
  const padded = groupFilters % 4 > 0;
  const groupPitch = 4 * Math.ceil(groupFilters / 4);
  const sumPitch = padded ? groups * groupPitch : filters;
  const sumBytes = padded ? sumRows * sumPitch * 4 : 0;

  // Row m = (r, s, c) of the gradient reads the image from this offset on.
  const offsets = Array.from({ length: sumRows }, (_, m) => {
    const c = m % groupChannels;
    const s = Math.floor(m / groupChannels) % kw;
    const r = Math.floor(m / groupChannels / kw);
    return r * dilation[0] * rowBytes + s * dilation[1] * pixel + 4 * c;
  });

  const pixelLoops = (vectors: number): SumLoop[] => {
    const pixels: SumLoop = { count: outWidth, aStep: strides[1] * pixel, bStep: 16 * vectors };
    const rowSteps = { aStep: strides[0] * rowBytes, bStep: outWidth * 16 * vectors };
    if (together === 1) return [{ count: { local: 3 }, ...rowSteps }, pixels];
    const imageSteps = { aStep: imageBytes, bStep: outHeight * outWidth * 16 * vectors };
    return [{ count: { local: 3 }, ...imageSteps }, { count: outHeight, ...rowSteps }, pixels];
  };

  const tiles = new Map<string, number>();
  /** (a, b, c, rows of pixels or images): adds to the partial sums at c. */
  const tile = (rows: readonly number[], count: number): number => {
    const key = `${rows.join()}x${count}`;
    const known = tiles.get(key);
    if (known !== undefined) return known;
    const vectors = Math.ceil(count / 4);
    const index = context.module.function({ parameters: ['i32', 'i32', 'i32', 'i32'] }, (f) => {
      const place = (r: number, v: number): number => (r * sumPitch + 4 * v) * 4;
      const loops = pixelLoops(vectors);
      const sums = emitTileSum(f, context, { rows, vectors, loops }, 0, 1, (r, v) =>
        f.get(2).mem('v128.load', place(r, v)),
      );
      sums.forEach((row, r) => row.forEach((local, v) => emitStore(f, 'f32', 2, local, 4, 1, place(r, v))));
    });
    tiles.set(key, index);
    return index;
  };
  const rest = groupFilters - (panels - 1) * panel;
  const runs = tileRuns(offsets, tallest);
  for (const { pattern } of runs) {
    if (panels > 1) tile(pattern, panel);
    tile(pattern, rest);
  }

  const panelBytes = together * blockRows * outWidth * panel * 4;
  const sumsAt = panels * panelBytes + (copies ? together * imageBytes : 0);
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [sample, stop, images, y, amount, source, a, packed, from, to, target, sums, c, first, last] = Array.from(
      { length: 15 },
      () => f.local('i32'),
    );
    /** Leaves min(limit, end - at) on the stack. */
    const atMost = (limit: number, end: () => void, at: number): void => {
      const left = f.local('i32');
      end();
      f.get(at).op('i32.sub').set(left).i32(limit).get(left).i32(limit).get(left).op('i32.lt_s', 'select');
    };
    const copyImages = (): void => {
      const number = f.local('i32');
      const place = f.local('i32');
      f.get(2)
        .i32(panels * panelBytes)
        .op('i32.add')
        .tee(source)
        .set(place);
      f.get(sample).set(number).get(sample).get(images).op('i32.add').set(last);
      f.loop(() => {
        f.i32(0).set(first);
        emitPaddedCopy(f, image, number, first, image.paddedHeight, place);
        f.bump(place, imageBytes).bump(number, 1).get(number).get(last).op('i32.lt_s').branchIf(0);
      });
    };
    /** The block's output gradient in panels of neighbouring filters. */
    const packGradient = (group: number): void => {
      for (let p = 0; p < panels; p++) {
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
        const vectors = Math.ceil((p < panels - 1 ? panel : rest) / 4);
        emitPackRows(f, from, packed, amount, (together > 1 ? outHeight : 1) * outWidth, filters, vectors);
      }
    };
    /** All panels of one tile of rows. */
    const allPanels = (pattern: readonly number[]): void => {
      const call = (count: number): void => {
        f.get(a).get(packed).get(c).get(amount).call(tile(pattern, count));
      };
      f.get(2).set(packed);
      if (panels > 1) {
        f.countedLoop(panels - 1, () => {
          call(panel);
          f.bump(packed, panelBytes).bump(c, 4 * panel);
        });
      }
      call(rest);
      f.bump(c, -4 * panel * (panels - 1));
    };
    eachUnit(f, (unit) => {
      f.get(unit).i32(partBytes).op('i32.mul').i32(out).op('i32.add').set(target);
      if (padded) f.get(2).i32(sumsAt).op('i32.add').set(sums);
      else f.get(target).set(sums);
      f.get(sums).set(to);
      emitZeroFill(f, to, sumRows * sumPitch * 4);
      f.get(unit).i32(samples).op('i32.mul').tee(sample).i32(samples).op('i32.add').set(stop);
      f.loop(() => {
        atMost(together, () => f.get(stop), sample);
        f.set(images);
        if (copies) copyImages();
        else f.i32(x).get(sample).i32(imageBytes).op('i32.mul', 'i32.add').set(source);
        f.i32(0).set(y);
        f.loop(() => {
          if (together > 1) f.get(images);
          else atMost(blockRows, () => f.i32(outHeight), y);
          f.set(amount);
          for (let group = 0; group < groups; group++) {
            packGradient(group);
            for (const { start, first: offset, count, pattern, step } of runs) {
              f.get(source)
                .get(y)
                .i32(strides[0] * rowBytes)
                .op('i32.mul', 'i32.add');
              f.i32(group * groupChannels * 4 + offset)
                .op('i32.add')
                .set(a);
              f.get(sums)
                .i32((start * sumPitch + group * (padded ? groupPitch : groupFilters)) * 4)
                .op('i32.add')
                .set(c);
              f.countedLoop(count, () => {
                allPanels(pattern);
                f.bump(a, step).bump(c, tallest * sumPitch * 4);
              });
            }
          }
          f.bump(y, blockRows).get(y).i32(outHeight).op('i32.lt_s').branchIf(0);
        });
        f.get(sample).get(images).op('i32.add').tee(sample).get(stop).op('i32.lt_s').branchIf(0);
      });
      if (padded) {
        const vector = f.local('v128');
        f.countedLoop(sumRows * groups, () => {
          for (let v = 0; v < groupPitch / 4; v++) {
            f.get(sums)
              .mem('v128.load', 16 * v)
              .set(vector);
            emitStore(f, 'f32', target, vector, Math.min(4, groupFilters - 4 * v), 1, 16 * v);
          }
          f.bump(sums, 4 * groupPitch).bump(target, 4 * groupFilters);
        });
      }
    });
  });
  return {
    function: index,
    units: parts,
    unitCost: (2 * sumRows * filters * outHeight * outWidth * samples) / 16,
    scratch: sumsAt + sumBytes,
  };
}

/** Neighbouring tiles with one pattern of row offsets, a constant step apart. */
interface TileRun {
  /** The first tile's first row, and that row's offset. */
  readonly start: number;
  readonly first: number;
  readonly pattern: readonly number[];
  readonly step: number;
  count: number;
}

/** Cuts rows at `offsets` into tiles, and joins these into runs that a loop can go through. */
function tileRuns(offsets: readonly number[], tallest: number): TileRun[] {
  const runs: TileRun[] = [];
  for (let start = 0; start < offsets.length; start += tallest) {
    const first = offsets[start];
    const pattern = offsets.slice(start, start + tallest).map((o) => o - first);
    const run = runs.at(-1);
    const same = run?.pattern.join() === pattern.join();
    if (run && same && run.count === 1) runs[runs.length - 1] = { ...run, step: first - run.first, count: 2 };
    else if (run && same && first === run.first + run.count * run.step) run.count++;
    else runs.push({ start, first, pattern, step: 0, count: 1 });
  }
  return runs;
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
