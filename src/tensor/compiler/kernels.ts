/**
 * From a graph to kernels: decides which nodes get a buffer, and groups the rest into the kernels that compute them. A kernel is
 * one loop nest, or a heavy operation (matrix product, convolution, reduction, pooling) with element-wise work fused behind it.
 */
import { type Node, type NodeOf, topologicalOrder } from '../graph.js';
import { sameShape, type Shape, sizeOf, stridesOf } from '../shape.js';
import { splatValue } from '../primitives/leaf.js';
import { type Access, accessesOf, type Expression, ExpressionBuilder, isElementwise, isMovement, NeedsBuffer, stripReshape } from './expression.js'; // prettier-ignore
import { epilogueLayout, hasEqualParts, isAligned, isFlat, isLeaf, type Kernel, type LoopKernel, operandsOf, type PoolNode, readsOf, type Region, rootOf, windowsPart } from './kernel.js'; // prettier-ignore

const heavyOps = new Set(['matmul', 'conv', 'conv_input', 'conv_weight_parts', 'pool_max_gather', 'pool_max_scatter', 'pool_sum', 'pool_sum_grad', 'reduce_sum', 'reduce_max', 'argmax', 'scatter_add', 'pad', 'concat']); // prettier-ignore

/** Rough cost of one element in additions, for choosing between computing twice and storing. */
function operationCost(node: Node): number {
  if (node.op === 'random_bits') return 60;
  if (node.op === 'binary') return node.attrs.kind === 'pow' ? 30 : node.attrs.kind === 'div' ? 4 : 1;
  if (node.op === 'unary')
    return { neg: 1, abs: 1, sign: 2, floor: 1, not: 1, sqrt: 4 }[node.attrs.kind as string] ?? 15;
  return node.op === 'stop_gradient' || isMovement(node) ? 0 : 1;
}
/** Elements cheaper than this are computed again rather than stored and loaded. */
const RECOMPUTE_LIMIT = 6;
/** Elements dearer than this are stored where each would be computed again for this many elements of a broadcast. */
const SPREAD_LIMIT = 15;
const SPREAD_FACTOR = 4;
/** Elements of a row along which what is computed once counts for nothing. */
const LONG_ROW = 32;

const ROOT: Expression = { kind: 'root' };

export class KernelPlanner {
  /** Nodes with a buffer that a kernel fills. */
  private readonly stored = new Set<Node>();
  private readonly order: Node[];
  private readonly results: Set<Node>;
  private readonly users = new Map<Node, Node[]>();

  constructor(results: readonly Node[]) {
    this.results = new Set(results.filter((n) => !isLeaf(n)));
    this.order = topologicalOrder(results);
    for (const node of this.order) for (const i of node.inputs) this.users.set(i, [...(this.users.get(i) ?? []), node]);
  }

  private readonly isBuffer = (node: Node): boolean => isLeaf(node) || this.stored.has(node);

  plan(): Kernel[] {
    for (const node of this.order) if (heavyOps.has(node.op) || this.results.has(node)) this.stored.add(node);
    this.formAll();
    this.storeShared();
    let kernels = this.formAll();
    kernels = this.fuse(kernels);
    return kernels;
  }

  /** Forms a kernel for every stored node, storing further nodes until all expressions resolve. */
  private formAll(): Kernel[] {
    for (;;) {
      const kernels: Kernel[] = [];
      let complete = true;
      for (const node of this.order) {
        if (!this.stored.has(node)) continue;
        try {
          kernels.push(this.form(node));
        } catch (error) {
          if (!(error instanceof NeedsBuffer)) throw error;
          const needed = error.node;
          if (this.isBuffer(needed))
            throw new Error(`internal: kernel of ${node.op} cannot be formed (${needed.op})`, { cause: error });
          this.stored.add(needed);
          complete = false;
        }
      }
      if (complete) return kernels;
    }
  }

