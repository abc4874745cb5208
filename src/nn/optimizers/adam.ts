/**
 * Adam (Kingma and Ba 2015), AMSGrad (Reddi, Kale, Kumar 2018) and AdamW (Loshchilov and Hutter 2019): steps scaled by the running
 * mean of the gradient over the root of that of its square.
 */
import * as z from 'zod';
import { add, div, maximum, mul, type Node, type Operand, sqrt, sub } from '../../tensor/index.js';
import { minus, times } from './hyperparameters.js';
import {
  betas,
  biasCorrection,
  coupledDecay,
  decoupledDecay,
  epsilon,
  learningRate,
  perParameter,
  type RuleInput,
  type RuleResult,
  runningMean,
  withDecay,
} from './optimizer.js';

interface AdamParams {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly amsgrad: boolean;
}

const amsgrad = z
  .boolean()
  .default(false)
  .describe('scale by the largest mean square so far, so that steps never grow back (AMSGrad)');

const adamState = ({ amsgrad }: Pick<AdamParams, 'amsgrad'>): Record<string, number> =>
  amsgrad ? { mean: 0, square: 0, largest_square: 0 } : { mean: 0, square: 0 };

/** w <- start - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps), after m and v have taken in the gradient. */
export function adamStep(
  start: Node,
  gradient: Node,
  { state, step, hyperparameters }: Pick<RuleInput<AdamParams>, 'state' | 'step' | 'hyperparameters'>,
): RuleResult {
  const { rate, eps, amsgrad } = hyperparameters;
  const [beta1, beta2] = hyperparameters.betas;
  const mean = runningMean(state.mean, gradient, beta1);
  const square = runningMean(state.square, mul(gradient, gradient), beta2);
  const largest = amsgrad ? maximum(state.largest_square, square) : undefined;
  const stepSize = div(rate, biasCorrection(beta1, step));
  const unbias = div(1, sqrt(biasCorrection(beta2, step)));
  const denominator = add(mul(sqrt(largest ?? square), unbias), eps);
  return {
    parameter: sub(start, div(mul(mean, stepSize), denominator)),
    state: largest ? { mean, square, largest_square: largest } : { mean, square },
  };
}

export const adam = perParameter({
  description: 'Adam: each weight has its own rate, from running means of its gradient and the square.',
  schema: z.object({
    lr: learningRate(0.001),
    betas: betas(0.9, 0.999),
    eps: epsilon(1e-8),
    weight_decay: coupledDecay,
    amsgrad,
  }),
  state: adamState,
  update: (input) =>
    adamStep(input.parameter, withDecay(input.gradient, input.parameter, input.hyperparameters.weight_decay), input),
});

export const adamw = perParameter({
  description: 'Adam with decoupled weight decay: the standard choice for regularized networks.',
  schema: z.object({
    lr: learningRate(0.001),
    betas: betas(0.9, 0.999),
    eps: epsilon(1e-8),
    weight_decay: decoupledDecay(0.01),
    amsgrad,
  }),
  state: adamState,
  update: (input) => {
    const { rate, weight_decay } = input.hyperparameters;
    return adamStep(shrunk(input.parameter, rate, weight_decay), input.gradient, input);
  },
});

/** (1 - rate * decay) * parameter. */
export const shrunk = (parameter: Node, rate: Operand, decay: Operand): Node =>
  decay === 0 ? parameter : mul(parameter, minus(1, times(rate, decay)));
