/**
 * From the `model` section to a graph: a sequence of layers, each built in its own scope, so that errors and profiles name it.
 * The table of layers (shapes, parameters, work, memory) is derived from the graph.
 */
import * as z from 'zod';
import {
  multiplyAddsOf,
  type Node,
  type Shape,
  ShapeError,
  sizeOf,
  topologicalOrder,
  withScope,
} from '../tensor/index.js';
import type { ActivationConfig } from './activations.js';
import {
  BuildContext, type BuildLayers, type Collected, type ConfigPath, type Layer, type LayerConfig, type LayerTrait, MODEL_INPUT,
  onlyInput, sampleShape, type TraceOptions,
} from './layer.js'; // prettier-ignore
import { layers, layerSchema } from './layers/index.js';
import { NamedOutputs } from './named-outputs.js';
import { type Signal, type Signals, signalOf, structureNames } from './signal.js';
import type { Observation, Parameter, StateVariable, Variables } from './variables.js';

export const modelSchema = z.strictObject({
  layers: z.array(layerSchema).min(1).describe('from the input to the output'),
});
export type ModelConfig = z.output<typeof modelSchema>;

/** A shape error of a layer, with its path in the config's `model`. */
export class LayerShapeError extends ShapeError {
  constructor(
    { detail, scope }: ShapeError,
    readonly path: ConfigPath,
  ) {
    super(detail, scope);
  }
}

/** A line of the layer table. A block comes before its layers and counts only its own work. */
export interface LayerRow {
  readonly name: string;
  readonly type: string;
  /** Its inputs by config; absent where it takes the previous layer's output. */
  readonly inputs?: readonly string[];
  /** Of one sample. */
  readonly outputShape: Shape;
  readonly parameters: number;
  /** Multiply-accumulates of a forward pass, per sample: those of matrix products and convolutions. */
  readonly macs: number;
  /** Bytes of the output of one sample and of the parameters. */
  readonly memoryBytes: number;
}

export interface TracedLayer {
  readonly name: string;
  readonly type: string;
  readonly traits: readonly LayerTrait[];
  /** Its path in the config's `model`. */
  readonly path: ConfigPath;
  readonly output: Node;
  /** What the layer's activation function was applied to, its name, and its parameters too. */
  readonly preactivation?: Node;
  readonly activation?: string;
  readonly activationConfig?: ActivationConfig;
}

export interface TracedModel {
  /** The last layer's. */
  readonly output: Node;
  /** The requested outputs by name, and the last layer's as `output`. */
  readonly outputs: Signals;
  readonly parameters: readonly Parameter[];
  readonly states: readonly StateVariable[];
  /** The batch's statistics for the state; none in evaluation. */
  readonly observations: readonly Observation[];
  /** Penalties on layer outputs, to be added to the loss. */
  readonly penalties: readonly Node[];
  /** In the order in which they are computed: a block comes after its layers, and only if it does work itself. */
  readonly layers: readonly TracedLayer[];
  readonly rows: readonly LayerRow[];
}

/** Maps `change` over the layers, bottom-up: it gets a block with its layers already changed. */
export function mapLayers(
  layers: readonly LayerConfig[],
  change: (layer: LayerConfig) => LayerConfig,
): readonly LayerConfig[] {
  const inside = (value: unknown): unknown => {
    if (isRow(value)) return mapLayers(value, change);
    return Array.isArray(value) ? value.map(inside) : value;
  };
  return layers.map((layer) =>
    change({ ...layer, ...Object.fromEntries(Object.entries(layer).map(([key, value]) => [key, inside(value)])) }),
  );
}

/** The block's fields that are lists of layers. */
const isRow = (values: unknown): values is readonly LayerConfig[] =>
  Array.isArray(values) && values.every((value) => typeof value === 'object' && value !== null && 'type' in value);

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** The name of the last layer's output in every network. */
const MODEL_OUTPUT = 'output';

/** A layer on its inputs. Throws ShapeError where it cannot take them. */
function applied(
  layer: Layer,
  context: BuildContext,
  config: Readonly<Record<string, unknown>>,
  inputs: readonly Signal[],
): Signal {
  if ('connect' in layer) return layer.connect(context, config, inputs);
  const { tensor, structure } = onlyInput(inputs);
  if (structure !== undefined && layer.traits?.includes('per_position') !== true) {
    throw new ShapeError(`cannot take ${structureNames[structure.kind]}: padding would mix with their values`);
  }
  return signalOf(layer.build(context, config, tensor), structure);
}

const listed = (inputs: string | readonly string[]): readonly string[] =>
  typeof inputs === 'string' ? [inputs] : inputs;

const isNode = (inputs: Node | Signals): inputs is Node => typeof inputs.op === 'string';

/**
 * The network `model` on its inputs, with `variables` for its parameters and state: a pure function, so a network may be traced as
 * often as wanted, with any weights. `inputs` is the only one, [batch, ...] (f32), which layers call "input", or several by name.
 * Throws LayerShapeError, with the layer's name as its scope, where something does not fit.
 */
