/** Precision, recall and F1 from counts by class: true positives, predicted positives, actual positives. */
import * as z from 'zod';
import { mul, reduceSum } from '../../tensor/index.js';
import { indicators } from './indicators.js';
import { defineMetric, type Statistics, vectorOf } from './metric.js';

export interface Counts {
  readonly hits: number;
  readonly predicted: number;
  readonly actual: number;
}

/** From the three sums of each class, one kind after the other. */
export function countsOf({ values, width }: Statistics): Counts[] {
  const classes = width / 3;
  return Array.from({ length: classes }, (_, c) => ({
    hits: values[c],
    predicted: values[classes + c],
    actual: values[2 * classes + c],
  }));
}

/** 0 where nothing was predicted or nothing is there, as in scikit-learn. */
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** The scores of a class by name. */
export const scores = {
  precision: ({ hits, predicted }: Counts): number => ratio(hits, predicted),
  recall: ({ hits, actual }: Counts): number => ratio(hits, actual),
  f1: ({ hits, predicted, actual }: Counts): number => ratio(2 * hits, predicted + actual),
};

/** As scikit-learn: the macro mean leaves out classes that neither occur nor are predicted. */
const scoreByClass = (name: keyof typeof scores, formula: string) =>
  defineMetric({
    description: `${formula}; of a single output for the positive class.`,
    schema: z.object({
      average: z
        .enum(['macro', 'micro', 'weighted'])
        .default('macro')
        .describe(
          'mean of the scores of the classes, one score from counts over all classes, or a mean weighted by the samples of each class',
        ),
    }),
    targets: ['classes', 'labels'],
    mode: 'max',
    statistics(output, target) {
      const [predicted, actual] = indicators(output, target, name);
      return vectorOf([reduceSum(mul(predicted, actual), 0), reduceSum(predicted, 0), reduceSum(actual, 0)]);
    },
    finalize(sums, { average }) {
      const score = scores[name];
      const all = countsOf(sums);
      if (average === 'micro') {
        const total = (key: keyof Counts): number => all.reduce((sum, counts) => sum + counts[key], 0);
        return score({ hits: total('hits'), predicted: total('predicted'), actual: total('actual') });
      }
      if (average === 'weighted') {
        const samples = all.reduce((sum, { actual }) => sum + actual, 0);
        return ratio(
          all.reduce((sum, counts) => sum + counts.actual * score(counts), 0),
          samples,
        );
      }
      const seen = all.filter(({ predicted, actual }) => predicted + actual > 0);
      return ratio(
        seen.reduce((sum, counts) => sum + score(counts), 0),
        seen.length,
      );
    },
  });

export const precision = scoreByClass('precision', 'Share of those predicted as a class that are of it');
export const recall = scoreByClass('recall', 'Share of those of a class that are predicted as it');
export const f1 = scoreByClass('f1', 'Harmonic mean of precision and recall');
