/** Metrics of how well scores rank the samples of a class before the others: exact over the whole split, ties included. */
import * as z from 'zod';
import { concat, constant, type Node } from '../../tensor/index.js';
import { indicators, isMulticlass } from './indicators.js';
import { columnOf, defineMetric, type Statistics } from './metric.js';

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

/**
 * log(p / (1 - p)) of each class under the softmax of one sample's logits: it ranks as p does, and still differs where p has rounded
 * to 1. It depends on the values of the logits only, not on their order, so that equal probabilities are ties.
 */
function logOdds(logits: Float64Array): Float64Array {
  const sorted = logits.slice().sort();
  const largest = sorted[sorted.length - 1];
  const powers = sorted.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  // Of the others, in the unit of the second largest: subtracting the largest from the sum would cancel.
  const second = sorted[sorted.length - 2];
  const rest = sorted.subarray(0, -1).reduce((total, logit) => total + Math.exp(logit - second), 0);
  return logits.map((logit) =>
    logit === largest ? largest - second - Math.log(rest) : logit - largest - Math.log(sum - Math.exp(logit - largest)),
  );
}

/**
 * Scores and labels of each class, f32 [batch, 2 k]; where k classes compete, logits and labels, and behind them a column that tells
 * so: what ranks is computed from these in float64.
 */
function scoresAndLabels(output: Node, target: Node, what: string): Node {
  const [, actual] = indicators(output, target, what);
  if (!isMulticlass(output, target)) return concat([output, actual], 1);
  return concat([output, actual, constant(1, [output.shape[0], 1])], 1);
}

/** Of each class or label. Two classes are ranked by one score: the other's ranking is the same, reversed. */
function rankingsOf(statistics: Statistics): Ranking[] {
  const { values, width } = statistics;
  const classes = width >> 1;
  const competes = width % 2 === 1;
  const columns = Array.from({ length: classes }, (_, c): Ranking => ({
    scores: columnOf(statistics, c),
    isOfClass: columnOf(statistics, classes + c),
  }));
  if (!competes) return columns;
  for (let row = 0; row < values.length / width; row++) {
    const odds = logOdds(Float64Array.from({ length: classes }, (_, c) => values[row * width + c]));
    columns.forEach(({ scores }, c) => (scores[row] = odds[c]));
  }
  return classes === 2 ? columns.slice(1) : columns;
}

const rankingMetric = (name: string, description: string, score: (ranking: Ranking) => number) =>
  defineMetric({
    description: `${description}; of several classes each against the rest. Exact over the whole split.`,
    schema: z.object({
      average: z
        .enum(['macro', 'micro', 'weighted'])
        .default('macro')
        .describe(
          'mean over the classes for which it is defined, one ranking of all decisions, or a mean weighted by the samples of each class',
        ),
    }),
    targets: ['classes', 'labels'],
    mode: 'max',
    combine: 'append',
    statistics: (output, target) => scoresAndLabels(output, target, name),
    finalize(statistics, { average }) {
      const rankings = rankingsOf(statistics);
      if (average === 'micro') return score(pooled(rankings));
      const defined = rankings
        .map((ranking) => ({ ...ranking, value: score(ranking) }))
        .filter(({ value }) => !Number.isNaN(value));
      const weights = defined.map(({ isOfClass }) => (average === 'macro' ? 1 : isOfClass.reduce((a, b) => a + b, 0)));
      const total = weights.reduce((a, b) => a + b, 0);
      return defined.reduce((sum, { value }, i) => sum + weights[i] * value, 0) / total;
    },
  });

/** All decisions as one ranking. */
function pooled(rankings: readonly Ranking[]): Ranking {
  const joined = (parts: readonly Float64Array[]): Float64Array => {
    const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  };
  return {
    scores: joined(rankings.map(({ scores }) => scores)),
    isOfClass: joined(rankings.map(({ isOfClass }) => isOfClass)),
  };
}

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
