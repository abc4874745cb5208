/** Stochastic gradient descent, with momentum (Polyak 1964) also in Nesterov's form (Sutskever et al. 2013). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, le, mul, select, sub } from '../../tensor/index.js';
import { minus } from './hyperparameters.js';
import { coupledDecay, learningRate, perParameter, withDecay } from './optimizer.js';

export const sgd = perParameter({
  description: 'Stochastic gradient descent, with optional momentum.',
  schema: z
    .object({
      lr: learningRate(0.01),
      momentum: atoms.properFraction.default(0).describe('share of the last step that is kept, such as 0.9'),
      dampening: atoms.probability.default(0).describe('share of the gradient kept out of the momentum'),
      nesterov: z.boolean().default(false).describe('take the gradient one momentum step ahead; needs momentum'),
      weight_decay: coupledDecay,
    })
    .refine(({ momentum, dampening, nesterov }) => !nesterov || (momentum > 0 && dampening === 0), {
      path: ['nesterov'],
      message: 'nesterov needs a momentum above 0 and a dampening of 0',
    }),
  state: ({ momentum }): Record<string, number> => (momentum === 0 ? {} : { momentum: 0 }),
  /** v <- momentum v + (1 - dampening) g, w <- w - lr v, or with Nesterov w - lr (g + momentum v). */
  update({ parameter, gradient, state, step, hyperparameters }) {
    const { rate, momentum, dampening, nesterov, weight_decay } = hyperparameters;
    const g = withDecay(gradient, parameter, weight_decay);
    if (momentum === 0) return { parameter: sub(parameter, mul(g, rate)), state };
    // PyTorch's first step is not dampened.
    const share = dampening === 0 ? 1 : select(le(step, 1), 1, minus(1, dampening));
    const velocity = add(mul(state.momentum, momentum), mul(g, share));
    const direction = nesterov ? add(g, mul(velocity, momentum)) : velocity;
    return { parameter: sub(parameter, mul(direction, rate)), state: { momentum: velocity } };
  },
});
