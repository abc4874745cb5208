/** Lion (Chen et al.: "Symbolic discovery of optimization algorithms", 2023). */
import * as z from 'zod';
import { mul, sign, sub } from '../../tensor/index.js';
import { shrunk } from './adam.js';
import { betas, decoupledDecay, learningRate, perParameter, runningMean } from './optimizer.js';

export const lion = perParameter({
  description: "Only the sign of the momentum counts, one slot per weight; use a rate 3 to 10 times below Adam's.",
  schema: z.object({
    lr: learningRate(0.0001),
    betas: betas(0.9, 0.99).describe('decay of the running mean for the step, and for what is kept'),
    weight_decay: decoupledDecay(0),
  }),
  state: () => ({ mean: 0 }),
  /** w <- w - lr (sign(b1 m + (1 - b1) g) + decay w), m <- b2 m + (1 - b2) g. */
  update({ parameter, gradient, state, hyperparameters: { rate, betas, weight_decay } }) {
    const direction = sign(runningMean(state.mean, gradient, betas[0]));
    return {
      parameter: sub(shrunk(parameter, rate, weight_decay), mul(direction, rate)),
      state: { mean: runningMean(state.mean, gradient, betas[1]) },
    };
  },
});
