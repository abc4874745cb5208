/** Augmentations of preprocessed features of any shape. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, bitAnd, mul, select } from '../../tensor/index.js';
import { amount, featurewise, perSample, probability, rangeOf } from './augmentation.js';

const noiseOn = (what: string, sequential: boolean) =>
  featurewise({
    description: `Adds independent normal noise to every value of ${what}, after preprocessing.`,
    schema: z.object({
      std: amount.default(0.1).describe('standard deviation, or [from, to]'),
      probability: probability(1),
    }),
    sequential,
    apply(context, { std, probability: share }, x) {
      const strength = context.sometimes(share, context.between('std', rangeOf(std)), 0);
      return add(x, mul(context.random.normal(context.stream('noise'), x.shape), perSample(strength, x.shape.length)));
    },
  });

export const featureNoise = noiseOn('a sample', false);
export const jitter = noiseOn('a sequence', true);

export const featureMask = featurewise({
  description: 'Puts a fixed value in the place of random features, after preprocessing.',
  schema: z.object({
    rate: atoms.properFraction.default(0.1).describe('share of the features of a sample'),
    value: atoms.finite.default(0).describe('what is put there; 0 is the mean of standardized features'),
    probability: probability(1),
  }),
  sequential: false,
  apply(context, { rate, value, probability: share }, x) {
    const masked = context.random.bernoulli(context.stream('mask'), x.shape, rate);
    if (share === 1) return select(masked, value, x);
    return select(bitAnd(masked, perSample(context.happens(share), x.shape.length)), value, x);
  },
});
