/** Adamax (Kingma and Ba 2015, section 7.1): Adam with the infinity norm instead of the root mean square. */
import * as z from 'zod';
import { abs, add, div, maximum, mul, sub } from '../../tensor/index.js';
import { betas, biasCorrection, coupledDecay, epsilon, learningRate, perParameter, runningMean, withDecay } from './optimizer.js'; // prettier-ignore

export const adamax = perParameter({
  description: 'Adam whose steps are scaled by the largest recent gradient instead of the root mean square.',
  schema: z.object({
    lr: learningRate(0.002),
    betas: betas(0.9, 0.999).describe('decay of the running mean of the gradient and of its largest size'),
    eps: epsilon(1e-8),
    weight_decay: coupledDecay,
  }),
  state: () => ({ mean: 0, largest: 0 }),
  /** u <- max(b2 u, |g| + eps), as PyTorch guards it against 0; w <- w - lr / (1 - b1^t) m / u. */
  update({ parameter, gradient, state, step, hyperparameters }) {
    const { rate, eps, weight_decay } = hyperparameters;
    const [beta1, beta2] = hyperparameters.betas;
    const g = withDecay(gradient, parameter, weight_decay);
    const mean = runningMean(state.mean, g, beta1);
    const largest = maximum(mul(state.largest, beta2), add(abs(g), eps));
    const stepSize = div(rate, biasCorrection(beta1, step));
    return { parameter: sub(parameter, div(mul(mean, stepSize), largest)), state: { mean, largest } };
  },
});
