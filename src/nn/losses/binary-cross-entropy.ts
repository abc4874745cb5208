/** Cross-entropy of yes-or-no labels under the sigmoid of the logits. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, mul, sub } from '../../tensor/index.js';
import { targetLike, type TargetInfo } from '../target.js';
import { defineLoss } from './loss.js';
import { meanPerSample, softplusBoth } from './numerics.js';

/** One unit for two classes, k units for k yes-or-no labels. */
export function unitPerLabel({ classes, size }: TargetInfo, needs: string): readonly number[] | string {
  if (classes === undefined) return [size];
  if (classes === 2) return [1];
  return `${needs} needs 2 classes, and the data has ${classes}; softmax_cross_entropy takes any number`;
}

export const binaryCrossEntropy = defineLoss({
  description:
    'Cross-entropy of yes-or-no labels under the sigmoid of each logit; the network ends without activation.',
  schema: z.object({
    label_smoothing: atoms.properFraction.default(0).describe('Labels 0 and 1 become s/2 and 1 - s/2.'),
    pos_weight: atoms.positive.default(1).describe('Factor on the loss of label 1, against rare positives.'),
  }),
  tasks: ['classification'],
  outputSizes: (target) => unitPerLabel(target, 'binary_cross_entropy'),
  /** -(w y log p + (1 - y) log(1 - p)) with p = sigmoid(x), as PyTorch's binary_cross_entropy_with_logits. */
  perSample(output, target, { label_smoothing: s, pos_weight }) {
    const hard = targetLike(output, target, 'binary_cross_entropy');
    const y = add(mul(hard, 1 - s), s / 2);
    const { positive: whenNo, negative: whenYes } = softplusBoth(output);
    return meanPerSample(add(mul(mul(y, pos_weight), whenYes), mul(sub(1, y), whenNo)));
  },
});
