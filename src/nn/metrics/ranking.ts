/** Metrics of how well scores rank the samples of a class before the others: exact over the whole split, ties included. */
import * as z from 'zod';
import { argmax, concat, exp, log, type Node, reduceMax, reduceSum, reshape, select, slice, sub } from '../../tensor/index.js'; // prettier-ignore
import { logSumExp } from '../losses/numerics.js';
import { isLabel } from '../target.js';
import { indicators, isMulticlass } from './indicators.js';
import { columnOf, defineMetric } from './metric.js';

/** The scores of a class and which samples are of it. */
interface Ranking {
  readonly scores: Float64Array;
  readonly isOfClass: Float64Array;
}

/** True and false positives above each threshold at which they change, from the highest on. */
function counts({ scores, isOfClass }: Ranking): { hits: number[]; alarms: number[] } {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a]);
  const [hits, alarms] = [[0], [0]];
  let [hit, alarm] = [0, 0];
  order.forEach((sample, i) => {
    if (isOfClass[sample] === 1) hit++;
    else alarm++;
    if (i + 1 < order.length && scores[order[i + 1]] === scores[sample]) return;
    hits.push(hit);
    alarms.push(alarm);
  });
  return { hits, alarms };
}

/** Area under the curve of true over false positives: the probability that a sample of the class scores higher, ties half. */
function areaUnderRoc(ranking: Ranking): number {
  const { hits, alarms } = counts(ranking);
  const area = hits.reduce((sum, hit, i) => (i === 0 ? 0 : sum + ((alarms[i] - alarms[i - 1]) * (hit + hits[i - 1])) / 2), 0); // prettier-ignore
  return area / (hits[hits.length - 1] * alarms[alarms.length - 1]);
}

/** Sum over thresholds of the gain in recall times the precision there. */
function averagePrecisionOf(ranking: Ranking): number {
  const { hits, alarms } = counts(ranking);
  const sum = hits.reduce(
    (total, hit, i) => (i === 0 ? 0 : total + ((hit - hits[i - 1]) * hit) / (hit + alarms[i])),
    0,
  );
  return sum / hits[hits.length - 1];
}

/** Stands for a logit of minus infinity. */
const NEVER = -1e30;

/**
 * log(p / (1 - p)) of each class under the softmax of the logits, [batch, classes]: it ranks as p does, and still differs where p
 * has rounded to 1. The sum without the largest is taken apart, as subtracting that would cancel.
 */
function logOdds(logits: Node): Node {
  const [batch, classes] = logits.shape;
  const isLargest = isLabel(argmax(logits, 1), classes);
  const shifted = sub(logits, reshape(reduceMax(logits, 1), [batch, 1]));
  const powers = exp(shifted);
  const others = sub(reshape(reduceSum(powers, 1), [batch, 1]), powers);
  const ofLargest = sub(logits, logSumExp(select(isLargest, NEVER, logits)));
  return select(isLargest, ofLargest, sub(shifted, log(select(isLargest, 1, others))));
}

/** Scores and labels of each class, f32 [batch, 2 k]. Two classes are ranked by one score: the other's ranking is the same, reversed. */
function scoresAndLabels(output: Node, target: Node, what: string): Node {
  const [, actual] = indicators(output, target, what);
  if (!isMulticlass(output, target)) return concat([output, actual], 1);
  const [batch, classes] = output.shape;
  const odds = logOdds(output);
  if (classes > 2) return concat([odds, actual], 1);
  const second = (x: Node): Node => slice(x, [0, 1], [batch, 2]);
  return concat([second(odds), second(actual)], 1);
}

const rankingMetric = (name: string, description: string, score: (ranking: Ranking) => number) =>
  defineMetric({
    description: `${description}; of several classes each against the rest. Exact over the whole split.`,
    schema: z.object({
      average: z
        .enum(['macro', 'micro'])
        .default('macro')
        .describe('mean over the classes for which it is defined, or one ranking of all decisions'),
    }),
    targets: ['classes', 'labels'],
    mode: 'max',
    combine: 'append',
    statistics: (output, target) => scoresAndLabels(output, target, name),
    finalize(statistics, { average }) {
      const classes = statistics.width / 2;
      const rankings = Array.from({ length: classes }, (_, c): Ranking => ({
        scores: columnOf(statistics, c),
        isOfClass: columnOf(statistics, classes + c),
      }));
      if (average === 'micro') return score(pooled(rankings));
      const defined = rankings.map(score).filter((value) => !Number.isNaN(value));
      return defined.reduce((a, b) => a + b, 0) / defined.length;
    },
  });

/** All decisions as one ranking. */
const pooled = (rankings: readonly Ranking[]): Ranking => ({
  scores: Float64Array.from(rankings.flatMap(({ scores }) => [...scores])),
  isOfClass: Float64Array.from(rankings.flatMap(({ isOfClass }) => [...isOfClass])),
});

/** As scikit-learn's roc_auc_score, multi_class='ovr'. */
export const rocAuc = rankingMetric(
  'roc_auc',
  'Area under the ROC curve: the probability that a sample of the class scores higher than another, ties half',
  areaUnderRoc,
);
/** As scikit-learn's average_precision_score. */
export const averagePrecision = rankingMetric(
  'average_precision',
  'Precision averaged over the recall that each threshold gains',
  averagePrecisionOf,
);
