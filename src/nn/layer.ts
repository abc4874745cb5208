/** What a layer is: a schema and a forward expression. It gets its parameters, state and random numbers from the build context. */
import * as z from 'zod';
import { type HostRandom, type Node, sameShape, type Shape, ShapeError, showShape, sizeOf } from '../tensor/index.js';
import { activate, type ActivationConfig } from './activations.js';
import { type InitConfig, type Initializer, type InitializerConfig, initializers } from './initializers.js';
import type { RandomSource } from './random-source.js';
import { activityPenalty, constraintFor, type ParameterKind, type RegularizationConfig, regularizersOf } from './regularization.js'; // prettier-ignore
import type { ConstraintConfig } from './constraints.js';
import type { ActivityRegularizerConfig, RegularizerConfig } from './regularizers.js';
import type { Signal } from './signal.js';
import type { Observation, Parameter, StateVariable, Variables } from './variables.js';

/**
 * Properties of a layer that lints and checks need and its graph does not show:
 * - `moves_values`: puts its input's values elsewhere, unchanged;
 * - `pools`: summarizes windows or whole samples, each channel by itself;
 * - `drops_units`: sets random values to a constant in training;
 * - `uses_batch_statistics`: estimates statistics from the batch in training, so it needs batches of several samples;
 * - `looks_up_rows`: its weight is a table, whose rows are chosen by the input rather than summed;
 * - `factorizes`: is at least a part of a convolution that is factorized on purpose;
 * - `per_position`: treats every position of a sequence by itself, so that padding stays padding;
 * - `only_penalizes`: passes its input on, and exists for its penalty, weighted by `l1` and `l2`.
 */
export type LayerTrait =
  | 'moves_values'
  | 'pools'
  | 'drops_units'
  | 'uses_batch_statistics'
  | 'looks_up_rows'
  | 'factorizes'
  | 'per_position'
  | 'only_penalizes';

/** What a model with one input calls it. */
export const MODEL_INPUT = 'input';

interface LayerEntry<S extends z.ZodObject> {
  /** One line for `nn list` and the editor. */
  readonly description: string;
  /** Default: none. */
  readonly traits?: readonly LayerTrait[];
  readonly schema: S;
}

/** A layer with one input. Its output inherits the structure of its input. */
export interface TensorLayer<S extends z.ZodObject = z.ZodObject> extends LayerEntry<S> {
  /** False where positions move, merge or disappear, so that no structure would fit the output. Default: true. */
  readonly keepsStructure?: boolean;
  /** The output for x, [batch, ...]. Throws ShapeError where x does not fit. */
  build(context: BuildContext, config: z.output<S>, x: Node): Node;
}

/** A layer with several inputs, or one that uses structure. */
export interface SignalLayer<S extends z.ZodObject = z.ZodObject> extends LayerEntry<S> {
  /** The output for its inputs, at least one. Throws ShapeError where they do not fit. */
  connect(context: BuildContext, config: z.output<S>, inputs: readonly Signal[]): Signal;
}

export type Layer<S extends z.ZodObject = z.ZodObject> = TensorLayer<S> | SignalLayer<S>;

/** Checks a layer against its schema and keeps its type. */
export const defineLayer = <S extends z.ZodObject>(layer: TensorLayer<S>): TensorLayer<S> => layer;
export const defineSignalLayer = <S extends z.ZodObject>(layer: SignalLayer<S>): SignalLayer<S> => layer;

/** What every layer may say beside its own parameters. */
export const commonFields = {
  name: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, 'expected a letter, then letters, digits, "-" and "_" only')
    .refine((name) => name !== MODEL_INPUT, `"${MODEL_INPUT}" is the input of the model`)
    .optional()
    .describe('replaces the number in the names of its weights; later layers can take its output by it'),
  inputs: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe(`names of earlier layers, or "${MODEL_INPUT}" for that of the model; the layer before by default`),
};

/** A layer as its schema parsed it; only that schema knows the rest. */
export interface LayerConfig {
  readonly type: string;
  readonly name?: string;
  readonly inputs?: string | readonly string[];
}

/** The only input, for layers that take one. Throws ShapeError where there are several. */
export function onlyInput(inputs: readonly Signal[]): Signal {
  if (inputs.length === 1) return inputs[0];
  throw new ShapeError(
    `takes one input, got ${inputs.length}; merge them before it with a layer add, multiply or concat`,
  );
}

/** A path in a config, such as ['layers', 2, 'shortcut', 0]. */
export type ConfigPath = readonly (string | number)[];

export interface TraceOptions {
  readonly training: boolean;
  /** False trains without dropout and noise, for overfitting one batch. Default: as `training`. */
  readonly stochastic?: boolean;
  /** Prefix of all layer names, where a task has several networks: `generator.layers.0`. */
  readonly network?: string;
  /** Named layers whose outputs the caller takes, beside the last one's. Default: none. */
  readonly outputs?: readonly string[];
  readonly random: RandomSource;
  readonly init: InitConfig;
  /** Default: none, except where a layer has its own. */
  readonly regularization?: RegularizationConfig;
}

export interface ParameterOptions {
  readonly kind: ParameterKind;
  readonly fanIn: number;
  readonly fanOut: number;
  /** Default: the model's initializer for this kind. */
  readonly init?: InitializerConfig;
  /** Default: the model's for this kind. */
  readonly regularizer?: RegularizerConfig;
  readonly constraint?: ConstraintConfig;
  /** The axis that numbers outputs. Default: the last. */
  readonly outputAxis?: number;
  /** Layers that give the same name here have one tensor, made by the first of them: `shared.<share>.<name>`. */
  readonly share?: string;
}

