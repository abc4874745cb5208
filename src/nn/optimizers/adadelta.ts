/** Adadelta (Zeiler 2012). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, div, mul, sqrt, sub } from '../../tensor/index.js';
import { coupledDecay, epsilon, learningRate, perParameter, runningMean, withDecay } from './optimizer.js';

export const adadelta = perParameter({
  description:
    'Steps in the units of the weights: root mean square of past steps over that of gradients; needs no rate.',
  schema: z.object({
    lr: learningRate(1),
    rho: atoms.properFraction.default(0.9).describe('decay of both running means of squares'),
    eps: epsilon(1e-6),
    weight_decay: coupledDecay,
  }),
  state: () => ({ square: 0, delta_square: 0 }),
  update({ parameter, gradient, state, hyperparameters: { rate, rho, eps, weight_decay } }) {
    const g = withDecay(gradient, parameter, weight_decay);
    const square = runningMean(state.square, mul(g, g), rho);
    const delta = mul(div(sqrt(add(state.delta_square, eps)), sqrt(add(square, eps))), g);
    return {
      parameter: sub(parameter, mul(delta, rate)),
      state: { square, delta_square: runningMean(state.delta_square, mul(delta, delta), rho) },
    };
  },
});
