/** LAMB (You et al.: "Large batch optimization for deep learning", 2020), algorithm 2. */
import * as z from 'zod';
import { add, div, gt, mul, type Node, reduceSum, select, sqrt, sub } from '../../tensor/index.js';
import { betas, biasCorrection, decoupledDecay, epsilon, learningRate, perParameter, runningMean } from './optimizer.js'; // prettier-ignore

const norm = (x: Node): Node => sqrt(reduceSum(mul(x, x)));

export const lamb = perParameter({
  description: 'Adam whose step on each tensor is as long as the tensor times the rate: for very large batches.',
  schema: z.object({
    lr: learningRate(0.001),
    betas: betas(0.9, 0.999),
    eps: epsilon(1e-6),
    weight_decay: decoupledDecay(0.01),
  }),
  state: () => ({ mean: 0, square: 0 }),
  /** r = m^ / (sqrt(v^) + eps) + decay w, w <- w - lr |w| / |r| r; the quotient is 1 where either norm is 0. */
  update({ parameter, gradient, state, step, hyperparameters }) {
    const { rate, eps, weight_decay } = hyperparameters;
    const [beta1, beta2] = hyperparameters.betas;
    const mean = runningMean(state.mean, gradient, beta1);
    const square = runningMean(state.square, mul(gradient, gradient), beta2);
    const unbiasMean = div(1, biasCorrection(beta1, step));
    const unbiasSquare = div(1, sqrt(biasCorrection(beta2, step)));
    const adaptive = div(mul(mean, unbiasMean), add(mul(sqrt(square), unbiasSquare), eps));
    const direction = add(adaptive, mul(parameter, weight_decay));
    const [length, stepLength] = [norm(parameter), norm(direction)];
    const bothPositive = gt(mul(length, stepLength), 0);
    const trust = select(bothPositive, div(length, select(bothPositive, stepLength, 1)), 1);
    return { parameter: sub(parameter, mul(direction, mul(rate, trust))), state: { mean, square } };
  },
});