/** Collected while a model is traced. */
export interface Collected {
  readonly parameters: Parameter[];
  readonly states: StateVariable[];
  readonly observations: Observation[];
  /** Penalties on layer outputs, each a scalar. */
  readonly penalties: Node[];
}

/**
 * Builds layers inside a layer, in a row. `name` and `path` say what leads to them from the outer layer's name and place in the
 * config; each then adds its number.
 */
export type BuildLayers = (
  layers: readonly LayerConfig[],
  inputs: readonly Signal[],
  name: ConfigPath,
  path: ConfigPath,
) => readonly Signal[];

export class BuildContext {
  /** Prefix of the names of the network's layers. */
  private readonly network: string;
  readonly training: boolean;
  /** Whether dropout and noise act. */
  readonly stochastic: boolean;
  readonly random: RandomSource;
  /** What the layer's activation function was applied to, and which it is. */
  activated: { preactivation: Node; activation: string; activationConfig: ActivationConfig } | undefined;

  /** `name` is the layer's: `layers.0`. */
  constructor(
    readonly name: string,
    private readonly variables: Variables,
    private readonly options: TraceOptions,
    private readonly collected: Collected,
    readonly layers: BuildLayers,
  ) {
    this.network = options.network === undefined ? '' : `${options.network}.`;
    this.training = options.training;
    this.stochastic = options.stochastic ?? options.training;
    this.random = options.random;
  }

  /** A trainable tensor `<layer>.<name>`, or one that layers share. */
  parameter(name: string, shape: Shape, options: ParameterOptions): Node {
    const { kind, fanIn, fanOut, init, share, outputAxis = shape.length - 1 } = options;
    const { regularization } = this.options;
    const owner = share === undefined ? this.name : `${this.network}shared.${share}`;
    const known = this.collected.parameters.find((p) => p.name === `${owner}.${name}`);
    if (known !== undefined) {
      if (sameShape(known.node.shape, shape)) return known.node;
      throw new ShapeError(
        `shares the ${name} of ${known.layer} (share: ${share}), which is ${showShape(known.node.shape)}, but needs ${showShape(shape)}`,
      );
    }
    const config = init ?? (kind === 'bias' ? this.options.init.bias : this.options.init.weights);
    const initializer: Initializer = initializers[config.type];
    if (initializer.needsMatrix && shape.length < 2) {
      throw new ShapeError(
        `the initializer ${config.type} needs a matrix, but ${name} has the shape ${showShape(shape)}`,
      );
    }
    const node = this.variables.parameter(`${owner}.${name}`, shape);
    this.collected.parameters.push({
      name: `${owner}.${name}`,
      node,
      kind,
      layer: this.name,
      regularizers: regularizersOf(kind, options.regularizer, regularization),
      constraint: constraintFor(kind, options.constraint, regularization),
      outputAxis,
      init: config,
      initialize: (random: HostRandom) => initializer.values(shape, fanIn, fanOut, random, config, outputAxis),
    });
    return node;
  }

  /** The weight of an earlier layer, called by its name (`layers.0`) or by what it shares. */
  weightOf(layer: string): Node {
    const names = ['', 'shared.'].map((kind) => `${this.network}${kind}${layer}.weight`);
    const found = this.collected.parameters.find((p) => names.includes(p.name));
    if (found !== undefined) return found.node;
    const weights = this.collected.parameters.filter((p) => p.kind === 'weight' && p.name.endsWith('.weight'));
    const known = weights.map((p) => p.name.slice(this.network.length).replace(/^shared\.|\.weight$/g, ''));
    const there = known.length === 0 ? 'no earlier layer has weights' : `there are ${known.join(', ')}`;
    throw new ShapeError(`no layer before it is called "${layer}"; ${there}`);
  }

  /** A variable `<layer>.<name>` that keeps its value between steps, `initial` everywhere at the start. */
  state(name: string, shape: Shape, initial: number): Node {
    const variable = `${this.name}.${name}`;
    const node = this.variables.state(variable, shape);
    this.collected.states.push({
      name: variable,
      node,
      initial: () => new Float32Array(sizeOf(shape)).fill(initial),
    });
    return node;
  }

  /** Reports the value of a state variable in this batch; of its running mean `keep` is the share of the old one that stays. */
  observe(state: Node, value: Node, keep: number): void {
    if (!sameShape(state.shape, value.shape)) {
      throw new ShapeError(`state of shape ${showShape(state.shape)} cannot take ${showShape(value.shape)}`);
    }
    this.collected.observations.push({ state, value, keep });
  }

  /** Adds the layer's activity penalty, if it (or the model) has one, to the loss. */
  penalize(own: ActivityRegularizerConfig | undefined, output: Node): void {
    const config = own ?? this.options.regularization?.activity;
    const penalty = config && activityPenalty(config, output);
    if (penalty !== undefined) this.collected.penalties.push(penalty);
  }

  /** Applies the layer's activation function, if it has one. */
  activate(config: ActivationConfig | undefined, x: Node): Node {
    if (config === undefined) return x;
    this.activated = { preactivation: x, activation: config.type, activationConfig: config };
    return activate(config, x);
  }
}

/** The shape of one sample. */
export const sampleShape = (x: Node): Shape => x.shape.slice(1);
