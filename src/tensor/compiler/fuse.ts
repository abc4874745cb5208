/** Fuses element-wise kernels into the kernel that produces their operand at the same point. */
import type { Node } from '../graph.js';
import { sameShape, sizeOf } from '../shape.js';
import { accessesOf, depthOf, type Expression, type ExpressionBuilder, NeedsBuffer } from './expression.js';
import { MOST_DEPTH } from './form.js';
import { epilogueLayout, isAligned, isFlat, type Kernel, type LoopKernel, operandsOf, type PoolNode, readsOf, rootOf, windowsPart } from './kernel.js'; // prettier-ignore
import type { KernelGraph } from './kernel-graph.js';
import { PositionQueue } from './position-queue.js';

/** Makes builders of expressions over a shape; see KernelFormer. */
export type MakeBuilder = (shape: Kernel['shape'], root?: Node, own?: ReadonlySet<Node>) => ExpressionBuilder;

/** The most output buffers of one kernel. */
export const MOST_OUTPUTS = 8;

const ROOT: Expression = { kind: 'root' };

/**
 * Merges loops in list order until no more merge. Two kernels that do not merge once never will, as the kernels between them stay
 * between them whatever they merge with. So each pair is tried once.
 */
export function fuse(graph: KernelGraph, builder: MakeBuilder): void {
  const refused = new WeakMap<Kernel, Set<Kernel>>();
  const depths = new WeakMap<Kernel, number>();
  const depth = (kernel: Kernel): number => {
    const known = depths.get(kernel) ?? depthOf(kernel.expressions);
    depths.set(kernel, known);
    return known;
  };
  const consumers = new PositionQueue(graph.kernels.map((kernel) => graph.positionOf(kernel)));
  for (let position = consumers.take(); position !== undefined; position = consumers.take()) {
    const consumer = graph.at(position);
    if (consumer?.kind !== 'loop') continue;
    const tried = refused.get(consumer) ?? new Set();
    refused.set(consumer, tried);
    const producers = graph.producersOf(consumer).filter((producer) => !tried.has(producer));
    for (const producer of producers.sort((a, b) => fusionRank(a) - fusionRank(b))) {
      const isDeep = depth(producer) + depth(consumer) > MOST_DEPTH;
      const merged = isDeep ? undefined : merge(producer, consumer, graph, builder);
      if (merged === undefined) {
        tried.add(producer);
        continue;
      }
      consumers.add(graph.positionOf(merged));
      for (const output of merged.outputs)
        for (const reader of graph.readersOf(output)) consumers.add(graph.positionOf(reader));
      break;
    }
  }
}

function merge(producer: Kernel, consumer: LoopKernel, graph: KernelGraph, builder: MakeBuilder): Kernel | undefined {
  if (!acceptsEpilogue(producer) || sizeOf(producer.shape) !== sizeOf(consumer.shape)) return undefined;
  if (producer.outputs.length + consumer.outputs.length > MOST_OUTPUTS) return undefined;
  const own = new Set(producer.outputs);
  const aligned = accessesOf(consumer.expressions).every((a) => !own.has(a.buffer) || isAligned(a, consumer.shape));
  if (!aligned || (producer.kind === 'reduce' && !isFlat(consumer))) return undefined;
  const detour = graph.detour(producer, consumer);
  if (detour === undefined) return undefined;
  const merged = together(producer, consumer, builder);
  if (merged !== undefined) graph.replace(producer, consumer, merged, detour, producer);
  return merged;
}

/** One kernel in place of two; undefined if they cannot be fused. */
function together(producer: Kernel, consumer: LoopKernel, makeBuilder: MakeBuilder): Kernel | undefined {
  const outputs = [...producer.outputs, ...consumer.outputs];
  const root = rootOf(producer);
  const operands = operandsOf(producer).map((o) => o.buffer);
  const input = producer.kind === 'reduce' ? [producer.input] : [];
  // The finer of the two shapes expresses both without dividing an axis.
  const candidates = sameShape(producer.shape, consumer.shape) ? [producer.shape] : [consumer.shape, producer.shape];
  for (const shape of candidates) {
    try {
      const builder = makeBuilder(shape, root, new Set(outputs));
      const expressions = outputs.map((o) => (o === root ? ROOT : builder.define(o)));
      const reads = new Set([...readsOf(expressions), ...operands, ...readsOf(input)]);
      const merged: Kernel = { ...producer, shape, outputs, expressions, reads };
      if (keepsItsForm(merged)) return merged;
    } catch (error) {
      if (!(error instanceof NeedsBuffer)) throw error;
    }
  }
  return undefined;
}

const isFloat = ({ expressions, outputs }: Kernel): boolean =>
  accessesOf(expressions).every((a) => a.buffer.dtype === 'f32') && outputs.every((o) => o.dtype === 'f32');

/** A pooling gradient that writes every element once. */
function writesOnce(root: PoolNode): boolean {
  if (root.op === 'pool_max_scatter') return windowsPart(root.shape, root.inputs[1].shape, root.attrs);
  return root.op === 'pool_sum_grad' && windowsPart(root.shape, root.inputs[0].shape, root.attrs);
}

/** Whether a kernel can take an element-wise epilogue. */
function acceptsEpilogue(k: Kernel): boolean {
  switch (k.kind) {
    case 'loop':
    case 'reduce':
    case 'matmul':
      return true;
    case 'conv':
      return k.root.op !== 'conv_weight_parts';
    case 'pool':
      return writesOnce(k.root);
    case 'argmax':
    case 'scatter':
    case 'regions':
    case 'repeat':
      return false;
  }
}

/** Whether the epilogue can be computed at the places of the heavy operation's results. */
function keepsItsForm(kernel: Kernel): boolean {
  if (kernel.kind === 'pool') return isFlat(kernel) && isFloat(kernel);
  return kernel.kind === 'matmul' || kernel.kind === 'conv' ? epilogueLayout(kernel) !== undefined : true;
}

/** Heavy producers first: an epilogue saves a whole pass over memory. */
const fusionRank = ({ kind }: Kernel): number =>
  kind === 'conv' || kind === 'matmul' || kind === 'pool' ? 0 : kind === 'reduce' ? 1 : 2;
