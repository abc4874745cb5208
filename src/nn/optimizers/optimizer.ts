/**
 * An optimizer is a pair of pure functions, as in Optax: `init` says which state it keeps, `update` takes one step. Parameters,
 * gradients and state are named nodes, so the caller decides what they are: inputs of a program, or results of the previous step.
 */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, expm1, mul, neg, type Node, type Operand, type Shape } from '../../tensor/index.js';
import { type Hyperparameters, logOf, minus } from './hyperparameters.js';

export type Named<T> = Readonly<Record<string, T>>;

/** A tensor of the optimizer's state before the first step: `initial` everywhere. */
export interface StateSpec {
  readonly shape: Shape;
  readonly initial: number;
}

export interface OptimizerStep {
  readonly parameters: Named<Node>;
  readonly state: Named<Node>;
}

export interface Optimizer<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  /** The state for parameters of these shapes, under names such as `mean.layers.0.weight`. */
  init(hyperparameters: Omit<Hyperparameters<z.output<S>>, 'rate'>, shapes: Named<Shape>): Named<StateSpec>;
  /**
   * Parameters and state after one step. `gradients`, `parameters` and `hyperparameters` have the same names, `state` those of
   * `init`; `step` is its 1-based number, a scalar.
   */
  update(
    gradients: Named<Node>,
    state: Named<Node>,
    parameters: Named<Node>,
    hyperparameters: Named<Hyperparameters<z.output<S>>>,
    step: Node,
  ): OptimizerStep;
}

/** Checks an optimizer against its schema and keeps its type. */
export const defineOptimizer = <S extends z.ZodObject>(optimizer: Optimizer<S>): Optimizer<S> => optimizer;

export interface RuleInput<P> {
  readonly parameter: Node;
  readonly gradient: Node;
  /** The parameter's state, each tensor of its shape. */
  readonly state: Named<Node>;
  readonly hyperparameters: Hyperparameters<P>;
  readonly step: Node;
}

export interface RuleResult {
  readonly parameter: Node;
  readonly state: Named<Node>;
}

/** How one parameter is updated, for optimizers that treat each separately. */
export interface UpdateRule<S extends z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  /** The state beside a parameter of `shape`: names, and the number that each starts from. */
  state(hyperparameters: Omit<Hyperparameters<z.output<S>>, 'rate'>, shape: Shape): Named<number>;
  update(input: RuleInput<z.output<S>>): RuleResult;
}

/** The optimizer that applies `rule` to each parameter separately. */
export function perParameter<S extends z.ZodObject>(rule: UpdateRule<S>): Optimizer<S> {
  const { description, schema } = rule;
  return {
    description,
    schema,
    init(hyperparameters, shapes) {
      const specs = Object.entries(shapes).flatMap(([name, shape]) =>
        Object.entries(rule.state(hyperparameters, shape)).map(([key, initial]) => [
          `${key}.${name}`,
          { shape, initial },
        ]),
      );
      return Object.fromEntries(specs) as Named<StateSpec>;
    },
    update(gradients, state, parameters, hyperparameters, step) {
      const updated: Record<string, Node> = {};
      const next: Record<string, Node> = {};
      for (const [name, parameter] of Object.entries(parameters)) {
        const keys = Object.keys(rule.state(hyperparameters[name], parameter.shape));
        const own = Object.fromEntries(keys.map((key) => [key, state[`${key}.${name}`]]));
        const result = rule.update({
          parameter,
          gradient: gradients[name],
          state: own,
          hyperparameters: hyperparameters[name],
          step,
        });
        updated[name] = result.parameter;
        for (const key of keys) next[`${key}.${name}`] = result.state[key];
      }
      return { parameters: updated, state: next };
    },
  };
}

/** The base learning rate. Zero is allowed: it shows whether anything else changes the weights. */
export const learningRate = (value: number) => atoms.nonNegative.default(value).describe('learning rate');
export const coupledDecay = atoms.nonNegative
  .default(0)
  .describe('weight decay as an L2 penalty: this times the weights is added to the gradient');
export const decoupledDecay = (value: number) =>
  atoms.nonNegative
    .default(value)
    .describe('decoupled weight decay: every step shrinks the weights by this times the learning rate');
export const betas = (first: number, second: number) =>
  z
    .tuple([atoms.properFraction, atoms.properFraction])
    .default([first, second])
    .describe('decay of the running means of the gradient and of its square');
export const epsilon = (value: number) =>
  atoms.nonNegative.default(value).describe('added to the denominator, against division by zero');

/** gradient + decay * parameter. */
export const withDecay = (gradient: Node, parameter: Node, decay: Operand): Node =>
  decay === 0 ? gradient : add(gradient, mul(parameter, decay));

/** decay * mean + (1 - decay) * value: a running mean. */
export const runningMean = (mean: Node, value: Node, decay: Operand): Node =>
  add(mul(mean, decay), mul(value, minus(1, decay)));

/** 1 - beta^step, exact in float32 also where beta^step is near 1. */
export const biasCorrection = (beta: Operand, step: Node): Node => neg(expm1(mul(step, logOf(beta))));
