/**
 * Expressions: what a fused kernel computes at one point of its iteration space. Movement operations (broadcast, transpose,
 * slice, reverse, reshape, gather) become index arithmetic; whatever cannot be expressed that way needs a buffer.
 */
import type { DType, Node } from '../graph.js';
import { splatValue } from '../primitives/leaf.js';
import { type Shape, sizeOf, stridesOf } from '../shape.js';

/** Where an element lies in a buffer: offset + sum of strides * iteration index, in elements. */
export interface Access {
  readonly buffer: Node;
  readonly offset: number;
  readonly strides: readonly number[];
  /** Adds stride * (the i32 element that `index` reads): a gathered row. */
  readonly indirect?: { readonly index: Access; readonly stride: number };
}

export type Expression =
  | { readonly kind: 'load'; readonly access: Access }
  | { readonly kind: 'root' }
  /** offset + sum of strides * iteration index, as a number of the given type. */
  | { readonly kind: 'index'; readonly dtype: DType; readonly offset: number; readonly strides: readonly number[] }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'apply'; readonly node: Node; readonly args: readonly Expression[] };

export type IndexExpression = Extract<Expression, { kind: 'index' }>;

/** Thrown when an expression needs `node` to be stored in a buffer. */
export class NeedsBuffer extends Error {
  constructor(readonly node: Node) {
    super(`${node.op} needs a buffer`);
  }
}

/** Every index of a node as an affine function of the iteration indices. */
interface AffineView {
  readonly base: readonly number[];
  readonly coefficients: readonly (readonly number[])[];
}

const identityView = (rank: number): AffineView => ({
  base: new Array<number>(rank).fill(0),
  coefficients: Array.from({ length: rank }, (_, d) => Array.from({ length: rank }, (_, v) => (v === d ? 1 : 0))),
});

export const isElementwise = (node: Node): boolean =>
  node.op === 'unary' || node.op === 'binary' || node.op === 'compare' || node.op === 'select' ||
  node.op === 'cast' || node.op === 'stop_gradient' || node.op === 'random_bits'; // prettier-ignore

export const isMovement = (node: Node): boolean =>
  node.op === 'reshape' || node.op === 'transpose' || node.op === 'broadcast' || node.op === 'slice' ||
  node.op === 'reverse' || node.op === 'gather'; // prettier-ignore

/** The node below any reshapes. */
export function stripReshape(node: Node): Node {
  let n = node;
  while (n.op === 'reshape') n = n.inputs[0];
  return n;
}

/** Builds the expressions of one kernel over `shape`; shared parts become shared objects. */
export class ExpressionBuilder {
  private readonly memo = new Map<string, Expression>();

  constructor(
    private readonly shape: Shape,
    private readonly isBuffer: (node: Node) => boolean,
    /** The heavy node whose value the kernel has in a register at each point. */
    private readonly root?: Node,
  ) {}

  /** The expression of `node`, whose elements in row-major order are those of the iteration space. */
  build(node: Node): Expression {
    return this.resolve(reshapedTo(node, this.shape), identityView(this.shape.length));
  }

  /** The expression of a node's defining operation, even if the node has a buffer (which this kernel fills). */
  define(node: Node): Expression {
    const value = splatValue(node);
    if (value !== undefined) return { kind: 'constant', value };
    const view =
      node.shape.length === this.shape.length && node.shape.every((d, i) => d === this.shape[i])
        ? identityView(this.shape.length)
        : undefined;
    return view
      ? this.resolveOperation(node, view)
      : this.resolveReshape(node, node.shape, this.shape, identityView(this.shape.length), true);
  }

  private resolve(node: Node | Reshaped, view: AffineView): Expression {
    if (node instanceof Reshaped) return this.resolveReshape(node.node, node.node.shape, node.shape, view, false);
    const key = `${node.id}|${view.base.join()}|${view.coefficients.map((c) => c.join()).join(';')}`;
    const known = this.memo.get(key);
    if (known) return known;
    const made = this.resolveFresh(node, view);
    this.memo.set(key, made);
    return made;
  }

  private resolveFresh(node: Node, view: AffineView): Expression {
    const value = splatValue(node);
    if (value !== undefined) return { kind: 'constant', value };
    if (node === this.root) {
      const { offset, strides } = this.flatten(view, node.shape);
      const rowMajor = stridesOf(this.shape);
      // The register holds this point's element and no other.
      if (offset !== 0 || strides.some((s, d) => s !== rowMajor[d] && this.shape[d] !== 1)) throw new NeedsBuffer(node);
      return { kind: 'root' };
    }
    if (this.isBuffer(node)) return { kind: 'load', access: { buffer: node, ...this.flatten(view, node.shape) } };
    return this.resolveOperation(node, view);
  }

