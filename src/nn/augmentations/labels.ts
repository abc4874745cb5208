/** Noise on the targets. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, cast, ge, mul, type Node, select, sub } from '../../tensor/index.js';
import { perSample, probability, relabelling } from './augmentation.js';

/** Every label of `target` [batch] that is `wrong` becomes the one `step` (from 1 to classes - 1) further, in a circle. */
export function moveLabels(target: Node, wrong: Node, step: Node, classes: number): Node {
  const further = add(target, step);
  return select(wrong, select(ge(further, classes), sub(further, classes), further), target);
}

/** With `fixed` the noise of a badly labelled data set; without, DisturbLabel (Xie et al. 2016). */
export const labelNoise = relabelling({
  description: 'Replaces a random share of the training labels by another class, each equally likely.',
  schema: z.object({
    share: atoms.properFraction.default(0.1).describe('share of the labels that are made wrong'),
    fixed: z.boolean().default(false).describe('the same wrong labels in every epoch; anew in every step by default'),
  }),
  targets: ['classes'],
  fixed: ({ fixed }) => fixed,
  apply(context, { share }, target, classes) {
    const wrong = context.random.bernoulli(context.stream('wrong'), target.shape, share);
    // Yes-or-no labels, several a sample or of a type of their own.
    if (target.dtype !== 'i32' || target.shape.length > 1) return select(wrong, sub(1, target), target);
    const step = add(context.random.below(context.stream('step'), target.shape, classes - 1), 1);
    return moveLabels(target, wrong, step, classes);
  },
});

export const targetNoise = relabelling({
  description: 'Adds normal noise to the targets of a regression, anew in every step.',
  schema: z.object({
    std: atoms.nonNegative.default(0.1).describe('standard deviation, in the unit of the targets'),
    probability: probability(1),
  }),
  targets: ['numbers'],
  fixed: () => false,
  apply(context, { std, probability: share }, target) {
    const noise = mul(context.random.normal(context.stream('noise'), target.shape), std);
    const noisy = add(cast(target, 'f32'), noise);
    if (share === 1) return noisy;
    const happens = perSample(context.happens(share), target.shape.length);
    return select(happens, noisy, cast(target, 'f32'));
  },
});
