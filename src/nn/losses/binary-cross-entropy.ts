/** Cross-entropy of yes-or-no labels under the sigmoid of the logits. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, mul, sub } from '../../tensor/index.js';
import { targetLike } from '../target.js';
import { unitPerLabel } from './heads.js';
import { defineLoss } from './loss.js';
import { meanPerSample, softplusBoth } from './numerics.js';

export const binaryCrossEntropy = defineLoss({
  description:
    'Cross-entropy of yes-or-no labels under the sigmoid of each logit; the network ends without activation.',
  schema: z.object({
    label_smoothing: atoms.properFraction.default(0).describe('labels 0 and 1 become s/2 and 1 - s/2'),
    pos_weight: atoms.positive.default(1).describe('factor on the loss of label 1, against rare positives'),
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
