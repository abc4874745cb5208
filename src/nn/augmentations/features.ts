/** Augmentations of preprocessed features of any shape. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import type { FeatureColumn } from '../../data/index.js';
import { add, bitAnd, cast, constant, gt, matmul, mul, type Node, select } from '../../tensor/index.js';
import { amount, type AugmentContext, featurewise, perSample, probability, rangeOf } from './augmentation.js';

const noiseOn = (what: string, sequential: boolean) =>
  featurewise({
    description: `Adds independent normal noise to every ${sequential ? 'value' : 'number (not to one-hot features)'} of ${what}, after preprocessing.`,
    schema: z.object({
      std: amount.default(0.1).describe('standard deviation, or [from, to]'),
      probability: probability(1),
    }),
    sequential,
    apply(context, { std, probability: share }, x, columns) {
      const strength = context.sometimes(share, context.between('std', rangeOf(std)), 0);
      const noise = mul(context.random.normal(context.stream('noise'), x.shape), perSample(strength, x.shape.length));
      if (columns === undefined || columns.every(({ isMeasure }) => isMeasure)) return add(x, noise);
      return add(x, mul(noise, constant(columns.map(({ isMeasure }) => Number(isMeasure)), [columns.length]))); // prettier-ignore
    },
  });

export const featureNoise = noiseOn('a sample', false);
export const jitter = noiseOn('a sequence', true);

export const featureMask = featurewise({
  description:
    'Replaces random features by a fixed value, after preprocessing; all features of a category become zeros.',
  schema: z.object({
    rate: atoms.properFraction.default(0.1).describe('share of the features (columns of a table) of a sample'),
    value: atoms.finite.default(0).describe('fill value; 0 is the mean of standardized features'),
    probability: probability(1),
  }),
  sequential: false,
  apply(context, { rate, value, probability: share }, x, columns) {
    const grouped = columns !== undefined && columns.some(({ isMeasure }) => !isMeasure);
    const masked = grouped
      ? columnsMasked(context, rate, x, columns)
      : context.random.bernoulli(context.stream('mask'), x.shape, rate);
    const instead = grouped ? constant(columns.map(({ isMeasure }) => (isMeasure ? value : 0)), [columns.length]) : value; // prettier-ignore
    if (share === 1) return select(masked, instead, x);
    return select(bitAnd(masked, perSample(context.happens(share), x.shape.length)), instead, x);
  },
});

/** Whether each feature is masked, drawn once for each column. */
function columnsMasked(context: AugmentContext, rate: number, x: Node, columns: readonly FeatureColumn[]): Node {
  const names = [...new Set(columns.map(({ column }) => column))];
  const drawn = context.random.bernoulli(context.stream('mask'), [x.shape[0], names.length], rate);
  // [columns, features]: 1 where a feature belongs to a column.
  const belongs = constant(
    names.flatMap((name) => columns.map(({ column }) => Number(column === name))),
    [names.length, columns.length],
  );
  return gt(matmul(cast(drawn, 'f32'), belongs), 0.5);
}
