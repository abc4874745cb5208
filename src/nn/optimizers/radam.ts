/** RAdam: rectified Adam (Liu et al. 2020). */
import * as z from 'zod';
import {
  add,
  div,
  expm1,
  gt,
  lt,
  maximum,
  mul,
  type Node,
  type Operand,
  select,
  sqrt,
  sub,
} from '../../tensor/index.js';
import { logOf, minus, over, times } from './hyperparameters.js';
import { betas, biasCorrection, coupledDecay, epsilon, learningRate, perParameter, runningMean, withDecay } from './optimizer.js'; // prettier-ignore

/** Coefficients of 1 - x / (e^x - 1) = x/2 - x^2/12 + x^4/720 - ...: Bernoulli numbers over factorials, of x^2, x^4, ... */
const BERNOULLI = [-1 / 12, 1 / 720, -1 / 30240, 1 / 1209600, -1 / 47900160];

/**
 * The length of the averaging window, rho_t = rho_inf - 2 t b^t / (1 - b^t). With x = -t log b the last term is
 * (2 / -log b) x / (e^x - 1), near rho_inf for small t: the difference is taken in the series, not in float32.
 */
function windowLength(step: Node, beta2: Operand): Node {
  const rate = minus(0, logOf(beta2));
  const x = mul(step, rate);
  const small = BERNOULLI.reduceRight((sum: Node, c) => mul(add(sum, c), mul(x, x)), mul(x, 0));
  const large = sub(1, div(x, expm1(x)));
  const gap = select(lt(x, 1), add(mul(x, 0.5), small), large);
  return add(mul(gap, over(2, rate)), minus(longestWindow(beta2), over(2, rate)));
}

/** rho_inf. */
const longestWindow = (beta2: Operand): Operand => minus(over(2, minus(1, beta2)), 1);

export const radam = perParameter({
  description: 'Adam that starts as momentum and scales its steps as the variance becomes known: needs no warm-up.',
  schema: z.object({
    lr: learningRate(0.001),
    betas: betas(0.9, 0.999),
    eps: epsilon(1e-8),
    weight_decay: coupledDecay,
  }),
  state: () => ({ mean: 0, square: 0 }),
  update({ parameter, gradient, state, step, hyperparameters }) {
    const { rate, eps, weight_decay } = hyperparameters;
    const [beta1, beta2] = hyperparameters.betas;
    const g = withDecay(gradient, parameter, weight_decay);
    const mean = runningMean(state.mean, g, beta1);
    const square = runningMean(state.square, mul(g, g), beta2);
    const stepSize = div(rate, biasCorrection(beta1, step));
    const longest = longestWindow(beta2);
    // The window never gets long enough: always plain momentum.
    if (typeof longest === 'number' && longest <= 5)
      return { parameter: sub(parameter, mul(mean, stepSize)), state: { mean, square } };
    const length = windowLength(step, beta2);
    const known = maximum(length, 5);
    const rectified = sqrt(
      div(mul(mul(sub(known, 4), sub(known, 2)), longest), mul(known, times(minus(longest, 4), minus(longest, 2)))),
    );
    const scale = div(mul(rectified, sqrt(biasCorrection(beta2, step))), add(sqrt(square), eps));
    const direction = mul(mean, select(gt(length, 5), scale, 1));
    return { parameter: sub(parameter, mul(direction, stepSize)), state: { mean, square } };
  },
});
