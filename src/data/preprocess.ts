/**
 * Preprocessing of features. Every component is an affine map per entry of the last axis (a column of a table, a channel of
 * an image), with constants fitted on the training split; a list of them composes to one affine map. Tables are mapped when they
 * are loaded, in float64; the bytes of images stay bytes, and the compiled step maps them.
 */
import * as z from 'zod';
import { finite } from '../config/atoms.js';
import { pcaSchema, type ProjectionConfig, zcaSchema } from './projection.js';
import type { AllSpreads, EntrySpread, SpreadStatistics } from './spread.js';

/** value * scale + shift, per entry of the last axis. */
export interface Affine {
  readonly scale: number[];
  readonly shift: number[];
}

/** One entry's map. */
export interface Line {
  readonly scale: number;
  readonly shift: number;
}

export interface Preprocessor<P> {
  readonly schema: z.ZodObject;
  readonly description: string;
  /** `values` is the spread of an entry's values after the preceding components. */
  readonly fit: (params: P, values: EntrySpread) => Line;
}

const scaleSchema = z.object({
  factor: finite.describe('multiplies every value, such as 1/255 for bytes'),
  offset: finite.default(0).describe('added after that'),
});
const minmaxSchema = z
  .object({
    min: finite.default(0).describe('maps the smallest value of the training split to this'),
    max: finite.default(1).describe('maps the largest value of the training split to this'),
  })
  .refine(({ min, max }) => min < max, { path: ['max'], message: 'must be larger than min' });

const percent = z.number().min(0).max(100);
const robustSchema = z
  .object({
    lower: percent.default(25).describe('lower percentile of the range that is scaled to 1'),
    upper: percent.default(75).describe('upper percentile of that range'),
  })
  .refine(({ lower, upper }) => lower < upper, { path: ['upper'], message: 'must be larger than lower' });

const standardize: Preprocessor<object> = {
  schema: z.object({}),
  description: 'mean 0 and standard deviation 1 for each column (image channel) of the training split',
  fit: (_, values) => {
    const { mean, std } = values.statistics();
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
  description: 'each column (image channel) of the training split scaled to the range from min to max',
  fit: ({ min, max }, values) => {
    const { min: low, max: high } = values.statistics();
    const factor = low === high ? 1 : (max - min) / (high - low);
    return { scale: factor, shift: min - low * factor };
  },
};
const robust: Preprocessor<z.output<typeof robustSchema>> = {
  schema: robustSchema,
  description: 'median 0 and interquartile range 1 for each column (image channel): outliers barely count',
  fit: ({ lower, upper }, values) => {
    const range = values.quantile(upper / 100) - values.quantile(lower / 100);
    const scale = range === 0 ? 1 : 1 / range;
    return { scale, shift: -values.quantile(0.5) * scale };
  },
};

/** All preprocessing components by name; those of projection.ts act on all features together. */
export const preprocessors = {
  standardize: { ...standardize, schema: z.object({}) },
  scale: { ...scale, schema: scaleSchema },
  minmax: { ...minmax, schema: minmaxSchema },
  robust: { ...robust, schema: robustSchema },
  pca: {
    schema: pcaSchema,
    description: 'principal components of the numeric features (before the one-hot ones), whitened; comes last',
  },
  zca: {
    schema: zcaSchema,
    description: 'whitening that keeps the layout of the numeric features, such as pixels; comes last',
  },
};

/** A component of the parsed config. */
export type PreprocessConfig = AffineConfig | ProjectionConfig;

/** A component that maps each entry separately. */
export type AffineConfig =
  | { readonly type: 'standardize' }
  | ({ readonly type: 'scale' } & z.output<typeof scaleSchema>)
  | ({ readonly type: 'minmax' } & z.output<typeof minmaxSchema>)
  | ({ readonly type: 'robust' } & z.output<typeof robustSchema>);

export const isProjection = (config: PreprocessConfig): config is ProjectionConfig =>
  config.type === 'pca' || config.type === 'zca';

function fitOne(config: AffineConfig, values: EntrySpread): Line {
  switch (config.type) {
    case 'standardize':
      return preprocessors.standardize.fit(config, values);
    case 'scale':
      return preprocessors.scale.fit(config, values);
    case 'minmax':
      return preprocessors.minmax.fit(config, values);
    case 'robust':
      return preprocessors.robust.fit(config, values);
  }
}

function throughLine({ mean, std, min, max }: SpreadStatistics, { scale, shift }: Line): SpreadStatistics {
  const ends = [min * scale + shift, max * scale + shift];
  return {
    mean: mean * scale + shift,
    std: std * Math.abs(scale),
    min: Math.min(...ends),
    max: Math.max(...ends),
  };
}

/** An entry's spread after the map `line`. */
const through = (spread: AllSpreads, entry: number, line: Line): EntrySpread => ({
  statistics: () => throughLine(spread.statistics()[entry], line),
  quantile: (share) => spread.quantile(entry, line.scale < 0 ? 1 - share : share) * line.scale + line.shift,
});

/**
 * The composition of `components`. `spread` is that of the training split's raw values, at each of `width` entries;
 * entries in `untouched` (one-hot columns) are left unchanged.
 */
export function fitAffine(
  components: readonly AffineConfig[],
  width: number,
  spread: AllSpreads,
  untouched: (entry: number) => boolean = () => false,
): Affine {
  const lines = Array.from({ length: width }, (_, entry): Line => {
    let all: Line = { scale: 1, shift: 0 };
    if (untouched(entry)) return all;
    for (const component of components) {
      const line = fitOne(component, through(spread, entry, all));
      all = { scale: all.scale * line.scale, shift: all.shift * line.scale + line.shift };
    }
    return all;
  });
  return { scale: lines.map((line) => line.scale), shift: lines.map((line) => line.shift) };
}

/** `values` mapped by `affine` in float64, into `mapped`. */
export function applyAffine<A extends Float32Array | Float64Array>(values: Float64Array, affine: Affine, mapped: A): A {
  const { scale, shift } = affine;
  const width = scale.length;
  for (let start = 0; start < values.length; start += width) {
    for (let entry = 0; entry < width; entry++) {
      mapped[start + entry] = values[start + entry] * scale[entry] + shift[entry];
    }
  }
  return mapped;
}
