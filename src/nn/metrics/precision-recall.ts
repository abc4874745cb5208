/** Precision, recall and F1 from counts by class: true positives, predicted positives, actual positives. */
import * as z from 'zod';
import { argmax, cast, gt, mul, type Node, reduceSum } from '../../tensor/index.js';
import { checkLabels, isLabel, targetLike } from '../target.js';
import { isMulticlass } from './accuracy.js';
import { defineMetric, vectorOf } from './metric.js';

/** [batch, classes] of 0 and 1: what was predicted and what is so. A single unit has one class, the positive one. */
function indicators(output: Node, target: Node, what: string): [Node, Node] {
  if (isMulticlass(output, target)) {
    checkLabels(output, target, what);
    const classes = output.shape[1];
    return [cast(isLabel(argmax(output, 1), classes), 'f32'), cast(isLabel(target, classes), 'f32')];
  }
  return [cast(gt(output, 0), 'f32'), cast(gt(targetLike(output, target, what), 0.5), 'f32')];
}

interface Counts {
  readonly hits: number;
  readonly predicted: number;
  readonly actual: number;
}

function countsOf(sums: readonly number[]): Counts[] {
  const classes = sums.length / 3;
  return Array.from({ length: classes }, (_, c) => ({
    hits: sums[c],
    predicted: sums[classes + c],
    actual: sums[2 * classes + c],
  }));
}

/** 0 where nothing was predicted or nothing is there, as scikit-learn has it. */
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** As scikit-learn: the macro mean leaves out classes that neither occur nor are predicted. */
const scoreByClass = (name: string, formula: string, score: (counts: Counts) => number) =>
  defineMetric({
    description: `${formula}; of a single output for the positive class.`,
    schema: z.object({
      average: z
        .enum(['macro', 'micro'])
        .default('macro')
        .describe('mean of the scores of the classes, or one score from counts over all classes'),
    }),
    tasks: ['classification'],
    mode: 'max',
    statistics(output, target) {
      const [predicted, actual] = indicators(output, target, name);
      return vectorOf([reduceSum(mul(predicted, actual), 0), reduceSum(predicted, 0), reduceSum(actual, 0)]);
    },
    finalize(sums, { average }) {
      const all = countsOf(sums);
      if (average === 'micro') {
        const total = (key: keyof Counts): number => all.reduce((sum, counts) => sum + counts[key], 0);
        return score({ hits: total('hits'), predicted: total('predicted'), actual: total('actual') });
      }
      const seen = all.filter(({ predicted, actual }) => predicted + actual > 0);
      return ratio(
        seen.reduce((sum, counts) => sum + score(counts), 0),
        seen.length,
      );
    },
  });

export const precision = scoreByClass(
  'precision',
  'Share of those predicted as a class that are of it',
  ({ hits, predicted }) => ratio(hits, predicted),
);
export const recall = scoreByClass('recall', 'Share of those of a class that are predicted as it', ({ hits, actual }) =>
  ratio(hits, actual),
);
export const f1 = scoreByClass('f1', 'Harmonic mean of precision and recall', ({ hits, predicted, actual }) =>
  ratio(2 * hits, predicted + actual),
);
