/** Adagrad (Duchi, Hazan, Singer 2011). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, div, mul, sqrt, sub } from '../../tensor/index.js';
import { coupledDecay, epsilon, learningRate, perParameter, withDecay } from './optimizer.js';

export const adagrad = perParameter({
  description: 'Steps divided by the root of the sum of all squared gradients: for sparse features.',
  schema: z.object({
    lr: learningRate(0.01),
    lr_decay: atoms.nonNegative.default(0).describe('the rate is divided by 1 + this times the steps so far'),
    weight_decay: coupledDecay,
    initial_accumulator_value: atoms.nonNegative.default(0).describe('initial value of the sum of squares'),
    eps: epsilon(1e-10),
  }),
  state: ({ initial_accumulator_value }) => ({ square_sum: initial_accumulator_value }),
  /** s <- s + g^2, w <- w - lr / (1 + (t - 1) decay) g / (sqrt(s) + eps). */
  update({ parameter, gradient, state, step, hyperparameters: { rate, lr_decay, weight_decay, eps } }) {
    const g = withDecay(gradient, parameter, weight_decay);
    const sum = add(state.square_sum, mul(g, g));
    const decayed = lr_decay === 0 ? rate : div(rate, add(mul(sub(step, 1), lr_decay), 1));
    return {
      parameter: sub(parameter, div(mul(g, decayed), add(sqrt(sum), eps))),
      state: { square_sum: sum },
    };
  },
});
