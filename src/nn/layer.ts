/** What a layer is: a schema and a forward expression. It gets its parameters, state and random numbers from the build context. */
import * as z from 'zod';
import { type HostRandom, input, type Node, sameShape, type Shape, ShapeError, showShape, sizeOf } from '../tensor/index.js'; // prettier-ignore
import { activate, type ActivationConfig, activationSchema } from './activations.js';
import { type InitConfig, type Initializer, type InitializerConfig, initializers, initializerSchema } from './initializers.js'; // prettier-ignore
import type { RandomSource } from './random-source.js';

export interface Layer<S extends z.ZodObject = z.ZodObject> {
  /** One line for `nn list` and the editor. */
  readonly description: string;
  readonly schema: S;
  /** The output for x, [batch, ...]. Throws ShapeError where x does not fit. */
  build(context: BuildContext, config: z.output<S>, x: Node): Node;
}

/** Checks a layer against its schema and keeps its type. */
export const defineLayer = <S extends z.ZodObject>(layer: Layer<S>): Layer<S> => layer;

/** Penalties and decay treat these kinds differently: only weights shrink. */
export type ParameterKind = 'weight' | 'bias' | 'scale';

export interface Parameter {
  /** Readable and unique: `layers.0.weight`. */
  readonly name: string;
  readonly node: Node;
  readonly kind: ParameterKind;
  /** The layer it belongs to: `layers.0`. */
  readonly layer: string;
  initialize(random: HostRandom): Float32Array;
}

/** What a layer carries from step to step and no optimizer touches, such as the running statistics of batch norm. */
export interface StateVariable {
  readonly name: string;
  readonly node: Node;
  readonly initial: () => Float32Array;
}

export interface TraceOptions {
  readonly training: boolean;
  /** False trains without dropout and noise, for overfitting one batch. Default: as `training`. */
  readonly stochastic?: boolean;
  readonly random: RandomSource;
  readonly init: InitConfig;
}

export interface ParameterOptions {
  readonly kind: ParameterKind;
  readonly fanIn: number;
  readonly fanOut: number;
  /** Default: the model's initializer for this kind. */
  readonly init?: InitializerConfig;
}

/** What is collected while a model is traced. */
export interface Collected {
  readonly parameters: Parameter[];
  readonly states: StateVariable[];
  readonly stateUpdates: [Node, Node][];
}

export class BuildContext {
  readonly training: boolean;
  /** Whether dropout and noise act. */
  readonly stochastic: boolean;
  readonly random: RandomSource;
  /** What the layer's activation function was applied to, and its name. */
  activated: { preactivation: Node; activation: string } | undefined;

  /** `name` is the layer's: `layers.0`. */
  constructor(
    readonly name: string,
    private readonly options: TraceOptions,
    private readonly collected: Collected,
  ) {
    this.training = options.training;
    this.stochastic = options.stochastic ?? options.training;
    this.random = options.random;
  }

  /** A trainable tensor `<layer>.<name>`. */
  parameter(name: string, shape: Shape, { kind, fanIn, fanOut, init }: ParameterOptions): Node {
    const config = init ?? (kind === 'bias' ? this.options.init.bias : this.options.init.weights);
    const initializer: Initializer = initializers[config.type];
    if (initializer.needsMatrix && shape.length < 2) {
      throw new ShapeError(
        `the initializer ${config.type} needs a matrix, but ${name} has the shape ${showShape(shape)}`,
      );
    }
    const node = input(`${this.name}.${name}`, shape);
    this.collected.parameters.push({
      name: `${this.name}.${name}`,
      node,
      kind,
      layer: this.name,
      initialize: (random) => initializer.values(shape, fanIn, fanOut, random, config),
    });
    return node;
  }

  /** A variable `<layer>.<name>` that keeps its value between steps, `initial` everywhere at the start. */
  state(name: string, shape: Shape, initial: number): Node {
    const node = input(`${this.name}.${name}`, shape);
    this.collected.states.push({
      name: `${this.name}.${name}`,
      node,
      initial: () => new Float32Array(sizeOf(shape)).fill(initial),
    });
    return node;
  }

  /** The value that a state variable takes after a training step. */
  updateState(state: Node, value: Node): void {
    if (!sameShape(state.shape, value.shape)) {
      throw new ShapeError(`state of shape ${showShape(state.shape)} cannot take ${showShape(value.shape)}`);
    }
    this.collected.stateUpdates.push([state, value]);
  }

  /** Applies the layer's activation function, if it has one. */
  activate(config: ActivationConfig | undefined, x: Node): Node {
    if (config === undefined) return x;
    this.activated = { preactivation: x, activation: config.type };
    return activate(config, x);
  }
}

/** The shape of one sample. */
export const sampleShape = (x: Node): Shape => x.shape.slice(1);

/** What layers with weights have in common. */
export const weightedFields = {
  activation: activationSchema.optional().describe('applied to the output'),
  use_bias: z.boolean().default(true).describe('add a trainable offset to every output'),
  init: z
    .strictObject({ weights: initializerSchema.optional(), bias: initializerSchema.optional() })
    .optional()
    .describe("initial values of this layer, instead of the model's"),
};
