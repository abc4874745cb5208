/** NAdam: Adam with Nesterov's momentum (Dozat 2016). */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import {
  add,
  constant,
  div,
  exp,
  expm1,
  mul,
  neg,
  type Node,
  type Operand,
  reduceSum,
  sqrt,
  sub,
} from '../../tensor/index.js';
import { logOf } from './hyperparameters.js';
import { betas, biasCorrection, coupledDecay, epsilon, learningRate, perParameter, runningMean, withDecay } from './optimizer.js'; // prettier-ignore

/** The momentum of step t is beta1 (1 - WARM_START^(t decay) / 2): Dozat's schedule, which starts at half. */
const WARM_START = 0.96;
/** Terms of the series below; the first omitted one is 2^-32 / 32 of the first. */
const TERMS = 32;

const momentumAt = (step: Node, beta1: Operand, decay: number): Node =>
  mul(sub(1, mul(exp(mul(step, decay * Math.log(WARM_START))), 0.5)), beta1);

/**
 * log of the product of all momenta up to `step`, less t log beta1: the sum over i <= t of log(1 - c^i / 2) with c = WARM_START^decay.
 * Expanding the logarithm in powers of c^i / 2 leaves geometric sums over i, so no state needs to carry the product.
 */
function logProductOfMomenta(step: Node, decay: number): Node {
  const logC = decay * Math.log(WARM_START);
  const powers = Array.from({ length: TERMS }, (_, k) => k + 1);
  const factors = powers.map((k) => Math.exp(k * logC) / (k * 2 ** k * -Math.expm1(k * logC)));
  const exponents = powers.map((k) => k * logC);
  return reduceSum(mul(constant(factors, [TERMS]), expm1(mul(constant(exponents, [TERMS]), step))));
}

export const nadam = perParameter({
  description: "Adam with Nesterov's momentum, whose strength grows over the first steps.",
  schema: z.object({
    lr: learningRate(0.002),
    betas: betas(0.9, 0.999),
    eps: epsilon(1e-8),
    weight_decay: coupledDecay,
    momentum_decay: atoms.positive.default(0.004).describe('how fast the momentum reaches beta1'),
  }),
  state: () => ({ mean: 0, square: 0 }),
  update({ parameter, gradient, state, step, hyperparameters }) {
    const { rate, eps, weight_decay, momentum_decay } = hyperparameters;
    const [beta1, beta2] = hyperparameters.betas;
    const g = withDecay(gradient, parameter, weight_decay);
    const mean = runningMean(state.mean, g, beta1);
    const square = runningMean(state.square, mul(g, g), beta2);
    const momentum = momentumAt(step, beta1, momentum_decay);
    const next = momentumAt(add(step, 1), beta1, momentum_decay);
    const logProduct = add(mul(step, logOf(beta1)), logProductOfMomenta(step, momentum_decay));
    const correction = neg(expm1(logProduct));
    const nextCorrection = sub(1, mul(exp(logProduct), next));
    const ofGradient = div(mul(rate, sub(1, momentum)), correction);
    const ofMean = div(mul(rate, next), nextCorrection);
    const unbias = div(1, sqrt(biasCorrection(beta2, step)));
    const direction = add(mul(g, ofGradient), mul(mean, ofMean));
    return {
      parameter: sub(parameter, div(direction, add(mul(sqrt(square), unbias), eps))),
      state: { mean, square },
    };
  },
});
