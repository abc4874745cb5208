import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { constant, matmul, mul, type Node, reshape, sub } from '../../tensor/index.js';
import { amount, displacing, perSample, probability, rangeOf } from './augmentation.js';
import type { Quantity } from './matrix.js';

/** Standard deviations after which a Gaussian ends, as in scipy.ndimage. */
const TRUNCATE = 4;

/** [size, size]: element (i, j) is the share of value j in the Gaussian mean about i, with zeros outside. */
export function gaussianBand(size: number, sigma: number): Node {
  const radius = Math.floor(TRUNCATE * sigma + 0.5);
  const weight = (distance: number): number => Math.exp(-0.5 * (distance / sigma) ** 2);
  let total = 0;
  for (let d = -radius; d <= radius; d++) total += weight(d);
  const values = Array.from({ length: size * size }, (_, k) => {
    const distance = Math.abs(Math.floor(k / size) - (k % size));
    return distance <= radius ? weight(distance) / total : 0;
  });
  return constant(values, [size, size]);
}

/** `noise` [batch, height, width] smoothed by a Gaussian, with zeros around it, times the strength of each sample. */
export function smoothField(noise: Node, sigma: number, strength: Quantity): Node {
  const [batch, height, width] = noise.shape;
  const across = matmul(reshape(noise, [batch * height, width]), gaussianBand(width, sigma));
  const down = matmul(gaussianBand(height, sigma), reshape(across, [batch, height, width]));
  return mul(down, perSample(strength, 3));
}

/** Simard, Steinkraus, Platt: "Best practices for convolutional neural networks", 2003. */
export const elastic = displacing({
  description: 'Warps images as if they were on rubber: each pixel moves by smoothed noise.',
  schema: z.object({
    alpha: amount.default(30).describe('strength, or [from, to]: noise from -1 to 1 pixel is smoothed, then multiplied by it'), // prettier-ignore
    sigma: atoms.positive.default(4).describe('pixels over which the noise is smoothed'),
    probability: probability(1),
  }),
  field(context, { alpha, sigma, probability: share }, { height, width }) {
    const strength = context.sometimes(share, context.between('alpha', rangeOf(alpha)), 0);
    const noise = context.random.uniformPair(context.stream('noise'), [context.batch, height, width]);
    const [x, y] = noise.map((uniform) => smoothField(sub(mul(uniform, 2), 1), sigma, strength));
    return { x, y };
  },
});
