/**
 * The graph: immutable, hash-consed nodes. Building a model is plain function calls on nodes; equal calls give the same node,
 * so common subexpressions merge for free. What an operation means (shape rule, reference value, derivative) is its primitive's
 * entry, registered from `primitives/`.
 */
import { createHash } from 'node:crypto';
import { normalizeAxes, type Shape, showShape } from './shape.js';

export type DType = 'f32' | 'i32' | 'u32' | 'u8' | 'bool';

export type UnaryKind =
  | 'neg' | 'abs' | 'sign' | 'floor' | 'sqrt' | 'exp' | 'expm1' | 'log' | 'log1p' | 'tanh' | 'erf' | 'sin' | 'cos' | 'not'; // prettier-ignore
export type BinaryKind =
  | 'add' | 'sub' | 'mul' | 'div' | 'pow' | 'max' | 'min' | 'and' | 'or' | 'xor' | 'shl' | 'shr'; // prettier-ignore
export type CompareKind = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

/** Window geometry shared by convolution and pooling: two spatial axes of an NHWC tensor. */
export interface Window {
  readonly strides: readonly [number, number];
  /** Zeros added before and after each spatial axis: [[top, bottom], [left, right]]. */
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
}
export interface ConvAttrs extends Window {
  readonly dilation: readonly [number, number];
  readonly groups: number;
}
export interface PoolAttrs extends Window {
  readonly window: readonly [number, number];
}

/** The attributes of each operation: the closed set of primitives. */
export interface Attributes {
  input: { readonly name: string };
  constant: { readonly values: readonly number[] };
  iota: { readonly axis: number };
  unary: { readonly kind: UnaryKind };
  binary: { readonly kind: BinaryKind };
  compare: { readonly kind: CompareKind };
  select: Record<never, never>;
  cast: Record<never, never>;
  stop_gradient: Record<never, never>;
  random_bits: { readonly stream: number };
  reshape: Record<never, never>;
  transpose: { readonly permutation: readonly number[] };
  broadcast: Record<never, never>;
  slice: { readonly start: readonly number[]; readonly stop: readonly number[]; readonly step: readonly number[] };
  pad: {
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly interior: readonly number[];
    readonly value: number;
  };
  concat: { readonly axis: number };
  reverse: { readonly axes: readonly number[] };
  reduce_sum: { readonly axes: readonly number[] };
  reduce_max: { readonly axes: readonly number[] };
  argmax: { readonly axis: number };
  matmul: Record<never, never>;
  conv: ConvAttrs;
  conv_input: ConvAttrs;
  conv_weight: ConvAttrs;
  pool_max_gather: PoolAttrs;
  pool_max_scatter: PoolAttrs;
  pool_sum: PoolAttrs;
  pool_sum_grad: PoolAttrs;
  gather: Record<never, never>;
  scatter_add: Record<never, never>;
}
export type Op = keyof Attributes;

export interface NodeOf<K extends Op> {
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly Node[];
  readonly attrs: Attributes[K];
  readonly shape: Shape;
  readonly dtype: DType;
  /** The layer (or other named part) that built this node first; for profiles and error messages. */
  readonly scope: string;
}
export type Node = { [K in Op]: NodeOf<K> }[Op];

/** Values of the reference backend: float64 for f32. */
export type Values = Float64Array | Int32Array | Uint32Array | Uint8Array;

export interface Primitive<K extends Op> {
  /** Shape and dtype of the result; throws ShapeError. Absent where the builder gives them. */
  infer?(this: void, inputs: readonly Node[], attrs: Attributes[K]): { shape: Shape; dtype: DType };
  /** The value in float64, slow and obvious. Fills `out`, which starts as zeros. */
  evaluate(node: NodeOf<K>, args: readonly Values[], out: Values): void;
  /** The cotangent of each input given that of the output, written in primitives (so it differentiates again). */
  derivative?(node: NodeOf<K>, cotangent: Node): (Node | undefined)[];
  /** Multiply-adds over all elements; absent for memory-bound operations. */
  multiplyAdds?(node: NodeOf<K>): number;
}

/** Operands of incompatible shapes or types, found while the graph is built. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
  constructor(
    readonly detail: string,
    readonly scope: string = currentScope,
  ) {
    super(scope ? `${scope}: ${detail}` : detail);
  }
}

/** Throws unless the node has one of `dtypes`. */
export function checkType(what: string, node: Node, ...dtypes: readonly DType[]): void {
  if (!dtypes.includes(node.dtype)) throw new ShapeError(`${what} needs ${dtypes.join(' or ')}, got ${node.dtype}`);
}

