/** Element-wise operations: one table line each for the value and the derivative. */
import { apply, applyAs, type BinaryKind, checkType, type CompareKind, definePrimitive, type DType, type Node, ShapeError, type UnaryKind } from '../graph.js'; // prettier-ignore
import { threefry2x32 } from '../random.js';
import { broadcastShapes, sameShape, showShape } from '../shape.js';
import { constant, splatValue } from './leaf.js';
import { broadcastTo } from './movement.js';

const isFloat = (n: Node): boolean => n.dtype === 'f32';

/** erf to about 1e-16: the series for small arguments, Lentz's continued fraction of erfc for large ones (DLMF 7.6, 7.9). */
export function erfValue(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let total = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total) && n < 200; n++) {
      term *= (-x * x) / n;
      total += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * total;
  }
  let f = 0;
  for (let k = 60; k >= 1; k--) f = k / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + f));
}

interface UnaryRule {
  value: (x: number) => number;
  /** The cotangent of x, given x, y = f(x) and the cotangent g of y. Absent where it is zero. */
  derivative?(g: Node, x: Node, y: Node): Node;
  /** The types it takes; f32 alone by default. */
  types?: readonly DType[];
}
const SIGNED: readonly DType[] = ['f32', 'i32'];
const unaryRules: Record<UnaryKind, UnaryRule> = {
  neg: { value: (x) => -x, derivative: (g) => neg(g), types: SIGNED },
  abs: { value: Math.abs, derivative: (g, x) => mul(g, sign(x)), types: SIGNED },
  sign: { value: Math.sign, types: SIGNED },
  floor: { value: Math.floor },
  sqrt: { value: Math.sqrt, derivative: (g, _x, y) => div(mul(g, 0.5), y) },
  exp: { value: Math.exp, derivative: (g, _x, y) => mul(g, y) },
  // Not y + 1, which cancels where y is nearly -1.
  expm1: { value: Math.expm1, derivative: (g, x) => mul(g, exp(x)) },
  log: { value: Math.log, derivative: (g, x) => div(g, x) },
  log1p: { value: Math.log1p, derivative: (g, x) => div(g, add(x, 1)) },
  tanh: { value: Math.tanh, derivative: (g, _x, y) => mul(g, sub(1, mul(y, y))) },
  erf: { value: erfValue, derivative: (g, x) => mul(g, mul(2 / Math.sqrt(Math.PI), exp(neg(mul(x, x))))) },
  sin: { value: Math.sin, derivative: (g, x) => mul(g, cos(x)) },
  cos: { value: Math.cos, derivative: (g, x) => neg(mul(g, sin(x))) },
  not: { value: (x) => (x === 0 ? 1 : 0), types: ['bool'] },
};

