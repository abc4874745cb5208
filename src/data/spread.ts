/**
 * Statistics of the training split per entry of the last axis (a column of a table, a channel of an image), on which
 * preprocessing is fitted. Computed lazily.
 */
import { bytesIn } from './records.js';
import type { EncodedFeatures, EncodedSamples } from './source.js';
import { sizeOf } from '../tensor/shape.js';

export interface SpreadStatistics {
  readonly mean: number;
  /** Population standard deviation (divided by n, not n - 1). */
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

/** Statistics of one entry. */
export interface EntrySpread {
  statistics(): SpreadStatistics;
  /** The `share` quantile, interpolated linearly as in NumPy's `quantile`. */
  quantile(share: number): number;
}

/** Statistics of all entries. */
export interface AllSpreads {
  statistics(): readonly SpreadStatistics[];
  quantile(entry: number, share: number): number;
}

/** Values sorted together for quantiles: 128 MiB of float64. */
const MOST_SORTED = 2 ** 24;

export class Spread implements AllSpreads {
  private known: readonly SpreadStatistics[] | undefined;
  private readonly sorted = new Map<number, Float64Array>();

  /** `blocks` makes a pass over the samples, whose last axis has `width` entries. */
  constructor(
    private readonly width: number,
    private readonly blocks: () => Iterable<EncodedSamples>,
  ) {}

  statistics(): readonly SpreadStatistics[] {
    return (this.known ??= this.measure());
  }

  quantile(entry: number, share: number): number {
    const values = this.sorted.get(entry) ?? this.sort(entry);
    const at = share * (values.length - 1);
    const below = Math.floor(at);
    const [low, high] = [values[below], values[Math.min(below + 1, values.length - 1)]];
    return low + (high - low) * (at - below);
  }

  private measure(): SpreadStatistics[] {
    const counts = new Float64Array(this.width * 256);
    const floats = new FloatSums(this.width);
    let bytes = false;
    for (const { features } of this.blocks()) {
      eachRun(features, (values) => {
        bytes = values instanceof Uint8Array;
        if (values instanceof Uint8Array) countBytes(values, this.width, counts);
        else floats.addFirst(values);
      });
    }
    if (bytes) return statisticsOfCounts(counts, this.width);
    // In two passes, mean first: sums of squares would cancel.
    for (const { features } of this.blocks()) {
      eachRun(features, (values) => {
        if (values instanceof Float64Array) floats.addSecond(values);
      });
    }
    return floats.statistics();
  }

  /** Sorts the values of `entry` and of as many following ones as fit; earlier ones are not requested again. */
  private sort(entry: number): Float64Array {
    const { width } = this;
    let length = 0;
    for (const { features } of this.blocks()) eachRun(features, (values) => (length += values.length / width));
    const entries = Math.max(1, Math.min(width - entry, Math.floor(MOST_SORTED / Math.max(1, length))));
    const columns = Array.from({ length: entries }, () => new Float64Array(length));
    let first = 0;
    for (const { features } of this.blocks()) {
      eachRun(features, (values) => {
        const rows = values.length / width;
        for (let row = 0; row < rows; row++) {
          for (let k = 0; k < entries; k++) columns[k][first + row] = values[row * width + entry + k];
        }
        first += rows;
      });
    }
    this.sorted.clear();
    columns.forEach((column, k) => this.sorted.set(entry + k, column.sort()));
    return columns[0];
  }
}

/** Calls `visit` with the values of the samples in contiguous runs. */
function eachRun(features: EncodedFeatures, visit: (values: Uint8Array | Float64Array) => void): void {
  const { shape, records, rows } = features;
  if (records !== undefined) {
    for (let first = 0; first < rows.length; first += records.atOnce) {
      visit(bytesIn(records, rows.subarray(first, first + records.atOnce)));
    }
    return;
  }
  const { values } = features;
  if (rows === undefined) return visit(values);
  const width = sizeOf(shape);
  for (const row of rows) visit(values.subarray(row * width, (row + 1) * width));
}

function countBytes(values: Uint8Array, width: number, counts: Float64Array): void {
  for (let start = 0; start < values.length; start += width) {
    for (let entry = 0; entry < width; entry++) counts[entry * 256 + values[start + entry]]++;
  }
}

/** Exact, from a histogram of the 256 values. */
function statisticsOfCounts(counts: Float64Array, width: number): SpreadStatistics[] {
  return Array.from({ length: width }, (_, entry) => {
    const histogram = counts.subarray(entry * 256, (entry + 1) * 256);
    const n = histogram.reduce((sum, count) => sum + count, 0);
    const mean = histogram.reduce((sum, count, value) => sum + count * value, 0) / n;
    const variance = histogram.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0) / n;
    const min = histogram.findIndex((count) => count > 0);
    return { mean, std: Math.sqrt(variance), min, max: histogram.findLastIndex((count) => count > 0) };
  });
}

class FloatSums {
  private n = 0;
  private readonly sum: Float64Array;
  private readonly squares: Float64Array;
  private readonly min: Float64Array;
  private readonly max: Float64Array;

  constructor(private readonly width: number) {
    this.sum = new Float64Array(width);
    this.squares = new Float64Array(width);
    this.min = new Float64Array(width).fill(Infinity);
    this.max = new Float64Array(width).fill(-Infinity);
  }

  addFirst(values: Float64Array): void {
    const { sum, min, max, width } = this;
    this.n += values.length / width;
    for (let start = 0; start < values.length; start += width) {
      for (let entry = 0; entry < width; entry++) {
        const value = values[start + entry];
        sum[entry] += value;
        if (value < min[entry]) min[entry] = value;
        if (value > max[entry]) max[entry] = value;
      }
    }
  }

  addSecond(values: Float64Array): void {
    const { sum, squares, n, width } = this;
    for (let start = 0; start < values.length; start += width) {
      for (let entry = 0; entry < width; entry++) squares[entry] += (values[start + entry] - sum[entry] / n) ** 2;
    }
  }

  statistics(): SpreadStatistics[] {
    const { sum, squares, min, max, n, width } = this;
    return Array.from({ length: width }, (_, entry) => ({
      mean: min[entry] === max[entry] ? min[entry] : sum[entry] / n,
      // A constant column has no spread, whatever the rounding of its mean.
      std: min[entry] === max[entry] ? 0 : Math.sqrt(squares[entry] / n),
      min: min[entry],
      max: max[entry],
    }));
  }
}
