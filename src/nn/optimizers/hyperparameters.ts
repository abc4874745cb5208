/**
 * Hyperparameters: numbers of the config, or nodes where a step is to be differentiated with respect to them. Arithmetic on numbers
 * stays on the host, in float64; with a node it becomes part of the graph.
 */
import { add, div, log, mul, type Node, type Operand, sub } from '../../tensor/index.js';

/** The parameters of optimizers that may be nodes: scalars, or tensors that broadcast to the weights they apply to. */
type Continuous = 'momentum' | 'dampening' | 'betas' | 'alpha' | 'rho' | 'weight_decay' | 'eps';

type OrNode<T> = T extends number ? Operand : { readonly [K in keyof T]: OrNode<T[K]> };

/** What controls the update of one parameter: the optimizer's own config `P`, and the learning rate of the step. */
export type Hyperparameters<P> = { readonly [K in keyof P]: K extends Continuous ? OrNode<P[K]> : P[K] } & {
  /** `lr` times the factor of the schedule. */
  readonly rate: Operand;
};

const arithmetic =
  (onHost: (a: number, b: number) => number, inGraph: (a: Operand, b: Operand) => Node) =>
  (a: Operand, b: Operand): Operand =>
    typeof a === 'number' && typeof b === 'number' ? onHost(a, b) : inGraph(a, b);

export const plus = arithmetic((a, b) => a + b, add);
export const minus = arithmetic((a, b) => a - b, sub);
export const times = arithmetic((a, b) => a * b, mul);
export const over = arithmetic((a, b) => a / b, div);
export const logOf = (x: Operand): Operand => (typeof x === 'number' ? Math.log(x) : log(x));