interface BinaryRule {
  value: (a: number, b: number) => number;
  /** The cotangents of a and b. Absent where they are zero. */
  derivative?: [(g: Node, a: Node, b: Node, y: Node) => Node, (g: Node, a: Node, b: Node, y: Node) => Node];
  /** The types it takes; all but u8 and bool (which are for storage) by default. */
  types?: readonly DType[];
}
const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];
const WORDS: readonly DType[] = ['i32', 'u32'];
const BITS: readonly DType[] = [...WORDS, 'bool'];
const zero = (like: Node): Node => constantLike(like, 0);
const binaryRules: Record<BinaryKind, BinaryRule> = {
  add: { value: (a, b) => a + b, derivative: [(g) => g, (g) => g] },
  sub: { value: (a, b) => a - b, derivative: [(g) => g, (g) => neg(g)] },
  mul: { value: (a, b) => a * b, derivative: [(g, _a, b) => mul(g, b), (g, a) => mul(g, a)] },
  div: { value: (a, b) => a / b, derivative: [(g, _a, b) => div(g, b), (g, _a, b, y) => neg(div(mul(g, y), b))] },
  pow: {
    value: Math.pow,
    types: ['f32'],
    derivative: [
      (g, a, b) => mul(g, mul(b, pow(a, sub(b, 1)))),
      // a^b log a, with the limit 0 at a = 0.
      (g, a, b, y) => select(gt(a, 0), mul(g, mul(y, log(select(gt(a, 0), a, onesLike(a))))), zero(b)),
    ],
  },
  // Where both are equal the cotangent goes to the first operand only, so that it is never counted twice.
  max: {
    value: Math.max,
    // With a constant first operand the result itself tells the case, so that a ReLU need not keep its input.
    derivative: [
      (g, a, b) => select(ge(a, b), g, zero(g)),
      (g, a, b, y) => (splatValue(a) === undefined ? select(ge(a, b), zero(g), g) : select(gt(y, a), g, zero(g))),
    ],
  },
  min: {
    value: Math.min,
    derivative: [
      (g, a, b) => select(le(a, b), g, zero(g)),
      (g, a, b, y) => (splatValue(a) === undefined ? select(le(a, b), zero(g), g) : select(lt(y, a), g, zero(g))),
    ],
  },
  and: { value: (a, b) => a & b, types: BITS },
  or: { value: (a, b) => a | b, types: BITS },
  xor: { value: (a, b) => a ^ b, types: BITS },
  shl: { value: (a, b) => a << b, types: WORDS },
  shr: { value: (a, b) => a >>> b, types: WORDS },
};

const compareRules: Record<CompareKind, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};

function checkSameType(what: string, a: Node, b: Node): void {
  if (a.dtype !== b.dtype) throw new ShapeError(`${what}: operands of types ${a.dtype} and ${b.dtype}`);
}

definePrimitive('unary', {
  infer: ([x], { kind }) => {
    checkType(kind, x, ...(unaryRules[kind].types ?? ['f32']));
    return { shape: x.shape, dtype: x.dtype };
  },
  evaluate(node, [x], out) {
    const { value } = unaryRules[node.attrs.kind];
    for (let i = 0; i < out.length; i++) out[i] = value(x[i]);
  },
  derivative(node, g) {
    return [unaryRules[node.attrs.kind].derivative?.(g, node.inputs[0], node)];
  },
});

definePrimitive('binary', {
  infer: ([a, b], { kind }) => {
    checkSameType(kind, a, b);
    checkType(kind, a, ...(binaryRules[kind].types ?? NUMBERS));
    return { shape: a.shape, dtype: a.dtype };
  },
  evaluate(node, [a, b], out) {
    const { value } = binaryRules[node.attrs.kind];
    if (node.dtype === 'i32' || node.dtype === 'u32') {
      const exact = node.attrs.kind === 'mul' ? Math.imul : value;
      for (let i = 0; i < out.length; i++) out[i] = exact(a[i], b[i]);
    } else {
      for (let i = 0; i < out.length; i++) out[i] = value(a[i], b[i]);
    }
  },
  derivative(node, g) {
    const [a, b] = node.inputs;
    return binaryRules[node.attrs.kind].derivative?.map((rule) => rule(g, a, b, node)) ?? [];
  },
});

definePrimitive('compare', {
  infer: ([a, b], { kind }) => {
    checkSameType(kind, a, b);
    return { shape: a.shape, dtype: 'bool' };
  },
  evaluate(node, [a, b], out) {
    const holds = compareRules[node.attrs.kind];
    for (let i = 0; i < out.length; i++) out[i] = holds(a[i], b[i]) ? 1 : 0;
  },
});

definePrimitive('select', {
  infer: ([condition, a, b]) => {
    checkType('the condition of select', condition, 'bool');
    checkSameType('select', a, b);
    return { shape: a.shape, dtype: a.dtype };
  },
  evaluate(_node, [condition, a, b], out) {
    for (let i = 0; i < out.length; i++) out[i] = condition[i] ? a[i] : b[i];
  },
  derivative(node, g) {
    const condition = node.inputs[0];
    return [undefined, select(condition, g, zero(g)), select(condition, zero(g), g)];
  },
});

