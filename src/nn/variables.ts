/**
 * Where a network gets its parameters and state. Layers ask for them by name; whoever traces the network passes the resolver that
 * answers, and so decides what they are: inputs of a program, the averages of such inputs, a tensor tied to another network, or
 * θ - α∇θ of an inner step. No layer knows the difference.
 */
import { add, div, type HostRandom, input, mul, type Node, sameShape, type Shape, ShapeError, showShape, sub, withScope } from '../tensor/index.js'; // prettier-ignore
import type { InitializerConfig } from './initializers.js';
import type { ParameterKind, Regularized } from './regularization.js';

export interface Parameter extends Regularized {
  /** Readable and unique: `layers.0.weight`. */
  readonly name: string;
  readonly kind: ParameterKind;
  /** The layer it belongs to: `layers.0`. */
  readonly layer: string;
  /** How its initial values are drawn. */
  readonly init: InitializerConfig;
  initialize(random: HostRandom): Float32Array;
}

/** What a layer carries from step to step and no optimizer touches, such as the running statistics of batch norm. */
export interface StateVariable {
  readonly name: string;
  readonly node: Node;
  readonly initial: () => Float32Array;
}

/**
 * What a traced network saw of a state variable in this batch, both of one shape. The step decides what becomes of it: training moves
 * a running mean, of which `keep` is the share that stays; statistics measured anew are a plain mean over batches.
 */
export interface Observation {
  readonly state: Node;
  readonly value: Node;
  readonly keep: number;
}

/** A resolver: the nodes that a network's variables are. Equal names must give equal nodes. */
export interface Variables {
  /** The node of a trainable tensor, of this shape. */
  parameter(name: string, shape: Shape): Node;
  /** The node of a state variable, of this shape. */
  state(name: string, shape: Shape): Node;
}

/**
 * Variables as inputs of programs, each made when it is first asked for. Programs share the values of those that come from one
 * store (the training step, whatever its batch size, and evaluation), and no others.
 */
export class VariableStore implements Variables {
  private readonly nodes = new Map<string, Node>();

  /** The input of this name. Throws ShapeError where it is known with another shape. */
  variable(name: string, shape: Shape): Node {
    let node = this.nodes.get(name);
    if (node === undefined) this.nodes.set(name, (node = input(name, shape)));
    if (sameShape(node.shape, shape)) return node;
    throw new ShapeError(`the variable ${name} is ${showShape(node.shape)}, but ${showShape(shape)} is asked for`);
  }

  parameter(name: string, shape: Shape): Node {
    return this.variable(name, shape);
  }

  state(name: string, shape: Shape): Node {
    return this.variable(name, shape);
  }
}

/** Variables that `variables` knows by other names. */
export const renamed = (variables: Variables, rename: (name: string) => string): Variables => ({
  parameter: (name, shape) => variables.parameter(rename(name), shape),
  state: (name, shape) => variables.state(rename(name), shape),
});

/** A state variable after a training step: moved towards what the batch showed. */
export const runningMean = ({ state, value, keep }: Observation): [Node, Node] =>
  withScope(value.scope, () => [state, add(mul(state, keep), mul(value, 1 - keep))]);

/** A state variable after batch number `count` (from 1): the mean of what the batches so far showed. */
export const cumulativeMean = ({ state, value }: Observation, count: Node): [Node, Node] =>
  withScope(value.scope, () => [state, add(state, div(sub(value, state), count))]);
