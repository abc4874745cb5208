/** Negative log likelihoods of regression targets whose distribution parameters are the network's output. */
import * as z from 'zod';
import { add, exp, maximum, minimum, mul, neg, type Node, ShapeError, showShape, slice, stopGradient, sub } from '../../tensor/index.js'; // prettier-ignore
import { atoms } from '../../config/index.js';
import { targetLike } from '../target.js';
import { defineLoss } from './loss.js';
import { meanPerSample } from './numerics.js';

/** Rates beyond e^30 continue on the tangent of the exponential, so that loss and gradient stay finite. */
const LARGEST_LOG_RATE = 30;

/** exp(x), on its tangent from LARGEST_LOG_RATE on. */
const rateOf = (x: Node): Node => mul(exp(minimum(x, LARGEST_LOG_RATE)), add(1, maximum(sub(x, LARGEST_LOG_RATE), 0)));

export const poisson = defineLoss({
  description: 'Poisson likelihood of counts: exp(x) - y x, where the output x is the logarithm of the rate.',
  schema: z.object({}),
  targets: ['numbers', 'features'],
  output: 'distribution',
  outputSizes: ({ size }) => [size],
  /** As PyTorch's poisson_nll_loss with log_input, without the term that only depends on the target. */
  perSample(output, target) {
    const y = targetLike(output, target, 'poisson');
    return meanPerSample(sub(rateOf(output), mul(y, output)));
  },
  prediction: rateOf,
});

/** The least variance, as eps of PyTorch's gaussian_nll_loss. */
const LEAST_VARIANCE = 1e-6;

/** The two halves of an output [batch, 2k]: means and logarithms of the variances. */
function meanAndLogVariance(output: Node): [Node, Node] {
  const [batch, units] = output.shape;
  if (output.shape.length !== 2 || units % 2 !== 0) {
    throw new ShapeError(
      `gaussian_nll: needs output [batch, 2k], means and log-variances, got ${showShape(output.shape)}`,
    );
  }
  return [slice(output, [0, 0], [batch, units / 2]), slice(output, [0, units / 2], [batch, units])];
}

export const gaussianNll = defineLoss({
  description:
    'Gaussian likelihood; with a variance that the network learns, for k targets k means and then k log-variances.',
  schema: z.object({
    variance: z
      .union([z.literal('learned'), atoms.positive])
      .default('learned')
      .describe('of the noise: an output of the network, or one number for all, which makes it a scaled squared error'),
    full: z.boolean().default(false).describe('add the constant log(2 pi) / 2'),
  }),
  targets: ['numbers', 'features'],
  output: 'distribution',
  outputSizes: ({ size }, { variance }) => [variance === 'learned' ? 2 * size : size],
  /** (s + (y - mean)^2 exp(-s)) / 2 with s the log-variance (Nix and Weigend 1994); values as PyTorch's gaussian_nll_loss. */
  perSample(output, target, { variance, full }) {
    const constantTerm = full ? 0.5 * Math.log(2 * Math.PI) : 0;
    if (variance !== 'learned') {
      const d = sub(output, targetLike(output, target, 'gaussian_nll'));
      return add(meanPerSample(mul(mul(d, d), 0.5 / variance)), 0.5 * Math.log(variance) + constantTerm);
    }
    const [mean, free] = meanAndLogVariance(output);
    const d = sub(mean, targetLike(mean, target, 'gaussian_nll'));
    // The bound does not stop the gradient, so a variance that fell too low can grow again.
    const s = add(free, stopGradient(sub(maximum(free, Math.log(LEAST_VARIANCE)), free)));
    const loss = meanPerSample(mul(add(s, mul(mul(d, d), exp(neg(s)))), 0.5));
    return full ? add(loss, constantTerm) : loss;
  },
  prediction: (output, { variance }) => (variance === 'learned' ? meanAndLogVariance(output)[0] : undefined),
});
