/**
 * Preprocessing of features. Every component is an affine map for each entry of the last axis (a column of a table, a channel of
 * an image), with constants fitted on the training split; a list of them is one affine map again. Tables are mapped when they
 * are loaded, in float64; the bytes of images stay bytes, and the compiled step maps them.
 */
import * as z from 'zod';
import { finite } from '../config/atoms.js';

/** value * scale + shift, an entry each for every entry of the last axis. */
export interface Affine {
  readonly scale: number[];
  readonly shift: number[];
}

/** What the training split looks like at one entry of the last axis. */
export interface Statistics {
  readonly mean: number;
  /** Population standard deviation (divided by n, not n - 1). */
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

/** One entry's map. */
export interface Line {
  readonly scale: number;
  readonly shift: number;
}

export interface Preprocessor<P> {
  readonly schema: z.ZodObject;
  readonly description: string;
  /** `statistics` are those of the values as they come in, after the components before this one; asking for them costs a pass. */
  readonly fit: (params: P, statistics: () => Statistics) => Line;
}

const scaleSchema = z.object({
  factor: finite.describe('what every value is multiplied with, such as 1/255 for bytes'),
  offset: finite.default(0).describe('what is added after that'),
});
const minmaxSchema = z
  .object({
    min: finite.default(0).describe('where the smallest value of the training split goes'),
    max: finite.default(1).describe('where the largest value of the training split goes'),
  })
  .refine(({ min, max }) => min < max, { path: ['max'], message: 'must be larger than min' });

const standardize: Preprocessor<object> = {
  schema: z.object({}),
  description: 'mean 0 and standard deviation 1 for each column (image channel) of the training split',
  fit: (_, statistics) => {
    const { mean, std } = statistics();
    return std === 0 ? { scale: 1, shift: -mean } : { scale: 1 / std, shift: -mean / std };
  },
};
const scale: Preprocessor<z.output<typeof scaleSchema>> = {
  schema: scaleSchema,
  description: 'value * factor + offset',
  fit: ({ factor, offset }) => ({ scale: factor, shift: offset }),
};
const minmax: Preprocessor<z.output<typeof minmaxSchema>> = {
  schema: minmaxSchema,
  description: 'each column (image channel) of the training split from min to max',
  fit: ({ min, max }, statistics) => {
    const { min: low, max: high } = statistics();
    const factor = low === high ? 1 : (max - min) / (high - low);
    return { scale: factor, shift: min - low * factor };
  },
};

/** All preprocessing components by name. */
export const preprocessors = {
  standardize: { ...standardize, schema: z.object({}) },
  scale: { ...scale, schema: scaleSchema },
  minmax: { ...minmax, schema: minmaxSchema },
};

/** A component as the config has it after parsing. */
export type PreprocessConfig =
  | { readonly type: 'standardize' }
  | ({ readonly type: 'scale' } & z.output<typeof scaleSchema>)
  | ({ readonly type: 'minmax' } & z.output<typeof minmaxSchema>);

function fitOne(config: PreprocessConfig, statistics: () => Statistics): Line {
  switch (config.type) {
    case 'standardize':
      return preprocessors.standardize.fit(config, statistics);
    case 'scale':
      return preprocessors.scale.fit(config, statistics);
    case 'minmax':
      return preprocessors.minmax.fit(config, statistics);
  }
}

function throughLine({ mean, std, min, max }: Statistics, { scale, shift }: Line): Statistics {
  const ends = [min * scale + shift, max * scale + shift];
  return {
    mean: mean * scale + shift,
    std: std * Math.abs(scale),
    min: Math.min(...ends),
    max: Math.max(...ends),
  };
}

/**
 * The one map that `components` come to. `statistics` gives those of the training split's raw values, one for each of `width`
 * entries; entries in `untouched` (one-hot columns) are left as they are.
 */
export function fitAffine(
  components: readonly PreprocessConfig[],
  width: number,
  statistics: () => readonly Statistics[],
  untouched: (entry: number) => boolean = () => false,
): Affine {
  let raw: readonly Statistics[] | undefined;
  const lines = Array.from({ length: width }, (_, entry): Line => {
    let all: Line = { scale: 1, shift: 0 };
    if (untouched(entry)) return all;
    for (const component of components) {
      const soFar = all;
      const line = fitOne(component, () => throughLine((raw ??= statistics())[entry], soFar));
      all = { scale: all.scale * line.scale, shift: all.shift * line.scale + line.shift };
    }
    return all;
  });
  return { scale: lines.map((line) => line.scale), shift: lines.map((line) => line.shift) };
}

/** Statistics of each entry of the last axis, `width` long, over samples `rows` (all where undefined) of `perSample` values. */
export function statisticsOf(
  values: Uint8Array | Float64Array,
  width: number,
  perSample: number,
  rows?: Int32Array,
): Statistics[] {
  const samples = rows ?? Int32Array.from({ length: values.length / perSample }, (_, i) => i);
  return values instanceof Uint8Array
    ? byteStatistics(values, width, perSample, samples)
    : floatStatistics(values, width, perSample, samples);
}

/** From a histogram of the 256 values, so exact. */
function byteStatistics(values: Uint8Array, width: number, perSample: number, rows: Int32Array): Statistics[] {
  const counts = new Float64Array(width * 256);
  for (const row of rows) {
    const end = (row + 1) * perSample;
    for (let start = row * perSample; start < end; start += width) {
      for (let entry = 0; entry < width; entry++) counts[entry * 256 + values[start + entry]]++;
    }
  }
  const n = (rows.length * perSample) / width;
  return Array.from({ length: width }, (_, entry) => {
    const histogram = counts.subarray(entry * 256, (entry + 1) * 256);
    const mean = histogram.reduce((sum, count, value) => sum + count * value, 0) / n;
    const variance = histogram.reduce((sum, count, value) => sum + count * (value - mean) ** 2, 0) / n;
    const min = histogram.findIndex((count) => count > 0);
    return { mean, std: Math.sqrt(variance), min, max: histogram.findLastIndex((count) => count > 0) };
  });
}

/** In two passes, mean first: sums of squares would cancel. */
function floatStatistics(values: Float64Array, width: number, perSample: number, rows: Int32Array): Statistics[] {
  const n = (rows.length * perSample) / width;
  const [sum, squares] = [new Float64Array(width), new Float64Array(width)];
  const [min, max] = [new Float64Array(width).fill(Infinity), new Float64Array(width).fill(-Infinity)];
  const each = (visit: (value: number, entry: number) => void): void => {
    for (const row of rows) {
      for (let i = 0; i < perSample; i++) visit(values[row * perSample + i], i % width);
    }
  };
  each((value, entry) => {
    sum[entry] += value;
    min[entry] = Math.min(min[entry], value);
    max[entry] = Math.max(max[entry], value);
  });
  each((value, entry) => (squares[entry] += (value - sum[entry] / n) ** 2));
  return Array.from({ length: width }, (_, entry) => ({
    mean: min[entry] === max[entry] ? min[entry] : sum[entry] / n,
    // A constant column has no spread, whatever the rounding of its mean.
    std: min[entry] === max[entry] ? 0 : Math.sqrt(squares[entry] / n),
    min: min[entry],
    max: max[entry],
  }));
}

/** `values` mapped by `affine` in float64, then rounded to float32. */
export function applyAffine(values: Float64Array, affine: Affine): Float32Array {
  const { scale, shift } = affine;
  const width = scale.length;
  const mapped = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) mapped[i] = values[i] * scale[i % width] + shift[i % width];
  return mapped;
}
