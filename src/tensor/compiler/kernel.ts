/** What a kernel is: one loop nest, or a heavy operation with an element-wise prologue or epilogue fused into it. */
import type { Node, NodeOf, PoolAttrs } from '../graph.js';
import { sameShape, type Shape, sizeOf, stridesOf } from '../shape.js';
import { type Access, accessesOf, collapse, type Expression, indexExpressions } from './expression.js';

interface KernelOutputs {
  /** Iteration space of the outputs. */
  readonly shape: Shape;
  /** The nodes whose buffers it fills, each by the expression of the same number. */
  readonly outputs: readonly Node[];
  readonly expressions: readonly Expression[];
  /** All buffers that are read, operands included. */
  readonly reads: ReadonlySet<Node>;
}

/** Element-wise work. */
export interface LoopKernel extends KernelOutputs {
  readonly kind: 'loop';
}

/** The value of the root, the kernel's heavy operation, is 'root' in the expressions. */
interface Rooted<K extends string, R extends Node> extends KernelOutputs {
  readonly kind: K;
  readonly root: R;
}

/** A sum or a maximum over axes of what `input` is at each point of the shape of the root's operand. */
export interface ReduceKernel extends Rooted<'reduce', NodeOf<'reduce_sum'> | NodeOf<'reduce_max'>> {
  readonly input: Expression;
}

/** A heavy operation on operands in memory: strided ones of a matrix product, contiguous ones of all others. */
interface Heavy<K extends string, R extends Node> extends Rooted<K, R> {
  readonly operands: readonly Access[];
}
export type ConvNode = NodeOf<'conv'> | NodeOf<'conv_input'> | NodeOf<'conv_weight_parts'>;
export type PoolNode =
  NodeOf<'pool_max_gather'> | NodeOf<'pool_max_scatter'> | NodeOf<'pool_sum'> | NodeOf<'pool_sum_grad'>;

export type MatmulKernel = Heavy<'matmul', NodeOf<'matmul'>>;
export type ConvKernel = Heavy<'conv', ConvNode>;
export type PoolKernel = Heavy<'pool', PoolNode>;
export type ArgmaxKernel = Heavy<'argmax', NodeOf<'argmax'>>;
export type ScatterKernel = Heavy<'scatter', NodeOf<'scatter_add'>>;

/** A part of a buffer: an expression over `shape`, stored at offset + strides. */
export interface Region {
  readonly shape: Shape;
  readonly expression: Expression;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** A buffer filled part by part. */
export interface RegionsKernel extends Rooted<'regions', NodeOf<'pad'> | NodeOf<'concat'>> {
  readonly regions: readonly Region[];
}

/** A loop with its own schedule. Its outputs are all final values; during the loop they hold the carried ones. */
export type RepeatKernel = Heavy<'repeat', NodeOf<'repeat'>>;

export type Kernel =
  | LoopKernel
  | ReduceKernel
  | MatmulKernel
  | ConvKernel
  | PoolKernel
  | ArgmaxKernel
  | ScatterKernel
  | RegionsKernel
  | RepeatKernel;

/** Contractions: their sums are buffered in memory for the epilogue. */
export type ContractionKernel = MatmulKernel | ConvKernel;

/** The operation that gives a kernel its kind, where it has one. */
export const rootOf = (kernel: Kernel): Exclude<Kernel, LoopKernel>['root'] | undefined =>
  kernel.kind === 'loop' ? undefined : kernel.root;

export const operandsOf = (kernel: Kernel): readonly Access[] => ('operands' in kernel ? kernel.operands : []);

/** All expressions of a kernel: of its outputs, of its reduction's operand, or of its regions. */
export function expressionsOf(kernel: Kernel): readonly Expression[] {
  if (kernel.kind === 'reduce') return [kernel.input, ...kernel.expressions];
  return kernel.kind === 'regions' ? kernel.regions.map((r) => r.expression) : kernel.expressions;
}

export function readsOf(expressions: readonly Expression[]): Set<Node> {
  return new Set(accessesOf(expressions).map((a) => a.buffer));
}

/** Buffers that no kernel fills: they have a value before the program runs. */
export const isLeaf = (node: Node): boolean =>
  node.op === 'input' || (node.op === 'constant' && node.attrs.values.length > 1);

/** Whether a kernel stores its root's value unchanged. */
export const isPlain = ({ expressions }: Kernel): boolean => expressions.length === 1 && expressions[0].kind === 'root';

/** Whether `access`, at each point of `shape`, is to the element at the same flat position. */
export function isAligned(access: Access, shape: Shape): boolean {
  const rowMajor = stridesOf(shape);
  return !access.indirect && access.offset === 0 && access.strides.every((s, d) => s === rowMajor[d] || shape[d] === 1);
}

/** Whether a kernel reads, at each point, only elements at the same flat position or single values. */
export function isFlat({ shape, expressions }: Kernel): boolean {
  const flat = (a: Access): boolean => (!a.indirect && a.strides.every((s) => s === 0)) || isAligned(a, shape);
  return accessesOf(expressions).every(flat) && indexExpressions(expressions).length === 0;
}

/** Whether the windows of a pooling partition the large tensor: every element is in exactly one. */
export function windowsPart(large: Shape, small: Shape, { window, strides, padding }: PoolAttrs): boolean {
  if (padding.some(([low, high]) => low > 0 || high > 0)) return false;
  return window.every((size, d) => size === strides[d] && large[d + 1] === size * small[d + 1]);
}

/** Whether a concatenation's parts are few and of one shape, so that one loop can write them all. */
export const hasEqualParts = ({ op, inputs }: Node): boolean =>
  op === 'concat' && inputs.length <= 8 && inputs.every(({ shape }) => sameShape(shape, inputs[0].shape));

/**
 * The two-dimensional layout [rows, columns] of a contraction's epilogue: strides of every access along rows and columns.
 * Undefined if some access does not fit it.
 */
export function epilogueLayout(kernel: ContractionKernel): { strides: Map<Access, [number, number]> } | undefined {
  const { root, shape, expressions } = kernel;
  const columns = root.shape[root.shape.length - 1];
  let boundary = shape.length;
  for (let product = 1; product < columns;) product *= shape[--boundary];
  if (sizeOf(shape.slice(boundary)) !== columns) return undefined;
  const accesses = accessesOf(expressions);
  if (accesses.some((a) => a.indirect) || indexExpressions(expressions).length > 0) return undefined;
  const { groups } = collapse(
    shape,
    accesses.map((a) => a.strides),
    (d, last) => last >= boundary || d < boundary,
  );
  const rows = groups.filter((g) => g[0] < boundary);
  const cols = groups.filter((g) => g[0] >= boundary);
  if (rows.length > 1 || cols.length > 1) return undefined;
  const at = (strides: readonly number[]): [number, number] => [
    rows.length > 0 ? strides[rows[0][rows[0].length - 1]] : 0,
    cols.length > 0 ? strides[cols[0][cols[0].length - 1]] : 0,
  ];
  // Columns are read as vectors: contiguous or the same for all. Constant offsets of rows are never negative.
  if (accesses.some((a) => at(a.strides)[0] < 0 || ![0, 1].includes(at(a.strides)[1]))) return undefined;
  return { strides: new Map(accesses.map((a) => [a, at(a.strides)])) };
}
