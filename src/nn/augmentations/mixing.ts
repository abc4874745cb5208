/** Samples mixed with one another, with targets mixed in the same shares. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, cos, div, floor, maximum, minimum, mul, type Node, pow, select, sqrt, sub } from '../../tensor/index.js';
import { type AugmentContext, mixing, perSample, probability } from './augmentation.js';
import { insideOf } from './pixels.js';

/** Where radius and cosine are both 0, which nothing but rounding makes, the quotient is 0 and not NaN. */
const TINY = 1e-30;

/**
 * A number of the distribution Beta(alpha, alpha) from two uniform ones (Devroye, "Random variate generation in one line of code",
 * 1996: Student's t by Bailey's polar method, brought to (0, 1)).
 */
export function symmetricBeta(u: Node, v: Node, alpha: number): Node {
  const w = pow(u, 1 / alpha);
  const rest = maximum(sub(1, w), 0);
  const c = cos(mul(v, 2 * Math.PI));
  const ratio = div(mul(c, sqrt(rest)), sqrt(maximum(add(w, mul(rest, mul(c, c))), TINY)));
  return mul(add(ratio, 1), 0.5);
}

/** The share of a sample in its mixture, [batch]; 1 for unmixed samples. */
function drawShare(context: AugmentContext, alpha: number, probabilityOfChange: number): Node {
  const uniform = (part: string): Node => context.random.uniform(context.stream(part), [context.batch]);
  const share = symmetricBeta(uniform('radius'), uniform('angle'), alpha);
  return probabilityOfChange === 1 ? share : select(context.happens(probabilityOfChange), share, 1);
}

const alphaOf = (defaultValue: number) =>
  atoms.positive.default(defaultValue).describe('shares come from Beta(alpha, alpha): small is mostly one of the two');

/** Zhang, Cisse, Dauphin, Lopez-Paz: "mixup: beyond empirical risk minimization", 2018. */
export const mixup = mixing({
  description: 'Blends every sample with another one of the batch; the targets count in the same shares.',
  schema: z.object({ alpha: alphaOf(0.2), probability: probability(1) }),
  targets: ['classes', 'numbers'],
  images: false,
  apply(context, { alpha, probability: p }, x, other) {
    const share = drawShare(context, alpha, p);
    const factor = perSample(share, x.shape.length);
    return { x: add(mul(x, factor), mul(other, sub(1, factor))), share };
  },
});

/** Yun et al.: "CutMix: regularization strategy to train strong classifiers with localizable features", 2019. */
export const cutmix = mixing({
  description: 'Puts a rectangle of another image into every image; the labels count by their share of the area.',
  schema: z.object({ alpha: alphaOf(1), probability: probability(0.5) }),
  targets: ['classes'],
  images: true,
  apply(context, { alpha, probability: p }, x, other) {
    const [batch, height, width] = x.shape;
    const side = sqrt(maximum(sub(1, drawShare(context, alpha, p)), 0));
    /** Edges on whole pixels, cut off at the border of the image. */
    const edges = (axis: string, size: number): { low: Node; high: Node } => {
      const centre = floor(mul(context.random.uniform(context.stream(axis), [batch]), size));
      const half = floor(mul(side, size / 2));
      return { low: maximum(sub(centre, half), 0), high: minimum(add(centre, half), size) };
    };
    const [horizontal, vertical] = [edges('x', width), edges('y', height)];
    const middle = ({ low, high }: { low: Node; high: Node }): Node => mul(add(low, high), 0.5);
    const half = ({ low, high }: { low: Node; high: Node }): Node => mul(sub(high, low), 0.5);
    const pasted = insideOf(
      { x: middle(horizontal), y: middle(vertical), halfWidth: half(horizontal), halfHeight: half(vertical) },
      [batch, height, width, 1],
    );
    const area = mul(sub(horizontal.high, horizontal.low), sub(vertical.high, vertical.low));
    return { x: select(pasted, other, x), share: sub(1, mul(area, 1 / (height * width))) };
  },
});
