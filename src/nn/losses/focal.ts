/** Focal loss (Lin, Goyal, Girshick, He, Dollar: "Focal loss for dense object detection", 2017). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, exp, mul, reduceSum, reshape, select, sub } from '../../tensor/index.js';
import { checkLabels, isLabel, targetLike } from '../target.js';
import { classWeights, weighted, withClassWeights } from './class-weights.js';
import { unitPerClassOrLabel } from './heads.js';
import { defineLoss } from './loss.js';
import { logSumExp, meanPerSample, softplusBoth } from './numerics.js';

/** Replaces a logit of minus infinity: its exponential is 0 after any shift by a finite maximum of at least -1e29. */
const NEVER = -1e30;

export const focal = defineLoss({
  description:
    'Cross-entropy times (1 - p)^gamma, p the probability of the true label: easy samples contribute little.',
  schema: z.object({
    gamma: atoms.nonNegative.default(2).describe('how strongly easy samples are played down; 0 is plain cross-entropy'),
    alpha: atoms.probability
      .default(0.25)
      .describe('factor on label 1, with 1 - alpha on label 0; with one unit per class, a factor on all'),
    class_weights: classWeights,
  }),
  resolve: withClassWeights,
  targets: ['classes', 'labels'],
  output: 'logits',
  outputSizes: unitPerClassOrLabel,
  /** (1 - p)^gamma as exp(gamma log(1 - p)), which stays finite and differentiable at p = 1 for every gamma. */
  perSample(output, target, { gamma, alpha, class_weights }) {
    const [batch, units] = output.shape;
    if (target.dtype !== 'i32' || units === 1) {
      const y = targetLike(output, target, 'focal');
      const { positive: no, negative: yes } = softplusBoth(output);
      const ofYes = mul(mul(exp(mul(no, -gamma)), yes), alpha);
      const ofNo = mul(mul(exp(mul(yes, -gamma)), no), 1 - alpha);
      const losses = meanPerSample(add(mul(y, ofYes), mul(sub(1, y), ofNo)));
      return target.dtype === 'i32' ? weighted(losses, target, class_weights) : losses;
    }
    checkLabels(output, target, 'focal');
    const hit = isLabel(target, units);
    const all = reshape(logSumExp(output), [batch]);
    const others = reshape(logSumExp(select(hit, NEVER, output)), [batch]);
    const crossEntropy = sub(all, reduceSum(select(hit, output, 0), 1));
    return weighted(mul(mul(exp(mul(sub(others, all), gamma)), crossEntropy), alpha), target, class_weights);
  },
});
