/** Cross-entropy of class labels under the softmax of the logits. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, constant, exp, log, mul, neg, type Node, reduceMax, reduceSum, reshape, select, stopGradient, sub } from '../../tensor/index.js'; // prettier-ignore
import { checkLabels, isLabel, type TargetInfo } from '../target.js';
import { defineLoss } from './loss.js';

/** One unit per class, for losses over class labels; `needs` says the loss's name in the message. */
export function unitPerClass({ classes, size }: TargetInfo, needs: string): readonly number[] | string {
  if (classes !== undefined) return [classes];
  return `${needs} needs one class label per sample, and the data has ${size} number${size === 1 ? '' : 's'} per sample`;
}

/** log softmax of logits [batch, classes]. */
export function logSoftmax(logits: Node): Node {
  const rows = [logits.shape[0], 1];
  const shifted = sub(logits, stopGradient(reshape(reduceMax(logits, 1), rows)));
  return sub(shifted, reshape(log(reduceSum(exp(shifted), 1)), rows));
}

export const softmaxCrossEntropy = defineLoss({
  description: 'Cross-entropy of class labels under the softmax of the logits; the network ends without activation.',
  schema: z.object({
    label_smoothing: atoms.properFraction
      .default(0)
      .describe('Share of the target that is spread evenly over all classes (Szegedy et al. 2016).'),
    class_weights: z
      .array(atoms.positive)
      .min(2)
      .optional()
      .describe('Factor on the loss of each class, in the order of the labels; all 1 by default.'),
  }),
  tasks: ['classification'],
  outputSizes(target, { class_weights }) {
    const sizes = unitPerClass(target, 'softmax_cross_entropy');
    if (typeof sizes === 'string' || class_weights === undefined || class_weights.length === sizes[0]) return sizes;
    return `class_weights has ${class_weights.length} values, and the data has ${sizes[0]} classes`;
  },
  /**
   * As PyTorch's cross_entropy with reduction 'none': a sample's loss is weighted by its class. (PyTorch's mean over weighted
   * samples also divides by the mean weight; ours is the plain mean over samples.)
   */
  perSample(logits, labels, { label_smoothing, class_weights }) {
    checkLabels(logits, labels, 'softmax_cross_entropy');
    const classes = logits.shape[1];
    const hit = isLabel(labels, classes);
    const logp = logSoftmax(logits);
    const weighted = class_weights ? mul(logp, constant(class_weights, [1, classes])) : logp;
    const ofLabel = reduceSum(select(hit, weighted, 0), 1);
    if (label_smoothing === 0) return neg(ofLabel);
    const ofAll = reduceSum(weighted, 1);
    return neg(add(mul(ofLabel, 1 - label_smoothing), mul(ofAll, label_smoothing / classes)));
  },
});
