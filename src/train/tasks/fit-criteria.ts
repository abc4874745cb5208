/** When a network counts as fitted to a batch, for tasks whose answers are right or wrong and for those that give numbers. */
import { type Affine, sampleOf, type Table } from '../../data/index.js';
import type { FitCriterion } from './task.js';
import { sizeOf } from '../../tensor/shape.js';

/** A mean cross-entropy below this is a probability of 0.95 for the right answers. */
const LOSS_THRESHOLD = 0.05;
/** Share of the variance of the batch's targets. */
const VARIANCE_THRESHOLD = 0.01;

/** Every answer right, and a mean loss near zero. */
export const rightAnswers: FitCriterion = {
  metric: { type: 'accuracy' },
  threshold: () => LOSS_THRESHOLD,
  measure: (loss, accuracy) => ({ measure: 'loss', value: loss, accuracy }),
};

/** A mean squared error far below the variance of what is predicted. */
export const smallResiduals: FitCriterion = {
  metric: { type: 'rmse' },
  threshold: (targets, count, affine) => VARIANCE_THRESHOLD * varianceOf(targets, count, affine),
  measure: (_loss, rmse) => ({ measure: 'mean_squared_error', value: rmse ** 2 }),
};

/**
 * The variance of the first `count` samples, averaged over the numbers of a sample, or where they are all equal their mean square; `affine` is what the step applies to these. */
function varianceOf(table: Table, count: number, affine: Affine | undefined): number {
  const scale = affine?.scale ?? [1];
  const width = sizeOf(table.shape);
  let [total, squares] = [0, 0];
  for (let column = 0; column < width; column++) {
    const values = Array.from({ length: count }, (_, i) => sampleOf(table, i)[column]);
    const mean = values.reduce((a, b) => a + b, 0) / count;
    total += (values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count) * scale[column % scale.length] ** 2;
    squares += mean ** 2 * scale[column % scale.length] ** 2;
  }
  // Equal but for rounding: what is left to learn is the number itself, or that it is 0.
  return (total > 1e-12 * squares ? total : squares || width) / width;
}
