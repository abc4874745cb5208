/**
 * Forms kernels: decides which nodes of a graph get a buffer, and builds the kernel that fills each. A node without a buffer is
 * computed where it is used.
 */
import { type Node, type NodeOf, topologicalOrder } from '../graph.js';
import { splatValue } from '../primitives/leaf.js';
import { repeatResults } from '../primitives/repeat.js';
import { type Shape, sizeOf, stridesOf } from '../shape.js';
import { type Access, type Expression, ExpressionBuilder, isElementwise, isMovement, NeedsBuffer, stripReshape } from './expression.js'; // prettier-ignore
import { hasEqualParts, isLeaf, type Kernel, readsOf, type Region } from './kernel.js';

const heavyOps = new Set(['matmul', 'conv', 'conv_input', 'conv_weight_parts', 'pool_max_gather', 'pool_max_scatter', 'pool_sum', 'pool_sum_grad', 'reduce_sum', 'reduce_max', 'argmax', 'scatter_add', 'pad', 'concat', 'repeat', 'repeat_result']); // prettier-ignore

/** Rough cost of one element in additions, to choose between recomputing and storing. */
function operationCost(node: Node): number {
  if (node.op === 'random_bits') return 60;
  if (node.op === 'binary') return node.attrs.kind === 'pow' ? 30 : node.attrs.kind === 'div' ? 4 : 1;
  if (node.op === 'unary')
    return { neg: 1, abs: 1, sign: 2, floor: 1, not: 1, sqrt: 4 }[node.attrs.kind as string] ?? 15;
  return node.op === 'stop_gradient' || isMovement(node) ? 0 : 1;
}
/** Elements cheaper than this are recomputed rather than stored and loaded. */
const RECOMPUTE_LIMIT = 6;
/** Elements that cost more than this are stored where each would be computed again for this many elements of a broadcast. */
const SPREAD_LIMIT = 15;
const SPREAD_FACTOR = 4;
/** Elements of a row along which what is computed once counts for nothing. */
const LONG_ROW = 32;

/** The deepest expression of one kernel; real networks stay far below. */
export const MOST_DEPTH = 64;

const ROOT: Expression = { kind: 'root' };

/** Forms the kernels of the nodes that have a buffer, before any of them are fused. */
export class KernelFormer {
  /** Nodes with a buffer that a kernel fills. */
  private readonly stored = new Set<Node>();
  private readonly order: readonly Node[];
  private readonly numbers: ReadonlyMap<Node, number>;
  private readonly users = new Map<Node, Node[]>();
  private readonly kernels = new Map<Node, Kernel>();
  /** Stored nodes whose kernel has yet to be formed, or formed again. */
  private pending = new Set<Node>();
  private isForming = false;

  constructor(private readonly results: readonly Node[]) {
    this.order = topologicalOrder(results);
    this.numbers = new Map(this.order.map((node, i) => [node, i]));
    for (const node of this.order) {
      for (const i of node.inputs) {
        const users = this.users.get(i);
        if (users === undefined) this.users.set(i, [node]);
        else users.push(node);
      }
    }
  }

  readonly isBuffer = (node: Node): boolean => isLeaf(node) || this.stored.has(node);

  form(): Kernel[] {
    for (const node of this.order) if (heavyOps.has(node.op)) this.store(node);
    for (const node of this.results) if (!isLeaf(node)) this.store(node);
    this.storeDeep();
    this.formPending();
    this.storeShared();
    this.formPending();
    return this.order.flatMap((node) => this.kernels.get(node) ?? []);
  }

  /** Gives a node a buffer. Its kernel, and the kernels that computed it inline, must then be formed (again). */
  private store(node: Node): void {
    if (this.stored.has(node)) return;
    this.stored.add(node);
    this.pending.add(node);
    if (!this.isForming) return;
    const seen = new Set<Node>();
    const stack = [node];
    for (let next = stack.pop(); next; next = stack.pop()) {
      for (const user of this.users.get(next) ?? []) {
        if (seen.has(user)) continue;
        seen.add(user);
        if (this.stored.has(user)) this.pending.add(user);
        else stack.push(user);
      }
    }
  }

