/**
 * From the `model` section to a graph: layers in a row, each built in a scope of its own, so that errors and profiles name it.
 * The table of layers (shapes, parameters, work, memory) is read off the graph that was built.
 */
import * as z from 'zod';
import { component } from '../config/index.js';
import { type Node, type Shape, sizeOf, topologicalOrder, withScope } from '../tensor/index.js';
import { BuildContext, type Collected, type Parameter, sampleShape, type StateVariable, type TraceOptions } from './layer.js'; // prettier-ignore
import { layers } from './layers/index.js';

export const modelSchema = z.strictObject({
  layers: z
    .array(component(() => layers))
    .min(1)
    .describe('from the input to the output'),
});
export type ModelConfig = z.output<typeof modelSchema>;

/** A line of the layer table. */
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
  readonly output: Node;
  /** What the layer's activation function was applied to, and its name. */
  readonly preactivation?: Node;
  readonly activation?: string;
}

export interface TracedModel {
  readonly output: Node;
  readonly parameters: readonly Parameter[];
  readonly states: readonly StateVariable[];
  /** After a training step: state nodes and the values that they take. */
  readonly stateUpdates: readonly [Node, Node][];
  readonly layers: readonly TracedLayer[];
  readonly rows: readonly LayerRow[];
}

const BYTES = Float32Array.BYTES_PER_ELEMENT;

/** Multiply-accumulates of one node: every output element takes the length of its sum. */
function macsOf(node: Node): number {
  if (node.op === 'matmul') return sizeOf(node.shape) * node.inputs[0].shape[node.shape.length - 1];
  if (node.op === 'conv') return sizeOf(node.shape) * sizeOf(node.inputs[1].shape.slice(0, 3));
  return 0;
}

/**
 * The output of `model` for x [batch, ...] (f32), its parameters and state. Parameters are inputs named after their layers, so the
 * training and the evaluation graph share them. Throws ShapeError, with the layer's name as its scope, where shapes do not fit.
 */
export function traceModel(model: ModelConfig, x: Node, options: TraceOptions): TracedModel {
  const collected: Collected = { parameters: [], states: [], stateUpdates: [] };
  const traced: TracedLayer[] = [];
  const rows: LayerRow[] = [];
  const counted = new Set<Node>(topologicalOrder([x]));
  let current = x;
  model.layers.forEach(({ type, ...config }, i) => {
    const name = `layers.${i}`;
    const firstParameter = collected.parameters.length;
    const context = new BuildContext(name, options, collected);
    const output = withScope(`${name} (${type})`, () => layers[type].build(context, config, current));
    traced.push({ name, type, output, ...context.activated });

    const made = topologicalOrder([output]).filter((node) => !counted.has(node));
    made.forEach((node) => counted.add(node));
    const parameters = collected.parameters.slice(firstParameter).reduce((sum, p) => sum + sizeOf(p.node.shape), 0);
    // A reshaped tensor is the one before it, and a layer that does nothing has none of its own.
    const own = made.some((node) => node.op !== 'reshape') ? sizeOf(sampleShape(output)) : 0;
    const macs = made.reduce((sum, node) => sum + macsOf(node), 0) / x.shape[0];
    rows.push({
      name,
      type,
      outputShape: sampleShape(output),
      parameters,
      macs,
      memoryBytes: BYTES * (own + parameters),
    });
    current = output;
  });
  return { output: current, ...collected, layers: traced, rows };
}