export function traceModel(
  model: ModelConfig,
  inputs: Node | Signals,
  variables: Variables,
  options: TraceOptions,
): TracedModel {
  const known: Signals = isNode(inputs) ? { [MODEL_INPUT]: { tensor: inputs } } : inputs;
  const start = Object.values(known);
  const [batch] = start[0].tensor.shape;
  const collected: Collected = { parameters: [], states: [], observations: [], penalties: [] };
  const traced: TracedLayer[] = [];
  const rows: LayerRow[] = [];
  const names = new Set<string>();
  const counted = new Set<Node>(topologicalOrder(start.map(({ tensor }) => tensor)));

  const buildLayer = (
    name: string,
    path: ConfigPath,
    { type, name: _name, inputs: named, ...config }: LayerConfig,
    before: readonly Signal[],
    scope: NamedOutputs,
  ): Signal => {
    const inside: BuildLayers = (inner, from, within, at) =>
      buildRow([name, ...within].join('.'), [...path, ...at], inner, from, new NamedOutputs({}, scope));
    const context = new BuildContext(name, variables, options, collected, inside);
    const taken = named === undefined ? undefined : listed(named);
    const row = rows.push({ name, type, outputShape: [], parameters: 0, macs: 0, memoryBytes: 0 }) - 1;
    const output = withScope(titleOf(name, type), () =>
      placed(path, () => {
        if (names.has(name)) throw new ShapeError(`another layer is called ${name}; give each its own name`);
        names.add(name);
        const from = taken === undefined ? before : placed([...path, 'inputs'], () => taken.map((one) => scope.take(one))); // prettier-ignore
        return applied(layers[type], context, config, from);
      }),
    );
    const { tensor } = output;
    const isBlock = rows.length > row + 1;
    if (!isBlock || traced.at(-1)?.output !== tensor) {
      const { traits = [] } = layers[type];
      traced.push({ name, type, traits, path, output: tensor, ...context.activated });
    }

    const made = topologicalOrder([tensor]).filter((node) => !counted.has(node));
    made.forEach((node) => counted.add(node));
    const own = collected.parameters.filter((p) => p.layer === name);
    const parameters = own.reduce((sum, p) => sum + sizeOf(p.node.shape), 0);
    // A reshape shares its input's tensor, and a layer that does nothing has no tensor.
    const values = made.some((node) => node.op !== 'reshape') ? sizeOf(sampleShape(tensor)) : 0;
    const macs = made.reduce((sum, node) => sum + multiplyAddsOf(node), 0) / batch;
    const memoryBytes = BYTES * (values + parameters);
    const outputShape = sampleShape(tensor);
    rows[row] = { name, type, ...(taken && { inputs: taken }), outputShape, parameters, macs, memoryBytes };
    return output;
  };
  const buildRow = (
    prefix: string,
    path: ConfigPath,
    configs: readonly LayerConfig[],
    from: readonly Signal[],
    scope: NamedOutputs,
  ): readonly Signal[] => {
    let before = from;
    for (const [i, config] of configs.entries()) {
      const output = buildLayer(`${prefix}.${config.name ?? i}`, [...path, i], config, before, scope);
      if (config.name !== undefined) scope.define(config.name, output);
      before = [output];
    }
    return before;
  };

  const { network, outputs: wanted = [] } = options;
  const scope = new NamedOutputs(known);
  const prefix = network === undefined ? 'layers' : `${network}.layers`;
  const last = onlyInput(buildRow(prefix, ['layers'], model.layers, start, scope));
  const named = wanted.map((name) => [name, scope.take(name)] as const);
  const outputs = { ...Object.fromEntries(named), [MODEL_OUTPUT]: last };
  if (rows.some((row) => row.inputs !== undefined)) refuseUnused(traced, outputs, collected);
  return { output: last.tensor, outputs, ...collected, layers: traced, rows };
}

const titleOf = (name: string, type: string): string => `${name} (${type})`;

/** Adds the path in the config's `model` to a shape error that has none. */
function placed<T>(path: ConfigPath, build: () => T): T {
  try {
    return build();
  } catch (error) {
    throw error instanceof ShapeError && !(error instanceof LayerShapeError) ? new LayerShapeError(error, path) : error;
  }
}

/** Layers that name their inputs can leave others unused, surely by mistake. */
function refuseUnused(traced: readonly TracedLayer[], outputs: Signals, { penalties }: Collected): void {
  const used = new Set(topologicalOrder([...Object.values(outputs).map(({ tensor }) => tensor), ...penalties]));
  const unused = traced.find(({ output }) => !used.has(output));
  if (unused === undefined) return;
  const error = withScope(
    titleOf(unused.name, unused.type),
    () =>
      new ShapeError('nothing uses its output: give it a name that a later layer lists in its inputs, or remove it'),
  );
  throw new LayerShapeError(error, unused.path);
}