  /** Forms the kernels of all stored nodes, storing more nodes until all expressions resolve. */
  private formPending(): void {
    this.isForming = true;
    while (this.pending.size > 0) {
      const nodes = [...this.pending].sort((a, b) => this.numberOf(a) - this.numberOf(b));
      this.pending = new Set();
      for (const node of nodes) {
        // The loop itself has the kernel.
        if (node.op === 'repeat_result') continue;
        try {
          this.kernels.set(node, this.formKernel(node));
        } catch (error) {
          if (!(error instanceof NeedsBuffer)) throw error;
          const needed = error.node;
          if (this.isBuffer(needed))
            throw new Error(`internal: kernel of ${node.op} cannot be formed (${needed.op})`, { cause: error });
          this.store(needed);
        }
      }
    }
  }

  private numberOf(node: Node): number {
    return this.numbers.get(node) ?? -1;
  }

  /** Breaks up chains of operations that are too deep by storing a node: the expression passes are recursive. */
  private storeDeep(): void {
    const depths = new Map<Node, number>();
    for (const node of this.order) {
      if (this.isBuffer(node) || splatValue(node) !== undefined) continue;
      const depth = node.inputs.reduce((most, i) => Math.max(most, depths.get(i) ?? 0), 0) + 1;
      if (depth < MOST_DEPTH) depths.set(node, depth);
      else this.store(node);
    }
  }

  /** Stores what several loops would compute, or one loop repeatedly, where that costs more than memory traffic. */
  private storeShared(): void {
    // A loop is a stored node, or one part of a pad or concat: those are written one after the other.
    // Whether there are more than two owners does not matter.
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
        if (mine.size > 1) break;
      }
      owners.set(node, mine);
      if (!isElementwise(node) || splatValue(node) !== undefined) continue;
      const cost = costs.get(node) ?? 0;
      const isShared = mine.size > 1 && cost > RECOMPUTE_LIMIT;
      if (isShared || (cost > SPREAD_LIMIT && this.isSpread(node, sizeOf(node.shape)))) this.store(node);
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

  /** Builds expressions over `shape`; what is in `own` is computed even where it has a buffer. */
  builder(shape: Shape, root?: Node, own: ReadonlySet<Node> = new Set()): ExpressionBuilder {
    return new ExpressionBuilder(shape, (n) => this.isBuffer(n) && !own.has(n), root);
  }

  /** A heavy operand that must be contiguous in a buffer. */
  private contiguous(node: Node): Access {
    const source = stripReshape(node);
    if (!this.isBuffer(source)) throw new NeedsBuffer(source);
    return { buffer: source, offset: 0, strides: stridesOf(node.shape) };
  }

  /** A matrix operand: any strides, but plain loads. */
  private strided(node: Node): Access {
    // A uniform value would be a constant, not a load.
    if (splatValue(node) !== undefined && this.isBuffer(node)) return this.contiguous(node);
    const expression = this.builder(node.shape).build(node);
    if (expression.kind === 'load' && !expression.access.indirect && expression.access.buffer.dtype === 'f32') {
      // Tiles address rows by constant offsets, which are never negative.
      if (expression.access.strides.every((s) => s >= 0)) return expression.access;
      throw new NeedsBuffer(node);
    }
    // Store the node below the movement operations, so that they stay free.
    let source = node;
    while (isMovement(source) && source.op !== 'gather') {
      const [operand] = source.inputs;
      if (this.isBuffer(operand) || splatValue(operand) !== undefined) break;
      source = operand;
    }
    throw new NeedsBuffer(source);
  }

  private formKernel(node: Node): Kernel {
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
      case 'repeat': {
        const results = repeatResults(node);
        return { kind: 'repeat', root: node, ...onBuffers(), outputs: results, expressions: results.map(() => ROOT) };
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
}

/** Whether a node is uniform along the innermost axis, so that loops hoist it. */
const isOncePerRow = ({ op, inputs, shape }: Node): boolean =>
  op === 'broadcast' && inputs[0].shape.at(-1) === 1 && (shape.at(-1) ?? 1) >= LONG_ROW;