definePrimitive('cast', {
  evaluate(node, [x], out) {
    const truncates = node.dtype !== 'f32' && node.dtype !== 'bool';
    for (let i = 0; i < out.length; i++)
      out[i] = truncates ? Math.trunc(x[i]) : node.dtype === 'bool' ? Number(x[i] !== 0) : x[i];
  },
  derivative(node, g) {
    return [isFloat(node.inputs[0]) && isFloat(node) ? g : undefined];
  },
});

definePrimitive('stop_gradient', {
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  evaluate(_node, [x], out) {
    out.set(x);
  },
});

definePrimitive('random_bits', {
  infer: ([key, counter]) => {
    if (!sameShape(key.shape, [2]) || key.dtype !== 'u32')
      throw new ShapeError('random_bits needs a key of two u32 words');
    checkType('the counter of random_bits', counter, 'u32');
    return { shape: counter.shape, dtype: 'u32' };
  },
  evaluate(node, [key, counter], out) {
    for (let i = 0; i < out.length; i++) out[i] = threefry2x32(key[0], key[1], counter[i], node.attrs.stream)[0];
  },
});

export type Operand = Node | number;

export const constantLike = (like: Node, value: number): Node =>
  broadcastTo(constant(value, [], like.dtype), like.shape);
export const onesLike = (like: Node): Node => constantLike(like, 1);
export const zerosLike = (like: Node): Node => constantLike(like, 0);

/** Brings operands to one shape by NumPy's rules; numbers take the type of the first node. */
function align(what: string, operands: readonly Operand[]): Node[] {
  const dtype: DType = operands.find((o): o is Node => typeof o !== 'number')?.dtype ?? 'f32';
  const nodes = operands.map((o) => (typeof o === 'number' ? constant(o, [], dtype) : o));
  const shape = broadcastShapes(...nodes.map((n) => n.shape));
  if (!shape) {
    const shapes = nodes.map((n) => showShape(n.shape)).join(' and ');
    throw new ShapeError(`${what}: shapes ${shapes} do not fit; sizes must be equal or 1, counted from the right`);
  }
  return nodes.map((n) => broadcastTo(n, shape));
}

function unary(kind: UnaryKind, x: Node): Node {
  const value = splatValue(x);
  if (value !== undefined && isFloat(x)) return constantLike(x, unaryRules[kind].value(value));
  if (kind === 'neg' && x.op === 'unary' && x.attrs.kind === 'neg') return x.inputs[0];
  return apply('unary', [x], { kind });
}

function binary(kind: BinaryKind, x: Operand, y: Operand): Node {
  const [a, b] = align(kind, [x, y]);
  const va = splatValue(a);
  const vb = splatValue(b);
  if (isFloat(a)) {
    if (va !== undefined && vb !== undefined) return constantLike(a, binaryRules[kind].value(va, vb));
    if (kind === 'add' && va === 0) return b;
    if ((kind === 'add' || kind === 'sub') && vb === 0) return a;
    if (kind === 'sub' && va === 0) return neg(b);
    if (kind === 'mul' && va === 1) return b;
    if ((kind === 'mul' || kind === 'div' || kind === 'pow') && vb === 1) return a;
    // A cotangent that is zero everywhere stays so; 0 * inf is not kept, as in XLA's algebraic simplifier for constants.
    if (kind === 'mul' && (va === 0 || vb === 0)) return va === 0 ? a : b;
    if (kind === 'mul' && va === -1) return neg(b);
    if (kind === 'mul' && vb === -1) return neg(a);
    // x^2 by multiplication: exact, and pow costs a logarithm and an exponential.
    if (kind === 'pow' && vb === 2) return mul(a, a);
    if (kind === 'pow' && vb === 0.5) return sqrt(a);
    if (kind === 'pow' && vb === -1) return div(1, a);
  }
  return apply('binary', [a, b], { kind });
}

