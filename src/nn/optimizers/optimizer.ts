/** What an optimizer is: the initial values of its slots and one update of a parameter, both pure functions. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, expm1, mul, neg, type Node, type Shape } from '../../tensor/index.js';

export interface UpdateInput<P> {
  readonly parameter: Node;
  /** The gradient of the objective, clipped where the config asks for it. */
  readonly gradient: Node;
  /** The optimizer's values beside the parameter, of its shape. */
  readonly state: Readonly<Record<string, Node>>;
  /** The learning rate of this step: `lr` times the schedule's factor, a scalar. */
  readonly rate: Node;
  /** The 1-based number of the step, a scalar. */
  readonly step: Node;
  readonly params: P;
}

export interface UpdateResult {
  readonly parameter: Node;
  readonly state: Readonly<Record<string, Node>>;
}

/** An optimizer that updates each parameter by itself. */
export interface Optimizer<S extends z.ZodObject = z.ZodObject> {
  readonly kind: 'each';
  readonly description: string;
  readonly schema: S;
  /** The slots beside a parameter of `shape` and the number that they start from. */
  state(params: z.output<S>, shape?: Shape): Readonly<Record<string, number>>;
  update(input: UpdateInput<z.output<S>>): UpdateResult;
}

export const defineOptimizer = <S extends z.ZodObject>(optimizer: Omit<Optimizer<S>, 'kind'>): Optimizer<S> => ({
  kind: 'each',
  ...optimizer,
});

/** All parameters with their gradients and slots, in one order. */
export interface JointUpdateInput<P> {
  readonly parameters: readonly Node[];
  readonly gradients: readonly Node[];
  readonly states: readonly Readonly<Record<string, Node>>[];
  /** The values that belong to no parameter. */
  readonly shared: Readonly<Record<string, Node>>;
  readonly rate: Node;
  readonly params: P;
}

export type JointUpdateResult = Pick<JointUpdateInput<never>, 'parameters' | 'states' | 'shared'>;

/** An optimizer that must see all parameters to update any. All its slots start at 0. */
export interface JointOptimizer<S extends z.ZodObject = z.ZodObject> {
  readonly kind: 'joint';
  readonly description: string;
  readonly schema: S;
  /** The shapes of the slots beside a parameter of `shape`. */
  slots(params: z.output<S>, shape: Shape): Readonly<Record<string, Shape>>;
  /** The shapes of the slots that belong to no parameter. */
  shared(params: z.output<S>): Readonly<Record<string, Shape>>;
  update(input: JointUpdateInput<z.output<S>>): JointUpdateResult;
}

export const defineJointOptimizer = <S extends z.ZodObject>(
  optimizer: Omit<JointOptimizer<S>, 'kind'>,
): JointOptimizer<S> => ({ kind: 'joint', ...optimizer });

/** The base learning rate. Zero is allowed: it shows whether anything else changes the weights. */
export const learningRate = (usual: number) => atoms.nonNegative.default(usual).describe('learning rate');
export const coupledDecay = atoms.nonNegative
  .default(0)
  .describe('weight decay as an L2 penalty: this times the weights is added to the gradient');
export const decoupledDecay = (usual: number) =>
  atoms.nonNegative
    .default(usual)
    .describe('decoupled weight decay: every step shrinks the weights by this times the learning rate');
export const betas = (first: number, second: number) =>
  z
    .tuple([atoms.properFraction, atoms.properFraction])
    .default([first, second])
    .describe('decay of the running means of the gradient and of its square');
export const epsilon = (usual: number) =>
  atoms.nonNegative.default(usual).describe('added to the denominator, against division by zero');

/** gradient + decay * parameter. */
export const withDecay = (gradient: Node, parameter: Node, decay: number): Node =>
  decay === 0 ? gradient : add(gradient, mul(parameter, decay));

/** decay * mean + (1 - decay) * value: a running mean. */
export const runningMean = (mean: Node, value: Node, decay: number): Node =>
  add(mul(mean, decay), mul(value, 1 - decay));

/** 1 - beta^step, exact in float32 also where beta^step is near 1. */
export const biasCorrection = (beta: number, step: Node): Node => neg(expm1(mul(step, Math.log(beta))));