  private resolveOperation(node: Node, view: AffineView): Expression {
    if (isElementwise(node)) {
      // random_bits has a key of two words, read from its buffer; the counter is its element-wise operand.
      if (node.op === 'random_bits') {
        const key = node.inputs[0];
        if (!this.isBuffer(key)) throw new NeedsBuffer(key);
        const word = (offset: number): Expression => ({
          kind: 'load',
          access: { buffer: key, offset, strides: this.shape.map(() => 0) },
        });
        return { kind: 'apply', node, args: [word(0), word(1), this.resolve(node.inputs[1], view)] };
      }
      return { kind: 'apply', node, args: node.inputs.map((i) => this.resolve(i, view)) };
    }
    const [operand] = node.inputs;
    switch (node.op) {
      case 'iota':
        return {
          kind: 'index',
          dtype: node.dtype,
          offset: view.base[node.attrs.axis],
          strides: view.coefficients[node.attrs.axis],
        };
      case 'broadcast':
        return this.resolve(operand, {
          base: view.base.map((b, d) => (operand.shape[d] === 1 ? 0 : b)),
          coefficients: view.coefficients.map((c, d) => (operand.shape[d] === 1 ? c.map(() => 0) : c)),
        });
      case 'transpose': {
        const base = new Array<number>(operand.shape.length);
        const coefficients = new Array<readonly number[]>(operand.shape.length);
        node.attrs.permutation.forEach((p, d) => {
          base[p] = view.base[d];
          coefficients[p] = view.coefficients[d];
        });
        return this.resolve(operand, { base, coefficients });
      }
      case 'slice': {
        const { start, step } = node.attrs;
        return this.resolve(operand, {
          base: view.base.map((b, d) => start[d] + b * step[d]),
          coefficients: view.coefficients.map((c, d) => c.map((v) => v * step[d])),
        });
      }
      case 'reverse': {
        const { axes } = node.attrs;
        return this.resolve(operand, {
          base: view.base.map((b, d) => (axes.includes(d) ? node.shape[d] - 1 - b : b)),
          coefficients: view.coefficients.map((c, d) => (axes.includes(d) ? c.map((v) => -v) : c)),
        });
      }
      case 'reshape':
        return this.resolveReshape(operand, operand.shape, node.shape, view, false);
      case 'gather':
        return this.resolveGather(node, view);
      default:
        throw new NeedsBuffer(node);
    }
  }

  /** `node` of shape `from`, seen through `view` of the same elements under shape `to`. */
  private resolveReshape(node: Node, from: Shape, to: Shape, view: AffineView, defining: boolean): Expression {
    if (!defining && node !== this.root && this.isBuffer(node)) {
      return { kind: 'load', access: { buffer: node, ...this.flatten(view, to) } };
    }
    const inner = reshapeView(view, from, to);
    if (inner) return defining ? this.resolveOperation(node, inner) : this.resolve(node, inner);
    // A split of an axis needs division, except where nothing but the flat order matters.
    if (node.op === 'reshape') return this.resolveReshape(node.inputs[0], node.inputs[0].shape, to, view, false);
    if (node === this.root) {
      const { offset, strides } = this.flatten(view, to);
      const rowMajor = stridesOf(this.shape);
      if (offset === 0 && strides.every((s, d) => s === rowMajor[d] || this.shape[d] === 1)) return { kind: 'root' };
    }
    if (isElementwise(node) && node.op !== 'random_bits') {
      const args = node.inputs.map((i) => {
        const value = splatValue(i);
        return value !== undefined
          ? ({ kind: 'constant', value } as const)
          : this.resolveReshape(i, i.shape, to, view, false);
      });
      return { kind: 'apply', node, args };
    }
    throw new NeedsBuffer(node);
  }

  private resolveGather(node: Node, view: AffineView): Expression {
    const [table, indices] = node.inputs;
    // The rows may be those of a buffer under another shape.
    const x = this.isBuffer(table) ? table : stripReshape(table);
    for (const operand of [x, indices]) if (!this.isBuffer(operand)) throw new NeedsBuffer(operand);
    const rank = indices.shape.length;
    const part = (from: number, to: number): AffineView => ({
      base: view.base.slice(from, to),
      coefficients: view.coefficients.slice(from, to),
    });
    const index: Access = { buffer: indices, ...this.flatten(part(0, rank), indices.shape) };
    const rowShape = table.shape.slice(1);
    const row = this.flatten(part(rank, node.shape.length), rowShape);
    return { kind: 'load', access: { buffer: x, ...row, indirect: { index, stride: sizeOf(rowShape) } } };
  }

