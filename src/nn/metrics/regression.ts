/** Metrics of the residual of regression, over all targets of a sample. */
import * as z from 'zod';
import { abs, mul, type Node, reduceSum, sizeOf, sub } from '../../tensor/index.js';
import { targetLike } from '../target.js';
import { defineMetric, meanOf, vectorOf } from './metric.js';

const regression = { schema: z.object({}), tasks: ['regression'] as const };

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

export const r2 = defineMetric({
  ...regression,
  description:
    'Share of the variance of the targets that is explained, averaged over the targets: 1 is perfect, 0 the mean.',
  mode: 'max',
  /** For each of k targets: squared residuals, targets, squared targets; then the count. */
  statistics(output, target) {
    const y = targetLike(output, target, 'r2');
    const d = sub(output, y);
    return vectorOf([reduceSum(mul(d, d), 0), reduceSum(y, 0), reduceSum(mul(y, y), 0), output.shape[0]]);
  },
  finalize(sums) {
    const k = (sums.length - 1) / 3;
    const count = sums[3 * k];
    const scores = Array.from({ length: k }, (_, i) => {
      const variation = sums[2 * k + i] - sums[k + i] ** 2 / count;
      return 1 - sums[i] / variation;
    });
    return scores.reduce((a, b) => a + b, 0) / k;
  },
});
