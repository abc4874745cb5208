/** The confusion matrix, and the metrics derived from it. */
import * as z from 'zod';
import { matmul, matrixTranspose, mul, type Node, reduceSum, sub } from '../../tensor/index.js';
import { indicators, indicatorsOfAll, namesOf } from './indicators.js';
import { defineMetric, defineReport, type Statistics, vectorOf } from './metric.js';
import { countsOf, scores } from './precision-recall.js';

/** Samples by true class (row) and predicted class, [classes, classes]. */
function matrix(output: Node, target: Node, what: string): Node {
  const [predicted, actual] = indicatorsOfAll(output, target, what);
  return matmul(matrixTranspose(actual), predicted);
}

const rowsOf = ({ values }: Statistics, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) =>
    Array.from({ length: width }, (_, j) => values[i * width + j]),
  );

/** As scikit-learn's confusion_matrix. */
export const confusionMatrix = defineReport({
  description: 'How many samples of each class (row) are predicted as each class (column).',
  schema: z.object({}),
  targets: ['classes'],
  statistics: (output, target) => vectorOf([matrix(output, target, 'confusion_matrix')]),
  table(statistics, _params, names) {
    const classes = Math.sqrt(statistics.width);
    return { rows: namesOf(names, classes), columns: namesOf(names, classes), values: rowsOf(statistics, classes) };
  },
});

/** As scikit-learn's multilabel_confusion_matrix, a row for each of its matrices. */
export const multilabelConfusionMatrix = defineReport({
  description: 'How often each label is rightly absent, wrongly predicted, missed and found.',
  schema: z.object({}),
  targets: ['labels'],
  statistics(output, target) {
    const [predicted, actual] = indicators(output, target, 'multilabel_confusion_matrix');
    const [negative, absent] = [sub(1, predicted), sub(1, actual)];
    const count = (p: Node, a: Node): Node => reduceSum(mul(p, a), 0);
    return vectorOf([count(negative, absent), count(predicted, absent), count(negative, actual), count(predicted, actual)]); // prettier-ignore
  },
  table({ values, width }, _params, names) {
    const rows = namesOf(names, width / 4);
    const columns = ['true negatives', 'false positives', 'false negatives', 'true positives'];
    const counts = rows.map((_, label) => columns.map((_, kind) => values[(kind * width) / 4 + label]));
    return { rows, columns, values: counts };
  },
});

/** As scikit-learn's classification_report. */
export const classificationReport = defineReport({
  description: 'Precision, recall, F1 and number of samples of each class or label.',
  schema: z.object({}),
  targets: ['classes', 'labels'],
  statistics(output, target) {
    const [predicted, actual] = indicatorsOfAll(output, target, 'classification_report');
    return vectorOf([reduceSum(mul(predicted, actual), 0), reduceSum(predicted, 0), reduceSum(actual, 0)]);
  },
  table(statistics, _params, names) {
    const counts = countsOf(statistics);
    return {
      rows: namesOf(names, counts.length),
      columns: [...Object.keys(scores), 'samples'],
      values: counts.map((count) => [...Object.values(scores).map((score) => score(count)), count.actual]),
    };
  },
});

/** As scikit-learn's balanced_accuracy_score: the mean recall of the classes that occur (Brodersen et al. 2010). */
export const balancedAccuracy = defineMetric({
  description: 'Mean over the classes that occur of the share of their samples that is classified correctly.',
  schema: z.object({}),
  targets: ['classes'],
  mode: 'max',
  statistics(output, target) {
    const [predicted, actual] = indicatorsOfAll(output, target, 'balanced_accuracy');
    return vectorOf([reduceSum(mul(predicted, actual), 0), reduceSum(predicted, 0), reduceSum(actual, 0)]);
  },
  finalize(statistics) {
    const occurring = countsOf(statistics).filter(({ actual }) => actual > 0);
    return occurring.reduce((sum, counts) => sum + scores.recall(counts), 0) / occurring.length;
  },
});

/** What a confusion costs, by the distance of the two classes in their order. */
const disagreements = {
  none: (distance: number): number => Number(distance > 0),
  linear: (distance: number): number => distance,
  quadratic: (distance: number): number => distance ** 2,
};

/** As scikit-learn's cohen_kappa_score (Cohen 1960, 1968): NaN where chance alone leaves no disagreement. */
export const cohenKappa = defineMetric({
  description: 'Agreement of predicted and true classes beyond that of chance: 1 is perfect, 0 chance.',
  schema: z.object({
    weights: z
      .enum(['none', 'linear', 'quadratic'])
      .default('none')
      .describe('how a confusion of ordered classes weighs: each the same, by their distance, or by its square'),
  }),
  targets: ['classes'],
  mode: 'max',
  statistics: (output, target) => vectorOf([matrix(output, target, 'cohen_kappa')]),
  finalize(statistics, { weights }) {
    const counts = rowsOf(statistics, Math.sqrt(statistics.width));
    const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    const actual = counts.map(total);
    const predicted = counts.map((_, j) => total(counts.map((row) => row[j])));
    const weighed = (countOf: (i: number, j: number) => number): number =>
      total(counts.flatMap((row, i) => row.map((_, j) => disagreements[weights](Math.abs(i - j)) * countOf(i, j))));
    const expected = weighed((i, j) => (actual[i] * predicted[j]) / total(actual));
    return 1 - weighed((i, j) => counts[i][j]) / expected;
  },
});

/** As scikit-learn's matthews_corrcoef (Gorodkin 2004 for several classes). */
export const matthewsCorrelation = defineMetric({
  description: 'Correlation of predicted and true classes: 1 is perfect, 0 chance; fair to classes of unequal size.',
  schema: z.object({}),
  targets: ['classes'],
  mode: 'max',
  statistics: (output, target) => vectorOf([matrix(output, target, 'matthews_correlation')]),
  finalize(statistics) {
    const counts = rowsOf(statistics, Math.sqrt(statistics.width));
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    const actual = counts.map(sum);
    const predicted = counts.map((_, j) => sum(counts.map((row) => row[j])));
    const right = sum(counts.map((row, i) => row[i]));
    const all = sum(actual);
    const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((x, i) => x * b[i]));
    const spread = (all ** 2 - dot(predicted, predicted)) * (all ** 2 - dot(actual, actual));
    return spread === 0 ? 0 : (right * all - dot(actual, predicted)) / Math.sqrt(spread);
  },
});
