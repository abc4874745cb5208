/**
 * A network as lints see it: what each layer computes from which others, and whether that is an affine function. Derived from
 * the graph, so that nested blocks, shared weights and all kinds of layers need no special cases.
 */
import { concat, constant, evaluate, input, mul, type Node, slice } from '../../tensor/index.js';
import {
  activate,
  type ActivationConfig,
  activations,
  type ConfigPath,
  type Parameter,
  RandomSource,
  type TracedLayer,
  traceModel,
  VariableStore,
} from '../../nn/index.js';
import type { ExperimentConfig } from '../schema.js';

/** A layer that does something, and what goes into it. */
export interface LayerFlow {
  readonly layer: TracedLayer;
  /** Its path in the config. */
  readonly path: ConfigPath;
  /** The path of its activation function, which may be a separate layer. */
  readonly activationPath: ConfigPath;
  /** The steps before it; none where it sees the network's input alone. */
  readonly inputs: readonly LayerFlow[];
  readonly seesInput: boolean;
  /** The weights that it uses, including those of other layers; no biases. */
  readonly weights: readonly Parameter[];
  /** Whether its output is an affine function of its inputs. */
  readonly isAffine: boolean;
}

export interface Dataflow {
  /** In the order in which they are computed. */
  readonly steps: readonly LayerFlow[];
  /** The last one; undefined where the network does nothing. */
  readonly output: LayerFlow | undefined;
  /** Whether a regularizer or constraint keeps any weights or outputs small. */
  readonly isPenalized: boolean;
}

/** Batch norm needs two samples. */
const BATCH = 2;

/** The network of an experiment on features of shape `features`, which it must fit. */
export function dataflowOf(config: ExperimentConfig, features: readonly number[], training: boolean): Dataflow {
  const { init, regularization } = config;
  const x = input('lint.features', [BATCH, ...features]);
  const options = { training, random: new RandomSource(), init, regularization };
  const model = traceModel(config.model, x, new VariableStore(), options);
  const parameters = new Map(model.parameters.map((parameter) => [parameter.node, parameter]));
  const stepOf = new Map<Node, LayerFlow>();
  for (const layer of model.layers) {
    // A layer that returns its input, such as flatten on vectors, is not a step.
    if (layer.output === x || stepOf.has(layer.output)) continue;
    stepOf.set(layer.output, describeStep(layer, x, stepOf, parameters));
  }
  const isPenalized =
    model.penalties.length > 0 ||
    model.parameters.some(({ regularizers, constraint }) => regularizers.length > 0 || constraint !== undefined);
  return { steps: [...stepOf.values()], output: stepOf.get(model.output), isPenalized };
}

function describeStep(
  layer: TracedLayer,
  x: Node,
  before: ReadonlyMap<Node, LayerFlow>,
  parameters: ReadonlyMap<Node, Parameter>,
): LayerFlow {
  const inputs = new Set<LayerFlow>();
  const weights = new Set<Parameter>();
  let seesInput = false;
  const degrees = new Map<Node, Degree>();
  const visit = (node: Node): Degree => {
    const known = degrees.get(node);
    if (known !== undefined) return known;
    const step = before.get(node);
    const parameter = parameters.get(node);
    if (step !== undefined) inputs.add(step);
    if (node === x) seesInput = true;
    if (parameter?.kind === 'weight') weights.add(parameter);
    const degree = step !== undefined || node === x ? 1 : degreeOf(node, node.inputs.map(visit));
    degrees.set(node, degree);
    return degree;
  };
  const degree = visit(layer.output);
  const path = ['model', ...layer.path];
  return {
    layer,
    path,
    activationPath: Object.hasOwn(activations, layer.type) ? path : [...path, 'activation'],
    inputs: [...inputs],
    seesInput,
    weights: [...weights],
    isAffine: degree === 1,
  };
}

/** How a node depends on the inputs of a step: not at all, affinely, otherwise. */
type Degree = 0 | 1 | 2;

const highest = (degrees: readonly Degree[]): Degree => degrees.reduce((a, b) => (a > b ? a : b), 0);

function degreeOf(node: Node, inputs: readonly Degree[]): Degree {
  const all = highest(inputs);
  if (all === 0) return 0;
  switch (node.op) {
    case 'reshape':
    case 'transpose':
    case 'broadcast':
    case 'slice':
    case 'pad':
    case 'concat':
    case 'reverse':
    case 'reduce_sum':
    case 'pool_sum':
    case 'stop_gradient':
      return all;
    case 'unary':
      return node.attrs.kind === 'neg' ? all : 2;
    case 'binary':
      if (node.attrs.kind === 'add' || node.attrs.kind === 'sub') return all;
      if (node.attrs.kind === 'mul') return inputs.includes(0) ? all : 2;
      return node.attrs.kind === 'div' && inputs[1] === 0 ? all : 2;
    case 'matmul':
    case 'conv':
    case 'conv_input':
      return inputs.includes(0) ? all : 2;
    case 'select':
      return inputs[0] === 0 ? all : 2;
    default:
      return 2;
  }
}

/** `step`, or the one whose values it passes on unchanged. */
export function skipMoves(step: LayerFlow | undefined): LayerFlow | undefined {
  return step?.layer.traits.includes('moves_values') ? skipMoves(step.inputs.at(0)) : step;
}

/** The step that the output's activation function belongs to, where it has one that does something. */
export function outputActivation({ output }: Dataflow): { step: LayerFlow; activation: ActivationConfig } | undefined {
  const step = skipMoves(output);
  const activation = step?.layer.activationConfig;
  return step === undefined || activation === undefined || activation.type === 'linear' ? undefined : { step, activation }; // prettier-ignore
}

/** The range of an activation function; infinite where it is unbounded. */
export function rangeOfActivation(config: ActivationConfig): readonly [number, number] {
  // Seen at x = -50 ... 50 in steps of 0.05; in the other column 0, for softmax.
  const points = 2001;
  const x = constant(
    Array.from({ length: points }, (_, i) => (i - 1000) / 20),
    [points, 1],
  );
  const y = activate(config, concat([x, mul(x, 0)], 1));
  const values = [...evaluate([slice(y, [0, 0], [points, 1])], () => new Float64Array())[0]];
  const at = (index: number): number => values[index];
  const grows = (end: number, halfway: number): boolean => Math.abs(end) > 1.5 * Math.abs(halfway);
  const ends = [[at(0), at(500)], [at(points - 1), at(1500)]] as const; // prettier-ignore
  let [low, high] = [Math.min(...values), Math.max(...values)];
  for (const [end, halfway] of ends) {
    if (!grows(end, halfway)) continue;
    if (end < 0) low = -Infinity;
    else high = Infinity;
  }
  // Asymptotes.
  const round = (value: number): number => Math.round(value * 1e9) / 1e9;
  return [round(low), round(high)];
}
