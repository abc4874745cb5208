import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { mul, type Node, select, type Shape } from '../../tensor/index.js';
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
  schema: z.object({ rate }),
  build: (context, config, x) => drop(context, x, config.rate, x.shape),
});

/** Tompson et al. 2015: neighbouring pixels are alike, so only a whole channel is really gone. */
export const spatialDropout = defineLayer({
  description: 'In training, sets whole channels of a sample to 0 and scales up the rest.',
  schema: z.object({ rate }),
  build(context, config, x) {
    const [batch, ...sample] = x.shape;
    return drop(context, x, config.rate, [batch, ...sample.map((size, d) => (d === sample.length - 1 ? size : 1))]);
  },
});
