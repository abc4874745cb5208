/**
 * From the `model` section to a graph: layers in a row, each built in a scope of its own, so that errors and profiles name it.
 * The table of layers (shapes, parameters, work, memory) is read off the graph that was built.
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
  BuildContext, type BuildLayers, type Collected, type ConfigPath, type LayerConfig, type LayerTrait, sampleShape,
  type TraceOptions,
} from './layer.js'; // prettier-ignore
import { layers, layerSchema } from './layers/index.js';
import type { Observation, Parameter, StateVariable, Variables } from './variables.js';

export const modelSchema = z.strictObject({
  layers: z.array(layerSchema).min(1).describe('from the input to the output'),
});
export type ModelConfig = z.output<typeof modelSchema>;

/** A shape error of a layer, and where in the config's `model` it stands. */
export class LayerShapeError extends ShapeError {
  constructor(
    { detail, scope }: ShapeError,
    readonly path: ConfigPath,
  ) {
    super(detail, scope);
  }
}

/** A line of the layer table. A block stands before its layers, and has only what it does itself. */
export interface LayerRow {
  readonly name: string;
  readonly type: string;
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
  /** Where it stands in the config's `model`. */
  readonly path: ConfigPath;
  readonly output: Node;
  /** What the layer's activation function was applied to, its name, and its parameters too. */
  readonly preactivation?: Node;
  readonly activation?: string;
  readonly activationConfig?: ActivationConfig;
}

export interface TracedModel {
  readonly output: Node;
  readonly parameters: readonly Parameter[];
  readonly states: readonly StateVariable[];
  /** What the batch says of the state; none in evaluation. */
  readonly observations: readonly Observation[];
  /** Penalties on what layers put out, to be added to the loss. */
  readonly penalties: readonly Node[];
  /** In the order in which they are computed: a block stands after its layers, and only where it does something itself. */
  readonly layers: readonly TracedLayer[];
  readonly rows: readonly LayerRow[];
}

/** The layers, blocks looked into, each replaced by what `change` makes of it; `change` gets a block with its layers changed. */
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

/** Of a block's fields, those that are rows of layers. */
const isRow = (values: unknown): values is readonly LayerConfig[] =>
  Array.isArray(values) && values.every((value) => typeof value === 'object' && value !== null && 'type' in value);

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/**
 * The output of `model` for x [batch, ...] (f32), with `variables` for its parameters and state: a pure function, so a network may be
 * traced as often as wanted, with any weights. Throws LayerShapeError, with the layer's name as its scope, where shapes do not fit.
 */
export function traceModel(model: ModelConfig, x: Node, variables: Variables, options: TraceOptions): TracedModel {
  const collected: Collected = { parameters: [], states: [], observations: [], penalties: [] };
  const traced: TracedLayer[] = [];
  const rows: LayerRow[] = [];
  const names = new Set<string>();
  const counted = new Set<Node>(topologicalOrder([x]));

  const buildLayer = (name: string, path: ConfigPath, { type, ...config }: LayerConfig, input: Node): Node => {
    const title = `${name} (${type})`;
    const inside: BuildLayers = (inner, start, within, at) =>
      buildRow([name, ...within].join('.'), [...path, ...at], inner, start);
    const context = new BuildContext(name, variables, options, collected, inside);
    const row = rows.push({ name, type, outputShape: [], parameters: 0, macs: 0, memoryBytes: 0 }) - 1;
    const output = withScope(title, () => {
      try {
        if (names.has(name)) throw new ShapeError(`another layer is called ${name}; give each a name of its own`);
        names.add(name);
        return layers[type].build(context, config, input);
      } catch (error) {
        throw error instanceof ShapeError && !(error instanceof LayerShapeError)
          ? new LayerShapeError(error, path)
          : error;
      }
    });
    const isBlock = rows.length > row + 1;
    if (!isBlock || traced.at(-1)?.output !== output) {
      const { traits = [] } = layers[type];
      traced.push({ name, type, traits, path, output, ...context.activated });
    }

    const made = topologicalOrder([output]).filter((node) => !counted.has(node));
    made.forEach((node) => counted.add(node));
    const own = collected.parameters.filter((p) => p.layer === name);
    const parameters = own.reduce((sum, p) => sum + sizeOf(p.node.shape), 0);
    // A reshaped tensor is the one before it, and a layer that does nothing has none of its own.
    const values = made.some((node) => node.op !== 'reshape') ? sizeOf(sampleShape(output)) : 0;
    const macs = made.reduce((sum, node) => sum + multiplyAddsOf(node), 0) / x.shape[0];
    const memoryBytes = BYTES * (values + parameters);
    rows[row] = { name, type, outputShape: sampleShape(output), parameters, macs, memoryBytes };
    return output;
  };
  const buildRow = (prefix: string, path: ConfigPath, configs: readonly LayerConfig[], start: Node): Node =>
    configs.reduce((input, config, i) => {
      const own = 'name' in config && typeof config.name === 'string' ? config.name : i;
      return buildLayer(`${prefix}.${own}`, [...path, i], config, input);
    }, start);

  const { network } = options;
  const output = buildRow(network === undefined ? 'layers' : `${network}.layers`, ['layers'], model.layers, x);
  return { output, ...collected, layers: traced, rows };
}
