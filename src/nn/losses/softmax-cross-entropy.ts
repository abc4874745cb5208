/** Cross-entropy of class labels under the softmax of the logits. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, constant, mul, neg, reduceSum, select } from '../../tensor/index.js';
import { checkLabels, isLabel } from '../target.js';
import { classWeights, numbersOf, withClassWeights } from './class-weights.js';
import { unitPerClass } from './heads.js';
import { defineLoss } from './loss.js';
import { logSoftmax } from './numerics.js';

export const softmaxCrossEntropy = defineLoss({
  description: 'Cross-entropy of class labels under the softmax of the logits; the network ends without activation.',
  schema: z.object({
    label_smoothing: atoms.properFraction
      .default(0)
      .describe('share of the target that is spread evenly over all classes (Szegedy et al. 2016)'),
    class_weights: classWeights,
  }),
  targets: ['classes'],
  output: 'logits',
  resolve: withClassWeights,
  outputSizes: (target) => unitPerClass(target, 'softmax_cross_entropy'),
  /**
   * As PyTorch's cross_entropy with reduction 'none': a sample's loss is weighted by its class. (PyTorch's mean over weighted
   * samples also divides by the mean weight; ours is the plain mean over samples.)
   */
  perSample(logits, labels, { label_smoothing, class_weights }) {
    checkLabels(logits, labels, 'softmax_cross_entropy');
    const classes = logits.shape[1];
    const hit = isLabel(labels, classes);
    const logp = logSoftmax(logits);
    const weights = numbersOf(class_weights);
    const weighted = weights ? mul(logp, constant(weights, [1, classes])) : logp;
    const ofLabel = reduceSum(select(hit, weighted, 0), 1);
    if (label_smoothing === 0) return neg(ofLabel);
    const ofAll = reduceSum(weighted, 1);
    return neg(add(mul(ofLabel, 1 - label_smoothing), mul(ofAll, label_smoothing / classes)));
  },
});