  private flatten(view: AffineView, shape: Shape): { offset: number; strides: number[] } {
    const elementStrides = stridesOf(shape);
    const strides = this.shape.map((_, v) =>
      elementStrides.reduce((total, s, d) => total + s * view.coefficients[d][v], 0),
    );
    // Along an axis of size 1 the stride never counts: make it that of the row-major order where it may help merging.
    return { offset: elementStrides.reduce((total, s, d) => total + s * view.base[d], 0), strides };
  }
}

class Reshaped {
  constructor(
    readonly node: Node,
    readonly shape: Shape,
  ) {}
}

function reshapedTo(node: Node, shape: Shape): Node | Reshaped {
  const same = node.shape.length === shape.length && node.shape.every((d, i) => d === shape[i]);
  return same ? node : new Reshaped(node, shape);
}

/** The view of shape `from` that sees what `view` of shape `to` sees, where no axis has to be divided; else undefined. */
function reshapeView(view: AffineView, from: Shape, to: Shape): AffineView | undefined {
  const variables = view.coefficients[0]?.length ?? 0;
  const base: number[] = [];
  const coefficients: number[][] = [];
  let t = 0;
  let f = 0;
  const zero = (): number[] => new Array<number>(variables).fill(0);
  while (f < from.length || t < to.length) {
    if (f < from.length && from[f] === 1) {
      base.push(0);
      coefficients.push(zero());
      f++;
      continue;
    }
    if (t < to.length && to[t] === 1) {
      t++;
      continue;
    }
    // One axis of `from` made of one or more of `to`.
    let product = 1;
    let b = 0;
    let c = zero();
    while (t < to.length && product < from[f]) {
      b = b * to[t] + view.base[t];
      c = c.map((v, k) => v * to[t] + view.coefficients[t][k]);
      product *= to[t++];
    }
    if (product !== from[f]) return undefined;
    base.push(b);
    coefficients.push(c);
    f++;
  }
  return { base, coefficients };
}

/** Every distinct part of the expressions. */
function partsOf(roots: readonly Expression[]): Set<Expression> {
  const seen = new Set<Expression>();
  const visit = (e: Expression): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === 'apply') e.args.forEach(visit);
  };
  roots.forEach(visit);
  return seen;
}

/** Depth of the deepest expression, in operations. */
export function depthOf(roots: readonly Expression[]): number {
  const depths = new Map<Expression, number>();
  const visit = (e: Expression): number => {
    if (e.kind !== 'apply') return 0;
    const known = depths.get(e) ?? e.args.reduce((most, arg) => Math.max(most, visit(arg)), 0) + 1;
    depths.set(e, known);
    return known;
  };
  return roots.reduce((most, e) => Math.max(most, visit(e)), 0);
}

/** All buffer accesses of the expressions, index accesses of gathers included; each once. */
export function accessesOf(roots: readonly Expression[]): Access[] {
  const found = new Set<Access>();
  for (const e of partsOf(roots)) {
    if (e.kind !== 'load') continue;
    found.add(e.access);
    if (e.access.indirect) found.add(e.access.indirect.index);
  }
  return [...found];
}

/** All index ramps of the expressions. */
export function indexExpressions(roots: readonly Expression[]): IndexExpression[] {
  return [...partsOf(roots)].filter((e) => e.kind === 'index');
}

/** An iteration space with neighbouring axes merged wherever every access steps through them as through one. */
export function collapse(
  shape: Shape,
  strideLists: readonly (readonly number[])[],
  mayMerge: (axis: number, previous: number) => boolean = () => true,
): { shape: number[]; groups: number[][] } {
  const merged: number[] = [];
  const groups: number[][] = [];
  shape.forEach((size, d) => {
    if (size === 1) return;
    const last = groups[groups.length - 1]?.at(-1);
    const joins =
      last !== undefined && mayMerge(d, last) && strideLists.every((strides) => strides[last] === strides[d] * size);
    if (joins) {
      merged[merged.length - 1] *= size;
      groups[groups.length - 1].push(d);
    } else {
      merged.push(size);
      groups.push([d]);
    }
  });
  return { shape: merged, groups };
}