  /** Stores what several loops would compute, or one loop again and again, where that costs more than memory. */
  private storeShared(): void {
    // A loop is a stored node, or one part of a pad or concat: those are written one after the other.
    const owners = new Map<Node, Set<string>>();
    const costs = new Map<Node, number>();
    for (const node of this.order) {
      const own = operationCost(node);
      const isFree = this.isBuffer(node) || isOncePerRow(node);
      costs.set(node, isFree ? 0 : node.inputs.reduce((total, i) => total + (costs.get(i) ?? 0), own));
    }
    for (const node of [...this.order].reverse()) {
      if (isLeaf(node) || this.stored.has(node)) continue;
      const mine = new Set<string>();
      for (const user of this.users.get(node) ?? []) {
        if (user.op === 'concat') mine.add(`${user.id}.${user.inputs.indexOf(node)}`);
        else if (this.stored.has(user)) mine.add(`${user.id}`);
        else for (const owner of owners.get(user) ?? []) mine.add(owner);
      }
      owners.set(node, mine);
      if (!isElementwise(node) || splatValue(node) !== undefined) continue;
      const cost = costs.get(node) ?? 0;
      const isShared = mine.size > 1 && cost > RECOMPUTE_LIMIT;
      if (isShared || (cost > SPREAD_LIMIT && this.isSpread(node, sizeOf(node.shape)))) this.stored.add(node);
    }
  }

  /** Whether a broadcast makes many elements of each of the `size` elements of `node`. */
  private isSpread(node: Node, size: number): boolean {
    return (this.users.get(node) ?? []).some((user) =>
      user.op === 'broadcast'
        ? sizeOf(user.shape) >= SPREAD_FACTOR * size
        : user.op === 'reshape' && this.isSpread(user, size),
    );
  }

  private builder(shape: Shape, root?: Node, own: ReadonlySet<Node> = new Set()): ExpressionBuilder {
    return new ExpressionBuilder(shape, (n) => this.isBuffer(n) && !own.has(n), root);
  }

  /** A heavy operand that must lie contiguous in a buffer. */
  private contiguous(node: Node): Access {
    const source = stripReshape(node);
    if (!this.isBuffer(source)) throw new NeedsBuffer(source);
    return { buffer: source, offset: 0, strides: stridesOf(node.shape) };
  }

  /** A matrix operand: any strides, but plain loads. */
  private strided(node: Node): Access {
    const expression = this.builder(node.shape).build(node);
    if (expression.kind === 'load' && !expression.access.indirect && expression.access.buffer.dtype === 'f32') {
      // Tiles address rows by constant offsets, which are never negative.
      if (expression.access.strides.every((s) => s >= 0)) return expression.access;
      throw new NeedsBuffer(node);
    }
    // Store what lies under the movement operations, so that they stay free.
    let source = node;
    while (isMovement(source) && source.op !== 'gather') {
      const [operand] = source.inputs;
      if (this.isBuffer(operand) || splatValue(operand) !== undefined) break;
      source = operand;
    }
    throw new NeedsBuffer(source);
  }

  private form(node: Node): Kernel {
    const base = { shape: node.shape, outputs: [node], expressions: [ROOT] };
    const on = (operands: Access[]) => ({ ...base, operands, reads: new Set(operands.map((o) => o.buffer)) });
    const onBuffers = () => on(node.inputs.map((i) => this.contiguous(i)));
    switch (node.op) {
      case 'matmul':
        return { kind: 'matmul', root: node, ...on(node.inputs.map((i) => this.strided(i))) };
      case 'conv':
      case 'conv_input':
      case 'conv_weight_parts':
        return { kind: 'conv', root: node, ...onBuffers() };
      case 'pool_max_gather':
      case 'pool_max_scatter':
      case 'pool_sum':
      case 'pool_sum_grad':
        return { kind: 'pool', root: node, ...onBuffers() };
      case 'scatter_add':
        return { kind: 'scatter', root: node, ...onBuffers() };
      case 'argmax':
        return { kind: 'argmax', root: node, ...onBuffers() };
      case 'reduce_sum':
      case 'reduce_max': {
        const input = this.builder(node.inputs[0].shape).build(node.inputs[0]);
        return { kind: 'reduce', root: node, ...base, input, reads: readsOf([input]) };
      }
      case 'pad':
      case 'concat': {
        const regions = this.regionsOf(node);
        return { kind: 'regions', root: node, ...base, regions, reads: readsOf(regions.map((r) => r.expression)) };
      }
      default: {
        const expressions = [this.builder(node.shape).define(node)];
        return { ...base, kind: 'loop', expressions, reads: readsOf(expressions) };
      }
    }
  }

