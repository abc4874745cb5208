import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, div, mul, type Node, reduceSum, ShapeError, showShape, sizeOf, sqrt, sub } from '../../tensor/index.js';
import { defineLayer, sampleShape } from '../layer.js';
import { trainableAffine } from './trainable-affine.js';

/**
 * Batch normalization (Ioffe and Szegedy 2015) per channel (last axis). Training uses the mean and variance of the batch and moves
 * the running ones towards them: running = momentum * running + (1 - momentum) * batch, with the unbiased variance. That is
 * PyTorch's rule with its momentum counted from the other end. Evaluation uses the running ones.
 */
export const batchNorm = defineLayer({
  description: 'Shifts and scales every channel to mean 0 and variance 1 over the batch, then by trainable amounts.',
  traits: ['uses_batch_statistics'],
  schema: z.object({
    momentum: atoms.probability.default(0.9).describe('share of the old running statistics that a step keeps'),
    epsilon: atoms.positive.default(1e-5).describe('added to the variance'),
  }),
  build(context, { momentum, epsilon }, x) {
    const { channels, apply } = trainableAffine(context, x);
    const runningMean = context.state('running_mean', [channels], 0);
    const runningVariance = context.state('running_var', [channels], 1);
    const scaled = (centred: Node, variance: Node): Node => apply(mul(centred, div(1, sqrt(add(variance, epsilon)))));
    if (!context.training) return scaled(sub(x, runningMean), runningVariance);

    const count = sizeOf(x.shape) / channels;
    if (count < 2) {
      throw new ShapeError(
        `needs at least two values per channel in training, got one from a batch of 1 with ${showShape(sampleShape(x))}; use a larger batch_size`,
      );
    }
    const axes = x.shape.slice(0, -1).map((_, axis) => axis);
    const mean = div(reduceSum(x, axes), count);
    const centred = sub(x, mean);
    const squares = reduceSum(mul(centred, centred), axes);
    context.observe(runningMean, mean, momentum);
    context.observe(runningVariance, div(squares, count - 1), momentum);
    return scaled(centred, div(squares, count));
  },
});
