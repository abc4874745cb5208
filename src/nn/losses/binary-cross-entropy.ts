/** Cross-entropy of yes-or-no labels under the sigmoid of the logits. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, constant, mul, type Node, sub } from '../../tensor/index.js';
import { sigmoid } from '../activations.js';
import { referenceNames, targetLike } from '../target.js';
import { classWeights, weighted, withClassWeights } from './class-weights.js';
import { unitPerLabel } from './heads.js';
import { defineLoss } from './loss.js';
import { meanPerSample, softplusBoth } from './numerics.js';

export const binaryCrossEntropy = defineLoss({
  description:
    'Cross-entropy of yes-or-no labels (or numbers from 0 to 1) under the sigmoid of each logit; the network ends without activation.',
  schema: z.object({
    label_smoothing: atoms.properFraction.default(0).describe('labels 0 and 1 become s/2 and 1 - s/2'),
    pos_weight: z
      .union([atoms.positive, z.literal('balanced'), z.array(atoms.positive).min(1)])
      .default(1)
      .describe(
        'factor on the loss of label 1, against rare positives: one number, one a label, or balanced: negatives / positives of the training split',
      ),
    class_weights: classWeights,
  }),
  targets: ['classes', 'labels', 'features'],
  output: 'logits',
  resolve(params, counts, kind) {
    const { pos_weight: asked } = params;
    // Two classes are one yes-or-no label: whether a sample is of the second class.
    const positives = kind === 'classes' ? counts.counts.slice(1) : counts.counts;
    if (asked === 'balanced' && positives.some((count) => count === 0 || count === counts.samples)) {
      return 'pos_weight: balanced needs samples with and without each label in the training split';
    }
    const pos_weight = asked === 'balanced' ? positives.map((count) => (counts.samples - count) / count) : asked;
    if (Array.isArray(pos_weight) && pos_weight.length !== positives.length) {
      return `pos_weight has ${pos_weight.length} values, and the data has ${positives.length} label${positives.length === 1 ? '' : 's'}`;
    }
    if (kind !== 'classes' && params.class_weights !== undefined) {
      return `class_weights needs class labels; for ${referenceNames[kind]} use pos_weight`;
    }
    return withClassWeights({ ...params, pos_weight }, counts);
  },
  outputSizes: (target) => unitPerLabel(target, 'binary_cross_entropy'),
  /** -(w y log p + (1 - y) log(1 - p)) with p = sigmoid(x), as PyTorch's binary_cross_entropy_with_logits. */
  perSample(output, target, { label_smoothing: s, pos_weight, class_weights }) {
    const hard = targetLike(output, target, 'binary_cross_entropy');
    const y = add(mul(hard, 1 - s), s / 2);
    const { positive: whenNo, negative: whenYes } = softplusBoth(output);
    const losses = meanPerSample(add(mul(mul(y, factorOf(pos_weight)), whenYes), mul(sub(1, y), whenNo)));
    return target.dtype === 'i32' ? weighted(losses, target, class_weights) : losses;
  },
  // Features from 0 to 1 are reconstructed as probabilities; metrics of labels take logits.
  prediction: (output, _params, kind) => (kind === 'features' ? sigmoid(output) : undefined),
});

/** One factor for all labels, or one for each: [1, labels]. */
function factorOf(weight: number | 'balanced' | readonly number[]): Node | number {
  if (typeof weight === 'number') return weight;
  if (weight === 'balanced') throw new Error('balanced weights become numbers once the data are loaded');
  return constant(weight, [1, weight.length]);
}
