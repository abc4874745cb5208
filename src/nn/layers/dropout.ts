import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, mul, type Node, select, type Shape } from '../../tensor/index.js';
import { type BuildContext, defineLayer } from '../layer.js';

const rate = atoms.properFraction.describe('share that is dropped');

/**
 * Inverted dropout (Srivastava et al. 2014): survivors are scaled in training, so that evaluation needs no change. `decisions` has
 * one element for each independent decision.
 */
function drop(context: BuildContext, x: Node, share: number, decisions: Shape): Node {
  if (!context.stochastic || share === 0) return x;
  return select(context.random.bernoulli(context.name, decisions, share), 0, mul(x, 1 / (1 - share)));
}

export const dropout = defineLayer({
  description: 'In training, sets a random share of the values to 0 and scales up the rest.',
  traits: ['drops_units', 'per_position'],
  schema: z.object({ rate }),
  build: (context, config, x) => drop(context, x, config.rate, x.shape),
});

/** Tompson et al. 2015: neighbouring pixels are alike, so only a whole channel is really gone. */
export const spatialDropout = defineLayer({
  description: 'In training, sets whole channels of a sample to 0 and scales up the rest.',
  traits: ['drops_units', 'per_position'],
  schema: z.object({ rate }),
  build(context, config, x) {
    const [batch, ...sample] = x.shape;
    return drop(context, x, config.rate, [batch, ...sample.map((size, d) => (d === sample.length - 1 ? size : 1))]);
  },
});

/** Huang et al. 2016, as the last layer of a residual block: whole samples go through the shortcut only. */
export const stochasticDepth = defineLayer({
  description: 'In training, sets all values of random samples to 0 and scales up the rest; for residual blocks.',
  schema: z.object({ rate }),
  build(context, config, x) {
    return drop(context, x, config.rate, [x.shape[0], ...x.shape.slice(1).map(() => 1)]);
  },
});

/** The value of selu for large negative numbers: -scale * alpha. */
const SELU_FLOOR = -1.7580993408473766;

/** Klambauer et al. 2017: dropped values become selu's floor; the affine map keeps mean 0 and variance 1. */
export const alphaDropout = defineLayer({
  description: "In training, sets a random share of the values to selu's lowest and keeps mean and variance.",
  traits: ['drops_units', 'per_position'],
  schema: z.object({ rate }),
  build(context, config, x) {
    if (!context.stochastic || config.rate === 0) return x;
    const keep = 1 - config.rate;
    const scale = (keep + SELU_FLOOR ** 2 * keep * config.rate) ** -0.5;
    const shift = -scale * config.rate * SELU_FLOOR;
    const dropped = context.random.bernoulli(context.name, x.shape, config.rate);
    return add(mul(select(dropped, SELU_FLOOR, x), scale), shift);
  },
});