  private regionsOf(node: NodeOf<'pad'> | NodeOf<'concat'>): Region[] {
    const strides = stridesOf(node.shape);
    if (node.op === 'pad') {
      const { low, interior } = node.attrs;
      const [x] = node.inputs;
      return [
        {
          shape: x.shape,
          expression: this.builder(x.shape).build(x),
          offset: low.reduce((total, l, d) => total + l * strides[d], 0),
          strides: strides.map((s, d) => s * (interior[d] + 1)),
        },
      ];
    }
    let at = 0;
    // Equal parts are computed side by side, and share what they have in common.
    const common = hasEqualParts(node) ? this.builder(node.inputs[0].shape) : undefined;
    return node.inputs.map((part) => {
      const offset = at * strides[node.attrs.axis];
      at += part.shape[node.attrs.axis];
      const builder = common ?? this.builder(part.shape);
      return { shape: part.shape, expression: builder.build(part), offset, strides };
    });
  }

  /** Merges element-wise kernels into the kernel that produces their operand at the same point. */
  private fuse(initial: Kernel[]): Kernel[] {
    let kernels = initial;
    // Two kernels that do not merge never will: what lies between them stays there, whatever merges with it.
    const refused = new Map<Kernel, Set<Kernel>>(initial.map((kernel) => [kernel, new Set()]));
    for (let changed = true; changed;) {
      changed = false;
      for (const consumer of kernels) {
        if (consumer.kind !== 'loop') continue;
        const tried = refused.get(consumer);
        const producers = kernels
          .filter((k) => k !== consumer && !tried?.has(k) && k.outputs.some((o) => consumer.reads.has(o)))
          .sort((a, b) => fusionRank(a) - fusionRank(b));
        for (const producer of producers) {
          const merged = this.merge(producer, consumer, kernels);
          if (!merged) {
            tried?.add(producer);
            continue;
          }
          refused.set(merged, new Set());
          kernels = kernels.map((k) => (k === producer ? merged : k)).filter((k) => k !== consumer);
          changed = true;
          break;
        }
        if (changed) break;
      }
    }
    kernels = this.joinSiblings(kernels);
    return sortKernels(this.withoutUnread(kernels));
  }

  /** Joins loops over the same elements that read a common tensor, such as the updates of a weight and of its moments. */
  private joinSiblings(initial: Kernel[]): Kernel[] {
    let kernels = initial;
    for (let i = 0; i < kernels.length; i++) {
      for (let j = i + 1; j < kernels.length;) {
        const joined = this.join(kernels[i], kernels[j], kernels);
        if (joined === undefined) {
          j++;
          continue;
        }
        const [first, second] = [kernels[i], kernels[j]];
        kernels = kernels.map((k) => (k === first ? joined : k)).filter((k) => k !== second);
      }
    }
    return kernels;
  }

  private join(a: Kernel, b: Kernel, kernels: readonly Kernel[]): Kernel | undefined {
    if (a.kind !== 'loop' || b.kind !== 'loop' || !sameShape(a.shape, b.shape)) return undefined;
    if (a.outputs.length + b.outputs.length > 8) return undefined;
    const common = [...a.reads].some((r) => b.reads.has(r) && sizeOf(r.shape) === sizeOf(a.shape));
    if (!common || reaches(a, b, kernels) || reaches(b, a, kernels)) return undefined;
    const outputs = [...a.outputs, ...b.outputs];
    // Built anew, so that what both compute is shared.
    const builder = this.builder(a.shape, undefined, new Set(outputs));
    const expressions = outputs.map((o) => builder.define(o));
    return { ...a, outputs, expressions, reads: readsOf(expressions) };
  }

