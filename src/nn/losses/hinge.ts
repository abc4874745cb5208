/** Margin losses of class labels, as in support vector machines. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, div, maximum, mul, reduceSum, reshape, select, sub } from '../../tensor/index.js';
import { checkLabels, isLabel, targetLike } from '../target.js';
import { classWeights, weighted, withClassWeights } from './class-weights.js';
import { unitPerClassOrLabel } from './heads.js';
import { defineLoss } from './loss.js';
import { meanPerSample } from './numerics.js';

export const hinge = defineLoss({
  description: 'Margin loss of support vector machines: the score of the true class must lead by the margin.',
  schema: z.object({
    margin: atoms.positive.default(1).describe('lead that the true class needs'),
    squared: z.boolean().default(false).describe('square each shortfall: smooth, and harder on large ones'),
    class_weights: classWeights,
  }),
  resolve: withClassWeights,
  targets: ['classes', 'labels'],
  output: 'logits',
  outputSizes: unitPerClassOrLabel,
  /**
   * One unit per yes-or-no label: max(0, margin - t x) with t = -1 or 1. Otherwise the mean over all classes of the shortfalls
   * max(0, margin - x_label + x_class), the label's own left out, as PyTorch's multi_margin_loss.
   */
  perSample(output, target, { margin, squared, class_weights }) {
    const penalty = (shortfall: typeof output) => {
      const positivePart = maximum(shortfall, 0);
      return squared ? mul(positivePart, positivePart) : positivePart;
    };
    const [batch, units] = output.shape;
    if (target.dtype !== 'i32' || units === 1) {
      const t = sub(mul(targetLike(output, target, 'hinge'), 2), 1);
      const losses = meanPerSample(penalty(sub(margin, mul(t, output))));
      return target.dtype === 'i32' ? weighted(losses, target, class_weights) : losses;
    }
    checkLabels(output, target, 'hinge');
    const hit = isLabel(target, units);
    const score = reshape(reduceSum(select(hit, output, 0), 1), [batch, 1]);
    const losses = div(reduceSum(select(hit, 0, penalty(add(sub(output, score), margin))), 1), units);
    return weighted(losses, target, class_weights);
  },
});