/** The sorted, non-negative form of `axes` (all when undefined); throws where the node has no such axis. */
export function checkedAxes(what: string, node: Node, axes: number | readonly number[] | undefined): number[] {
  const list = normalizeAxes(axes, node.shape.length);
  if (list.some((a) => !(a >= 0 && a < node.shape.length))) {
    throw new ShapeError(
      `${what}: axes ${showShape([axes ?? list].flat())} of a tensor of shape ${showShape(node.shape)}`,
    );
  }
  return list;
}

const primitives: { [K in Op]?: Primitive<K> } = {};

export function definePrimitive<K extends Op>(op: K, primitive: Primitive<K>): void {
  (primitives as Record<Op, Primitive<K> | undefined>)[op] = primitive;
}

export function primitiveOf<K extends Op>(op: K): Primitive<K> {
  const primitive = primitives[op];
  if (!primitive) throw new Error(`operation ${op} has no primitive`);
  return primitive;
}

/** Multiply-adds of a node: half of its floating-point operations. */
export const multiplyAddsOf = (node: Node): number => (primitiveOf(node.op) as Primitive<Op>).multiplyAdds?.(node) ?? 0;

let nextId = 1;
let currentScope = '';
/** Nodes are interned in the table of their newest input, so they do not outlive their inputs. */
const tables = new WeakMap<Node, Map<string, Node>>();
/** Leaves have no inputs to live with: their keys go when they do. */
const leaves = new Map<string, WeakRef<Node>>();
const leafRegistry = new FinalizationRegistry<string>((key) => {
  // Another one may have been made since.
  if (leaves.get(key)?.deref() === undefined) leaves.delete(key);
});

/** Constants and ramps that another call can reuse. */
export const internedLeaves = (): number => leaves.size;

/** Runs `build` with nodes attributed to `scope` (a layer's name). */
export function withScope<T>(scope: string, build: () => T): T {
  const outer = currentScope;
  currentScope = scope;
  try {
    return build();
  } finally {
    currentScope = outer;
  }
}

/** JSON does not distinguish infinities and NaN, nor the two zeros. */
const exactNumber = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? `#${Object.is(value, -0) ? '-0' : value}`
    : value;

/** Longer tables are keyed by a digest: a full key would take more memory than the table. */
const LONG_TABLE = 32;

function attributesKey({ attrs }: { readonly attrs: Attributes[Op] }): string {
  if (!('values' in attrs) || attrs.values.length <= LONG_TABLE) return JSON.stringify(attrs, exactNumber);
  return createHash('sha256').update(Float64Array.from(attrs.values)).digest('base64');
}

function intern<K extends Op>(node: Omit<NodeOf<K>, 'id' | 'scope'>): NodeOf<K> {
  const key = `${node.op}(${node.inputs.map((n) => n.id).join()})${attributesKey(node)}${node.dtype}[${node.shape.join()}]`;
  const create = (): NodeOf<K> => Object.freeze({ id: nextId++, scope: currentScope, ...node });
  // Every input is a distinct buffer, whatever its name.
  if (node.op === 'input') return create();
  if (node.inputs.length === 0) {
    const known = leaves.get(key)?.deref();
    if (known) return known as NodeOf<K>;
    const made = create();
    leaves.set(key, new WeakRef(made as Node));
    leafRegistry.register(made, key);
    return made;
  }
  const newest = node.inputs.reduce((a, b) => (b.id > a.id ? b : a));
  let table = tables.get(newest);
  if (!table) tables.set(newest, (table = new Map<string, Node>()));
  const known = table.get(key);
  if (known) return known as NodeOf<K>;
  const made = create();
  table.set(key, made as Node);
  return made;
}

/** A node of operation `op`; the primitive's own rule gives shape and dtype. */
export function apply<K extends Op>(op: K, inputs: readonly Node[], attrs: Attributes[K]): Node {
  const infer = primitiveOf(op).infer;
  if (!infer) throw new Error(`operation ${op} needs an explicit shape`);
  const { shape, dtype } = infer(inputs, attrs);
  return applyAs(op, inputs, attrs, shape, dtype);
}

/** A node of operation `op` whose shape or dtype is part of its meaning (reshape, broadcast, cast, ...). */
export function applyAs<K extends Op>(
  op: K,
  inputs: readonly Node[],
  attrs: Attributes[K],
  shape: Shape,
  dtype: DType,
): Node {
  for (const d of shape) {
    if (!Number.isInteger(d) || d < 0) throw new ShapeError(`${op} would give the shape ${showShape(shape)}`);
  }
  return intern<K>({ op, inputs, attrs, shape: [...shape], dtype }) as Node;
}

/** The nodes that `roots` depend on, themselves included, every node after its inputs. */
export function topologicalOrder(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next < top.node.inputs.length) {
        const input = top.node.inputs[top.next++];
        if (!seen.has(input)) {
          seen.add(input);
          stack.push({ node: input, next: 0 });
        }
      } else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}