  private merge(producer: Kernel, consumer: LoopKernel, kernels: readonly Kernel[]): Kernel | undefined {
    if (!acceptsEpilogue(producer) || sizeOf(producer.shape) !== sizeOf(consumer.shape)) return undefined;
    if (producer.outputs.length + consumer.outputs.length > 8) return undefined;
    const own = new Set(producer.outputs);
    const aligned = accessesOf(consumer.expressions).every((a) => !own.has(a.buffer) || isAligned(a, consumer.shape));
    if (producer.kind === 'reduce' && !isFlat(consumer)) return undefined;
    if (!aligned || reachesIndirectly(producer, consumer, kernels)) return undefined;
    const outputs = [...producer.outputs, ...consumer.outputs];
    const root = rootOf(producer);
    const operands = operandsOf(producer).map((o) => o.buffer);
    const input = producer.kind === 'reduce' ? [producer.input] : [];
    // The finer of the two shapes expresses both without dividing an axis.
    const candidates = sameShape(producer.shape, consumer.shape) ? [producer.shape] : [consumer.shape, producer.shape];
    for (const shape of candidates) {
      try {
        const builder = this.builder(shape, root, new Set(outputs));
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

  /** The kernels without the outputs that only themselves use: these need not be stored after all. */
  private withoutUnread(kernels: readonly Kernel[]): Kernel[] {
    return kernels.map((kernel) => {
      const keep = kernel.outputs.map(
        (o) => this.results.has(o) || kernels.some((k) => k !== kernel && k.reads.has(o)),
      );
      return {
        ...kernel,
        expressions: kernel.expressions.filter((_, i) => keep[i]),
        outputs: kernel.outputs.filter((_, i) => keep[i]),
      };
    });
  }
}

/** Whether a node is one number along the innermost axis, which loops compute before they go along it. */
const isOncePerRow = ({ op, inputs, shape }: Node): boolean =>
  op === 'broadcast' && inputs[0].shape.at(-1) === 1 && (shape.at(-1) ?? 1) >= LONG_ROW;

const isFloat = ({ expressions, outputs }: Kernel): boolean =>
  accessesOf(expressions).every((a) => a.buffer.dtype === 'f32') && outputs.every((o) => o.dtype === 'f32');

/** A pooling's gradient that writes every element once. */
function writesOnce(root: PoolNode): boolean {
  if (root.op === 'pool_max_scatter') return windowsPart(root.shape, root.inputs[1].shape, root.attrs);
  return root.op === 'pool_sum_grad' && windowsPart(root.shape, root.inputs[0].shape, root.attrs);
}

/** Whether element-wise work can be fused behind a kernel. */
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
      return false;
  }
}

/** Whether what is fused behind a kernel's heavy operation can be computed where its results are. */
function keepsItsForm(kernel: Kernel): boolean {
  if (kernel.kind === 'pool') return isFlat(kernel) && isFloat(kernel);
  return kernel.kind === 'matmul' || kernel.kind === 'conv' ? epilogueLayout(kernel) !== undefined : true;
}

/** Heavy producers first: fusing behind them saves a whole pass over memory. */
const fusionRank = ({ kind }: Kernel): number =>
  kind === 'conv' || kind === 'matmul' || kind === 'pool' ? 0 : kind === 'reduce' ? 1 : 2;

/** Whether `consumer` depends on `producer`. */
function reaches(producer: Kernel, consumer: Kernel, kernels: readonly Kernel[]): boolean {
  return producer.outputs.some((o) => consumer.reads.has(o)) || reachesIndirectly(producer, consumer, kernels);
}

/** Whether `consumer` depends on `producer` also through a third kernel, which would make merging them a cycle. */
function reachesIndirectly(producer: Kernel, consumer: Kernel, kernels: readonly Kernel[]): boolean {
  const readers = readersOf(kernels);
  const after = (kernel: Kernel): Kernel[] => kernel.outputs.flatMap((o) => readers.get(o) ?? []);
  const seen = new Set<Kernel>([producer]);
  const stack = after(producer).filter((k) => k !== consumer);
  for (let kernel = stack.pop(); kernel; kernel = stack.pop()) {
    if (kernel === consumer) return true;
    if (seen.has(kernel)) continue;
    seen.add(kernel);
    stack.push(...after(kernel));
  }
  return false;
}

/** The kernels that read each buffer, found once for a list that does not change. */
function readersOf(kernels: readonly Kernel[]): ReadonlyMap<Node, Kernel[]> {
  const known = readersByList.get(kernels);
  if (known !== undefined) return known;
  const readers = new Map<Node, Kernel[]>();
  for (const kernel of kernels) {
    for (const read of kernel.reads) {
      const others = readers.get(read);
      if (others === undefined) readers.set(read, [kernel]);
      else others.push(kernel);
    }
  }
  readersByList.set(kernels, readers);
  return readers;
}
const readersByList = new WeakMap<readonly Kernel[], ReadonlyMap<Node, Kernel[]>>();

/** Kernels in an order in which every buffer is written before it is read. */
function sortKernels(kernels: readonly Kernel[]): Kernel[] {
  const producer = new Map<Node, Kernel>();
  for (const k of kernels) for (const o of k.outputs) producer.set(o, k);
  const sorted: Kernel[] = [];
  const state = new Map<Kernel, 'open' | 'done'>();
  const visit = (kernel: Kernel): void => {
    if (state.get(kernel) === 'done') return;
    if (state.get(kernel) === 'open') throw new Error('internal: kernels depend on each other in a circle');
    state.set(kernel, 'open');
    for (const read of kernel.reads) {
      const source = producer.get(read);
      if (source && source !== kernel) visit(source);
    }
    state.set(kernel, 'done');
    sorted.push(kernel);
  };
  kernels.forEach(visit);
  return sorted;
}
