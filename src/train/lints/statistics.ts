/** What lints need to know about the data: ranges and spreads, estimated from a subset of the values if there are many. */
import { referenceOf } from '../step/dataset.js';
import { sampleOf, type Split, type Table } from '../../data/index.js';
import type { Affine } from '../../data/index.js';

export interface ValueSummary {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly std: number;
  /** The distinct values if there are at most three, else none. */
  readonly distinct: readonly number[];
}

/** Enough values to show the scale of a feature; a lint must not take longer than reading the data did. */
const MOST_VALUES = 50_000;
const MOST_SAMPLES = 2000;
const MOST_DISTINCT = 3;

const widthOf = ({ shape }: Table): number => shape.reduce((all, size) => all * size, 1);

/** Of all values of a table, or of those at one entry of the last axis, which `affine` maps. */
function rangeOf(table: Table, size: number, affine: Affine | undefined, entry?: number): ValueSummary {
  const width = widthOf(table);
  const axis = table.shape.at(-1) ?? 1;
  const samples = Math.min(MOST_SAMPLES, Math.ceil(MOST_VALUES / width));
  const every = Math.max(1, Math.floor(size / samples));
  const isMapped = affine !== undefined && entry !== undefined;
  const [scale, shift] = isMapped ? [affine.scale[entry], affine.shift[entry]] : [1, 0];
  let [min, max, mean, squares, count] = [Infinity, -Infinity, 0, 0, 0];
  const distinct = new Set<number>();
  for (let sample = 0; sample < size; sample += every) {
    const values = sampleOf(table, sample);
    for (let i = entry ?? 0; i < width; i += entry === undefined ? 1 : axis) {
      const value = values[i] * scale + shift;
      // Welford's running mean and sum of squared deviations.
      count++;
      const delta = value - mean;
      mean += delta / count;
      squares += delta * (value - mean);
      min = Math.min(min, value);
      max = Math.max(max, value);
      if (distinct.size <= MOST_DISTINCT) distinct.add(value);
    }
  }
  const std = Math.sqrt(squares / Math.max(count, 1));
  return { min, max, mean, std, distinct: distinct.size > MOST_DISTINCT ? [] : [...distinct] };
}

export const targetRange = (split: Split): ValueSummary => rangeOf(referenceOf(split), split.size, undefined);

/** One for each entry of the features' last axis: each column of a table, each channel of an image. */
export function featureRanges({ size, fields: { features } }: Split, affine: Affine | undefined): ValueSummary[] {
  const entries = features.shape.at(-1) ?? 1;
  return Array.from({ length: entries }, (_, entry) => rangeOf(features, size, affine, entry));
}

/** How many samples each class has. */
export function classCounts(split: Split, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of referenceOf(split).values) counts[label]++;
  return counts;
}
