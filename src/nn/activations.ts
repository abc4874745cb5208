/**
 * Activation functions. Each is written so that its value and its derivatives of every order are finite wherever the function's
 * are, and so that a kink has the derivative that PyTorch gives it.
 */
import * as z from 'zod';
import { component, type ComponentConfig } from '../config/index.js';
import {
  add,
  div,
  erf,
  exp,
  expm1,
  gt,
  log1p,
  maximum,
  minimum,
  mul,
  neg,
  type Node,
  reduceMax,
  reduceSum,
  reshape,
  select,
  stopGradient,
  sub,
  tanh,
} from '../tensor/index.js';

export interface Activation<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  apply(x: Node, params: z.output<S>): Node;
}

const activation = <S extends z.ZodObject>(entry: Activation<S>): Activation<S> => entry;
const plain = (description: string, apply: (x: Node) => Node) =>
  activation({ description, schema: z.object({}), apply });

/** -|x| with the derivative 1 at 0, so that kinks of functions built from it cancel there. */
const minusAbs = (x: Node): Node => select(gt(x, 0), neg(x), x);

/** 1 / (1 + e^-x), where negative as e^x / (1 + e^x): no overflow at either end, and small values to all digits. */
export function sigmoid(x: Node): Node {
  const tail = exp(minusAbs(x));
  return div(select(gt(x, 0), 1, tail), add(tail, 1));
}

/** log(1 + e^x) as max(0, x) + log(1 + e^-|x|). */
export const softplus = (x: Node): Node => add(maximum(0, x), log1p(exp(minusAbs(x))));

/** e^x / sum of e^x along the last axis. The maximum is a constant shift, which the result does not depend on. */
export function softmax(x: Node): Node {
  const axis = x.shape.length - 1;
  const column = [...x.shape.slice(0, -1), 1];
  const shifted = exp(sub(x, stopGradient(reshape(reduceMax(x, axis), column))));
  return div(shifted, reshape(reduceSum(shifted, axis), column));
}

/** The branch not taken sees min(x, 0), so that it cannot overflow and turn the derivative into 0 * inf. */
const elu = (x: Node, alpha: number): Node => select(gt(x, 0), x, mul(expm1(minimum(x, 0)), alpha));

/** Fixed point of the mean and variance maps: Klambauer et al. 2017, "Self-normalizing neural networks", appendix A4. */
const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

export const activations = {
  linear: plain('The identity.', (x) => x),
  relu: plain('max(0, x); the derivative at 0 is 0.', (x) => maximum(0, x)),
  leaky_relu: activation({
    description: 'x where positive, else slope * x (Maas et al. 2013).',
    schema: z.object({ slope: z.number().default(0.01).describe('factor of negative inputs') }),
    apply: (x, { slope }) => select(gt(x, 0), x, mul(x, slope)),
  }),
  elu: activation({
    description: 'x where positive, else alpha * (e^x - 1) (Clevert et al. 2016).',
    schema: z.object({ alpha: z.number().default(1).describe('minus the limit at minus infinity') }),
    apply: (x, { alpha }) => elu(x, alpha),
  }),
  selu: plain('elu scaled to keep mean 0 and variance 1; use with lecun_normal (Klambauer et al. 2017).', (x) =>
    mul(elu(x, SELU_ALPHA), SELU_SCALE),
  ),
  gelu: plain('x times the normal distribution function of x, exact (Hendrycks and Gimpel 2016).', (x) =>
    mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1)),
  ),
  silu: plain('x * sigmoid(x), also called swish (Elfwing et al. 2018).', (x) => mul(x, sigmoid(x))),
  sigmoid: plain('1 / (1 + e^-x).', sigmoid),
  tanh: plain('Hyperbolic tangent.', tanh),
  softplus: plain('log(1 + e^x), a smooth relu.', softplus),
  softmax: plain('e^x / sum of e^x along the last axis.', softmax),
};

export const activationSchema = component(activations);
export type ActivationConfig = ComponentConfig<typeof activations>;

export function activate(config: ActivationConfig, x: Node): Node {
  const chosen: Activation = activations[config.type];
  return chosen.apply(x, config);
}
