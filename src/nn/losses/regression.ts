/** Losses of the residual d = output - target, averaged over the outputs of a sample. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { abs, concat, maximum, minimum, mul, type Node, ShapeError, showShape, slice, sub } from '../../tensor/index.js'; // prettier-ignore
import { softplus } from '../activations.js';
import { targetLike, type TargetInfo } from '../target.js';
import { defineLoss } from './loss.js';
import { meanPerSample } from './numerics.js';

const regression = {
  targets: ['numbers', 'features'] as const,
  output: 'predictions' as const,
  outputSizes: ({ size }: TargetInfo): readonly number[] => [size],
};

const residual = (what: string, output: Node, target: Node): Node => sub(output, targetLike(output, target, what));

export const meanSquaredError = defineLoss({
  ...regression,
  description: 'Mean of d^2: the negative log likelihood of targets with Gaussian noise of one variance.',
  schema: z.object({}),
  perSample(output, target) {
    const d = residual('mean_squared_error', output, target);
    return meanPerSample(mul(d, d));
  },
});

export const meanAbsoluteError = defineLoss({
  ...regression,
  description: 'Mean of |d|: fits the median, so outliers count little.',
  schema: z.object({}),
  perSample: (output, target) => meanPerSample(abs(residual('mean_absolute_error', output, target))),
});

export const huber = defineLoss({
  ...regression,
  description: 'Half of d^2 for residuals up to delta and linear beyond (Huber 1964): robust, with a smooth minimum.',
  schema: z.object({ delta: atoms.positive.default(1).describe('residual from which on the loss is linear') }),
  perSample(output, target, { delta }) {
    const d = residual('huber', output, target);
    // c (d - c / 2) with d clamped to c is both branches at once, and has second derivative 1 at d = 0.
    const c = maximum(minimum(d, delta), -delta);
    return meanPerSample(mul(c, sub(d, mul(c, 0.5))));
  },
});

export const logCosh = defineLoss({
  ...regression,
  description: 'Mean of log cosh d: near d^2 / 2 for small residuals, near |d| - log 2 for large ones.',
  schema: z.object({}),
  perSample(output, target) {
    const d = residual('log_cosh', output, target);
    return meanPerSample(sub(sub(softplus(mul(d, 2)), d), Math.LN2));
  },
});

const share = z.number().gt(0).lt(1);

export const quantile = defineLoss({
  ...regression,
  description:
    'Pinball loss (Koenker and Bassett 1978): the output is the q-quantile of the targets, or several of them.',
  schema: z.object({
    q: z
      .union([share, z.array(share).min(1)])
      .default(0.5)
      .describe(
        'which quantile, 0.5 being the median; for a list and k targets the first k units are the first quantile, and so on',
      ),
  }),
  outputSizes: ({ size }, { q }) => [size * [q].flat().length],
  /** The mean over the quantiles as well. */
  perSample(output, target, { q }) {
    const quantiles = [q].flat();
    const losses = quantiles.map((q, i) => {
      const d = residual('quantile', partOf(output, i, quantiles.length), target);
      return maximum(mul(d, 1 - q), mul(d, -q));
    });
    return meanPerSample(concat(losses, losses[0].shape.length - 1));
  },
  /** The quantile nearest to the median. */
  prediction(output, { q }) {
    const distances = [q].flat().map((q) => Math.abs(q - 0.5));
    return partOf(output, distances.indexOf(Math.min(...distances)), distances.length);
  },
});

/** Part i of n along the last axis. */
function partOf(x: Node, i: number, n: number): Node {
  if (n === 1) return x;
  const [batch, units] = x.shape;
  if (x.shape.length !== 2 || units % n !== 0) {
    throw new ShapeError(`quantile: needs output [batch, k] for each of ${n} quantiles, got ${showShape(x.shape)}`);
  }
  return slice(x, [0, (i * units) / n], [batch, ((i + 1) * units) / n]);
}
