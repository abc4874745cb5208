/** RMSprop (Tieleman and Hinton 2012), also centered (Graves 2013). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, div, maximum, mul, sqrt, sub } from '../../tensor/index.js';
import { coupledDecay, epsilon, learningRate, perParameter, runningMean, withDecay } from './optimizer.js';

export const rmsprop = perParameter({
  description: 'Steps divided by the root of the running mean of squared gradients.',
  schema: z.object({
    lr: learningRate(0.01),
    alpha: atoms.properFraction.default(0.99).describe('decay of the running mean of squares'),
    eps: epsilon(1e-8),
    weight_decay: coupledDecay,
    momentum: atoms.properFraction.default(0).describe('share of the last step that is kept'),
    centered: z.boolean().default(false).describe('divide by the standard deviation instead of the root mean square'),
  }),
  state: ({ momentum, centered }): Record<string, number> => ({
    square: 0,
    ...(centered ? { mean: 0 } : {}),
    ...(momentum === 0 ? {} : { momentum: 0 }),
  }),
  update({ parameter, gradient, state, hyperparameters }) {
    const { rate, alpha, eps, weight_decay, momentum, centered } = hyperparameters;
    const g = withDecay(gradient, parameter, weight_decay);
    const square = runningMean(state.square, mul(g, g), alpha);
    const mean = centered ? runningMean(state.mean, g, alpha) : undefined;
    // Rounding can push the variance below zero.
    const spread = mean ? maximum(sub(square, mul(mean, mean)), 0) : square;
    const scaled = div(g, add(sqrt(spread), eps));
    const velocity = momentum === 0 ? undefined : add(mul(state.momentum, momentum), scaled);
    return {
      parameter: sub(parameter, mul(velocity ?? scaled, rate)),
      state: { square, ...(mean && { mean }), ...(velocity && { momentum: velocity }) },
    };
  },
});