function compare(kind: CompareKind, x: Operand, y: Operand): Node {
  return apply('compare', align(kind, [x, y]), { kind });
}

export const neg = (x: Node): Node => unary('neg', x);
export const abs = (x: Node): Node => unary('abs', x);
export const sign = (x: Node): Node => unary('sign', x);
export const floor = (x: Node): Node => unary('floor', x);
export const sqrt = (x: Node): Node => unary('sqrt', x);
export const exp = (x: Node): Node => unary('exp', x);
export const expm1 = (x: Node): Node => unary('expm1', x);
export const log = (x: Node): Node => unary('log', x);
export const log1p = (x: Node): Node => unary('log1p', x);
export const tanh = (x: Node): Node => unary('tanh', x);
export const erf = (x: Node): Node => unary('erf', x);
export const sin = (x: Node): Node => unary('sin', x);
export const cos = (x: Node): Node => unary('cos', x);
/** Logical negation of a bool. */
export const not = (x: Node): Node => unary('not', x);

export const add = (a: Operand, b: Operand): Node => binary('add', a, b);
export const sub = (a: Operand, b: Operand): Node => binary('sub', a, b);
export const mul = (a: Operand, b: Operand): Node => binary('mul', a, b);
export const div = (a: Operand, b: Operand): Node => binary('div', a, b);
/** a to the power b; a must not be negative unless b is a constant whole number that the kernel multiplies out. */
export const pow = (a: Operand, b: Operand): Node => binary('pow', a, b);
export const maximum = (a: Operand, b: Operand): Node => binary('max', a, b);
export const minimum = (a: Operand, b: Operand): Node => binary('min', a, b);
export const bitAnd = (a: Operand, b: Operand): Node => binary('and', a, b);
export const bitOr = (a: Operand, b: Operand): Node => binary('or', a, b);
export const bitXor = (a: Operand, b: Operand): Node => binary('xor', a, b);
export const shiftLeft = (a: Operand, b: Operand): Node => binary('shl', a, b);
/** Logical shift right of unsigned words. */
export const shiftRight = (a: Operand, b: Operand): Node => binary('shr', a, b);

export const eq = (a: Operand, b: Operand): Node => compare('eq', a, b);
export const ne = (a: Operand, b: Operand): Node => compare('ne', a, b);
export const lt = (a: Operand, b: Operand): Node => compare('lt', a, b);
export const le = (a: Operand, b: Operand): Node => compare('le', a, b);
export const gt = (a: Operand, b: Operand): Node => compare('gt', a, b);
export const ge = (a: Operand, b: Operand): Node => compare('ge', a, b);

/** `a` where `condition` holds, else `b`. */
export function select(condition: Node, a: Operand, b: Operand): Node {
  const [x, y] = align('select', [a, b]);
  const shape = broadcastShapes(condition.shape, x.shape);
  if (!shape) {
    throw new ShapeError(
      `select: a condition of ${showShape(condition.shape)} does not fit values of ${showShape(x.shape)}`,
    );
  }
  return apply('select', [broadcastTo(condition, shape), broadcastTo(x, shape), broadcastTo(y, shape)], {});
}

/** Converts the type; floats are truncated to integers, and non-zero is true. */
export function cast(x: Node, dtype: DType): Node {
  return x.dtype === dtype ? x : applyAs('cast', [x], {}, x.shape, dtype);
}

/** x itself, with derivative zero. */
export const stopGradient = (x: Node): Node => apply('stop_gradient', [x], {});

/**
 * Random u32 words: Threefry of (key, counter element, stream). `key` is a u32 node of shape [2] that the caller renews every
 * step; `counter` is any u32 node, usually the element's index.
 */
export function randomBits(key: Node, counter: Node, stream: number): Node {
  return apply('random_bits', [key, counter], { stream });
}
