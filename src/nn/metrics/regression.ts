/** Metrics of the residual of regression, over all targets of a sample. */
import * as z from 'zod';
import { abs, div, maximum, mul, type Node, reduceMax, reduceSum, reshape, sizeOf, slice, sub } from '../../tensor/index.js'; // prettier-ignore
import { targetLike } from '../target.js';
import { columnOf, defineMetric, meanOf, type Statistics, vectorOf } from './metric.js';

const regression = { schema: z.object({}), targets: ['numbers', 'features'] as const };

const residual = (what: string, output: Node, target: Node): Node => sub(output, targetLike(output, target, what));

export const mae = defineMetric({
  ...regression,
  description: 'Mean absolute error.',
  mode: 'min',
  statistics: (output, target) => vectorOf([reduceSum(abs(residual('mae', output, target))), sizeOf(output.shape)]),
  finalize: meanOf,
});

export const rmse = defineMetric({
  ...regression,
  description: 'Root of the mean squared error.',
  mode: 'min',
  statistics(output, target) {
    const d = residual('rmse', output, target);
    return vectorOf([reduceSum(mul(d, d)), sizeOf(output.shape)]);
  },
  finalize: (sums) => Math.sqrt(meanOf(sums)),
});

export const mse = defineMetric({
  ...regression,
  description: 'Mean squared error.',
  mode: 'min',
  statistics: (output, target) => rmse.statistics(output, target, {}),
  finalize: meanOf,
});

/** The least |target| that is divided by, as in scikit-learn: 2^-52. */
const LEAST_TARGET = 2 ** -52;

export const mape = defineMetric({
  ...regression,
  description: 'Mean absolute error as a share of the target: 0.1 is 10 %.',
  mode: 'min',
  statistics(output, target) {
    const size = maximum(abs(targetLike(output, target, 'mape')), LEAST_TARGET);
    return vectorOf([reduceSum(div(abs(residual('mape', output, target)), size)), sizeOf(output.shape)]);
  },
  finalize: meanOf,
});

export const medianAbsoluteError = defineMetric({
  ...regression,
  description: 'Median absolute error, averaged over the targets: outliers do not count.',
  mode: 'min',
  combine: 'append',
  statistics: (output, target) => byTarget(abs(residual('median_absolute_error', output, target))),
  finalize(statistics) {
    const medians = Array.from({ length: statistics.width }, (_, target) => {
      const sorted = columnOf(statistics, target).sort();
      return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
    });
    return medians.reduce((a, b) => a + b, 0) / medians.length;
  },
});

export const maxError = defineMetric({
  ...regression,
  description: 'The largest absolute error.',
  mode: 'min',
  combine: 'append',
  statistics: (output, target) => reshape(reduceMax(abs(residual('max_error', output, target))), [1, 1]),
  finalize: ({ values }) => Array.from(values).reduce((a, b) => Math.max(a, b)),
});

/** x as [batch, values]. */
const byTarget = (x: Node): Node => reshape(x, [x.shape[0], sizeOf(x.shape) / x.shape[0]]);

/**
 * The first of the values [batch, k], their mean less this, and their squared deviations from the mean: [k] each. Differences from a
 * value of the same size are exact, so that a large mean hides no spread that the values themselves have.
 */
function momentsOf(x: Node): Node[] {
  const [batch, k] = x.shape;
  const first = reshape(slice(x, [0, 0], [1, k]), [k]);
  const shifted = sub(x, first);
  const offset = div(reduceSum(shifted, 0), batch);
  const d = sub(shifted, offset);
  return [first, offset, reduceSum(mul(d, d), 0)];
}

interface Moments {
  readonly mean: number;
  /** Sum of squared deviations from the mean. */
  readonly squares: number;
}

/**
 * A row a batch: its size, then the moments of k targets and of k residuals. Batches are put together by the rule of Chan, Golub
 * and LeVeque 1983; sums of squares would cancel where the mean is large.
 */
const rowOfMoments = (output: Node, target: Node, what: string): Node => {
  const y = byTarget(targetLike(output, target, what));
  const d = byTarget(residual(what, output, target));
  const row = vectorOf([output.shape[0], ...momentsOf(y), ...momentsOf(d)]);
  return reshape(row, [1, row.shape[0]]);
};

function together({ values, width }: Statistics): {
  count: number;
  of: (kind: 0 | 1, target: number) => Moments;
  targets: number;
} {
  const targets = (width - 1) / 6;
  let count = 0;
  const all = Array.from({ length: 2 * targets }, () => ({ mean: 0, squares: 0 }));
  for (let row = 0; row < values.length; row += width) {
    const n = values[row];
    all.forEach((moments, i) => {
      const at = row + 1 + (i < targets ? 0 : 3 * targets) + (i % targets);
      const shift = values[at] - moments.mean + values[at + targets];
      moments.mean += (shift * n) / (count + n);
      moments.squares += values[at + 2 * targets] + (shift ** 2 * count * n) / (count + n);
    });
    count += n;
  }
  return { count, targets, of: (kind, target) => all[kind * targets + target] };
}

/** An error below this share of the mean is rounding to float32. */
const RESOLUTION = 2 ** -23;

/** 1 - error / variation, and for a target that is constant 1 without error and 0 with some, as scikit-learn has it. */
function explained(error: number, { mean, squares }: Moments, count: number): number {
  if (squares > 0) return 1 - error / squares;
  return error <= count * (RESOLUTION * mean) ** 2 ? 1 : 0;
}

const explainedShare = (what: string, description: string, errorOf: (residual: Moments, count: number) => number) =>
  defineMetric({
    ...regression,
    description,
    mode: 'max',
    combine: 'append',
    statistics: (output, target) => rowOfMoments(output, target, what),
    finalize(statistics) {
      const { count, targets, of } = together(statistics);
      const shares = Array.from({ length: targets }, (_, i) => explained(errorOf(of(1, i), count), of(0, i), count));
      return shares.reduce((a, b) => a + b, 0) / targets;
    },
  });

export const r2 = explainedShare(
  'r2',
  'Share of the variance of the targets that is explained, averaged over the targets: 1 is perfect, 0 the mean.',
  ({ mean, squares }, count) => squares + count * mean ** 2,
);
export const explainedVariance = explainedShare(
  'explained_variance',
  'As r2, but a constant error does not count: 1 minus the variance of the error by that of the target.',
  ({ squares }) => squares,
);
