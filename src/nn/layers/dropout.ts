import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { mul, select } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';

/** Inverted dropout (Srivastava et al. 2014): survivors are scaled in training, so that evaluation needs no change. */
export const dropout = defineLayer({
  description: 'In training, sets a random share of the values to 0 and scales up the rest.',
  schema: z.object({ rate: atoms.properFraction.describe('share of the values that are dropped') }),
  build(context, { rate }, x) {
    if (!context.stochastic || rate === 0) return x;
    const dropped = context.random.bernoulli(context.name, x.shape, rate);
    return select(dropped, 0, mul(x, 1 / (1 - rate)));
  },
});
