/** Emits the value of a fused expression at four neighbouring points as one vector. */
import type { BinaryKind, CompareKind, DType, Node, NodeOf, UnaryKind } from '../../graph.js';
import { THREEFRY_PARITY, THREEFRY_ROUNDS, threefryRotation } from '../../random.js';
import type { FunctionEmitter, Vector } from '../assembler.js';
import type { Instruction } from '../instructions.js';
import type { Access, Expression, IndexExpression } from '../../compiler/expression.js';
import type { Kernel } from '../../compiler/kernel.js';
import { type MathLibrary, type MathName, SMALLEST_NORMAL } from './math.js';

/** How a kernel delivers the leaves of an expression at the current four points: each leaves one vector on the stack. */
export interface Point {
  load(access: Access): void;
  root(): unknown;
  index(ramp: IndexExpression): void;
}

/** A point with leaves that are invariant in the innermost loop. */
export interface MovingPoint extends Point {
  isFixed(leaf: Exclude<Expression, { kind: 'apply' }>): boolean;
}

/** The operations that some expressions are made of, each once. */
export function operationsIn(expressions: readonly Expression[]): Node[] {
  const seen = new Set<Expression>();
  const visit = (e: Expression): Node[] => {
    if (e.kind !== 'apply' || seen.has(e)) return [];
    seen.add(e);
    return [e.node, ...e.args.flatMap(visit)];
  };
  return expressions.flatMap(visit);
}

/** Emits expressions of one kernel; a shared subexpression is computed once per point and kept in a local. */
export class ExpressionEmitter {
  private readonly uses = new Map<Expression, number>();
  private readonly kept = new Map<Expression, Vector>();
  private ready = new Set<Expression>();
  /** Random words in the order in which they are drawn, and locals with those of each vector of a group. */
  private readonly draws: Draw[] = [];
  private readonly drawn = new Map<Expression, readonly Vector[]>();
  private vector = 0;
  /** Locals with values hoisted out of the innermost loop. */
  private readonly fixed = new Map<Expression, Vector>();

  constructor(
    private readonly f: FunctionEmitter,
    private readonly math: MathLibrary,
    private readonly roots: readonly Expression[],
    /** Whether elementary functions are computed in place. */
    private readonly inlined = false,
  ) {
    const count = (e: Expression): void => {
      const n = (this.uses.get(e) ?? 0) + 1;
      this.uses.set(e, n);
      if (n > 1 || e.kind !== 'apply') return;
      e.args.forEach(count);
      if (isDraw(e)) this.draws.push(e);
    };
    roots.forEach(count);
  }

  /** Starts a new point: nothing computed before is valid, except what was drawn for this vector of a group. */
  begin(vector = 0): void {
    this.ready = new Set();
    this.vector = vector;
  }

  /** Hoists loop invariants out of an innermost loop. */
  computeFixed(point: MovingPoint): void {
    const [known, found] = [new Map<Expression, boolean>(), new Map<Expression, Vector>()];
    const isFixed = (e: Expression): boolean => {
      if (e.kind !== 'apply') return point.isFixed(e);
      let value = known.get(e);
      if (value === undefined) known.set(e, (value = !isDraw(e) && e.args.every(isFixed)));
      return value;
    };
    const visit = (e: Expression): void => {
      if (e.kind !== 'apply' || found.has(e)) return;
      if (!isFixed(e)) return e.args.forEach(visit);
      this.emit(e, point);
      const local = this.f.local('v128');
      this.f.set(local);
      found.set(e, local);
    };
    this.fixed.clear();
    this.begin();
    this.roots.forEach(visit);
    for (const [e, local] of found) this.fixed.set(e, local);
  }

  /**
   * Draws the random words of all vectors of a group before anything else, side by side: each is one long chain of operations,
   * and the chains need not wait for one another. `moveTo` takes the point to a vector.
   */
  drawAhead(point: Point, vectors: number, moveTo: (vector: number) => void): void {
    const { f } = this;
    this.drawn.clear();
    for (const draw of this.draws) {
      const counters = Array.from({ length: vectors }, (_, vector) => {
        this.begin(vector);
        moveTo(vector);
        this.emit(draw.args[2], point, 'u32');
        const counter = f.local('v128');
        f.set(counter);
        return counter;
      });
      this.drawn.set(draw, this.emitThreefry(draw, counters, point));
    }
  }

  /** Computes the kernel's expressions at a new point; the values are in fresh locals. */
  emitAll({ expressions, outputs }: Pick<Kernel, 'expressions' | 'outputs'>, point: Point): Vector[] {
    this.begin();
    return expressions.map((e, i) => {
      this.emit(e, point, outputs[i].dtype);
      const value = this.f.local('v128');
      this.f.set(value);
      return value;
    });
  }

  /** Leaves the vector of `e` at `point` on the stack; `type` is what its user takes constants for. */
  emit(e: Expression, point: Point, type?: DType): void {
    if (e.kind === 'constant') {
      if (type === undefined || type === 'f32') this.f.splat(e.value);
      else this.f.splatInt(type === 'bool' ? (e.value ? -1 : 0) : e.value);
      return;
    }
    const fixed = this.fixed.get(e);
    if (fixed !== undefined) return void this.f.get(fixed);
    const shared = (this.uses.get(e) ?? 0) > 1 && e.kind !== 'root';
    let local = this.kept.get(e);
    if (shared && local !== undefined && this.ready.has(e)) return void this.f.get(local);
    this.emitFresh(e, point);
    if (!shared) return;
    if (local === undefined) this.kept.set(e, (local = this.f.local('v128')));
    this.f.tee(local);
    this.ready.add(e);
  }

  private emitFresh(e: Exclude<Expression, { kind: 'constant' }>, point: Point): void {
    switch (e.kind) {
      case 'load':
        return point.load(e.access);
      case 'root':
        return void point.root();
      case 'index':
        return point.index(e);
      case 'apply':
        return isDraw(e) ? this.emitDraw(e, point) : this.emitApply(e.node, e.args, point);
    }
  }

  private emitApply(node: Node, args: readonly Expression[], point: Point): void {
    const { f } = this;
    const operandType = (i: number): DType => node.inputs[i].dtype;
    const operand = (i: number): void => this.emit(args[i], point, operandType(i));
    switch (node.op) {
      case 'unary':
        operand(0);
        if (node.attrs.kind === 'log' && isNormal(args[0])) return this.emitFunction('log_normal');
        return this.emitUnary(node.attrs.kind, node.dtype);
      case 'binary': {
        const { kind } = node.attrs;
        // A constant second operand lets the one-instruction maximum keep NaN, which sits in the first.
        if (node.dtype === 'f32' && (kind === 'max' || kind === 'min')) {
          const [a, b] = args[0].kind === 'constant' ? [1, 0] : [0, 1];
          operand(a);
          operand(b);
          const cheap = args[b].kind === 'constant' && !Number.isNaN(args[b].value);
          f.op(cheap ? `f32x4.p${kind}` : `f32x4.${kind}`);
          return;
        }
        operand(0);
        if (kind === 'div' && node.dtype === 'f32' && args[1].kind === 'constant' && isPowerOfTwo(args[1].value)) {
          f.splat(1 / args[1].value).op('f32x4.mul');
          return;
        }
        if ((kind === 'shl' || kind === 'shr') && args[1].kind === 'constant') {
          f.i32(args[1].value).op(kind === 'shl' ? 'i32x4.shl' : 'i32x4.shr_u');
          return;
        }
        operand(1);
        return this.emitBinary(kind, node.dtype);
      }
      case 'compare':
        operand(0);
        operand(1);
        f.op(compareInstruction(node.attrs.kind, operandType(0)));
        return;
      case 'select':
        operand(1);
        operand(2);
        operand(0);
        f.op('v128.bitselect');
        return;
      case 'cast':
        operand(0);
        // Vectors have one instruction for signed numbers, and many for unsigned ones.
        return this.emitCast(isBelowSign(args[0]) ? 'i32' : operandType(0), node.dtype);
      case 'stop_gradient':
        return operand(0);
      default:
        throw new Error(`internal: ${node.op} inside an expression`);
    }
  }

  private emitUnary(kind: UnaryKind, dtype: DType): void {
    const { f, math } = this;
    if (kind === 'not') return void f.op('v128.not');
    if (dtype !== 'f32') {
      if (kind === 'sign') {
        // Masks are -1: (x < 0) - (x > 0) is the sign.
        const x = f.local('v128');
        return void f.tee(x).splatInt(0).op('i32x4.lt_s').get(x).splatInt(0).op('i32x4.gt_s', 'i32x4.sub');
      }
      if (kind !== 'neg' && kind !== 'abs') throw new Error(`the wasm backend has no ${kind} of ${dtype}`);
      return void f.op(`i32x4.${kind}`);
    }
    switch (kind) {
      case 'neg':
      case 'abs':
      case 'sqrt':
        return void f.op(`f32x4.${kind}`);
      case 'floor':
        return this.inlined ? math.inlineFloor(f) : void f.op('f32x4.floor');
      case 'sign': {
        // (x > 0) - (x < 0)
        const x = f.local('v128');
        f.tee(x).splat(0).op('f32x4.gt').splat(1).op('v128.and');
        f.get(x).splat(0).op('f32x4.lt').splat(1).op('v128.and', 'f32x4.sub');
        return;
      }
      default:
        return this.emitFunction(kind);
    }
  }

  private emitFunction(name: MathName): void {
    if (this.inlined) this.math.inline(this.f, name);
    else this.math.call(this.f, name);
  }

  private emitBinary(kind: BinaryKind, dtype: DType): void {
    const { f, math } = this;
    if (kind === 'and' || kind === 'or' || kind === 'xor') return void f.op(`v128.${kind}`);
    if (kind === 'shl' || kind === 'shr') {
      // Wasm shifts all lanes by one count; counts that differ are shifted lane by lane.
      const b = f.local('v128');
      const a = f.local('v128');
      const out = f.local('v128');
      f.set(b).set(a);
      for (let l = 0; l < 4; l++) {
        f.get(out).get(a).lane('i32x4.extract_lane', l).get(b).lane('i32x4.extract_lane', l);
        f.op(kind === 'shl' ? 'i32.shl' : 'i32.shr_u')
          .lane('i32x4.replace_lane', l)
          .set(out);
      }
      f.get(out);
      return;
    }
    if (dtype === 'f32') {
      if (kind === 'pow') return math.call(f, 'pow');
      return void f.op(`f32x4.${kind}`);
    }
    if (kind === 'add' || kind === 'sub' || kind === 'mul') return void f.op(`i32x4.${kind}`);
    if (kind === 'max' || kind === 'min') return void f.op(`i32x4.${kind}_${dtype === 'i32' ? 's' : 'u'}`);
    throw new Error(`the wasm backend has no ${kind} of ${dtype}`);
  }

  private emitCast(from: DType, to: DType): void {
    const { f } = this;
    if (to === 'bool') {
      if (from === 'bool') return;
      if (from === 'f32') f.splat(0).op('f32x4.ne');
      else f.splatInt(0).op('i32x4.ne');
    } else if (to === 'f32') {
      if (from === 'bool') f.splat(1).op('v128.and');
      else f.op(from === 'u32' ? 'f32x4.convert_i32x4_u' : 'f32x4.convert_i32x4_s');
    } else if (from === 'f32') f.op(to === 'i32' ? 'i32x4.trunc_sat_f32x4_s' : 'i32x4.trunc_sat_f32x4_u');
    else if (from === 'bool') f.splatInt(1).op('v128.and');
  }

  private emitDraw(draw: Draw, point: Point): void {
    const { f } = this;
    const ahead = this.drawn.get(draw);
    if (ahead) return void f.get(ahead[this.vector]);
    const counter = f.local('v128');
    this.emit(draw.args[2], point, 'u32');
    f.set(counter);
    f.get(this.emitThreefry(draw, [counter], point)[0]);
  }

  /** Threefry-2x32 on vectors of counters side by side; returns locals with the first words. */
  private emitThreefry({ args, node }: Draw, counters: readonly Vector[], point: Point): Vector[] {
    const { f } = this;
    const keys = f.vectors(3);
    this.emit(args[0], point, 'u32');
    f.set(keys[0]);
    this.emit(args[1], point, 'u32');
    f.tee(keys[1]).get(keys[0]).op('v128.xor').splatInt(THREEFRY_PARITY).op('v128.xor').set(keys[2]);
    const words = counters.map((counter) => {
      const [x0, x1] = [f.local('v128'), f.local('v128')];
      f.get(counter).get(keys[0]).op('i32x4.add').set(x0);
      f.splatInt(node.attrs.stream).get(keys[1]).op('i32x4.add').set(x1);
      return { x0, x1, turned: f.local('v128') };
    });
    for (let round = 0; round < THREEFRY_ROUNDS; round++) {
      const r = threefryRotation(round);
      for (const { x0, x1 } of words) f.get(x0).get(x1).op('i32x4.add').set(x0);
      for (const { x1, turned } of words) f.get(x1).i32(r).op('i32x4.shl').set(turned);
      for (const { x1, turned } of words) f.get(x1).i32(32 - r).op('i32x4.shr_u').get(turned).op('v128.or').set(x1); // prettier-ignore
      for (const { x0, x1 } of words) f.get(x1).get(x0).op('v128.xor').set(x1);
      if (round % 4 !== 3) continue;
      const s = (round + 1) / 4;
      for (const { x0 } of words) f.get(x0).get(keys[s % 3]).op('i32x4.add').set(x0); // prettier-ignore
      for (const { x1 } of words) f.get(x1).get(keys[(s + 1) % 3]).op('i32x4.add').splatInt(s).op('i32x4.add').set(x1); // prettier-ignore
    }
    return words.map(({ x0 }) => x0);
  }
}

type Draw = Extract<Expression, { kind: 'apply' }> & { readonly node: NodeOf<'random_bits'> };

const isDraw = (e: Expression): e is Draw => e.kind === 'apply' && e.node.op === 'random_bits';

/** Whether multiplying by its reciprocal gives the very quotients that dividing by it gives. */
const isPowerOfTwo = (value: number): boolean =>
  Number.isInteger(Math.log2(value)) && 2 ** Math.log2(value) === value && Math.abs(Math.log2(value)) <= 126;

/** Whether a number is surely one of at least the smallest positive normal number, or NaN. */
const isNormal = (e: Expression): boolean =>
  e.kind === 'apply' &&
  e.node.op === 'binary' &&
  e.node.attrs.kind === 'max' &&
  e.args.some((arg) => arg.kind === 'constant' && arg.value >= SMALLEST_NORMAL);

/** Whether a whole number surely lies in [0, 2^31), where signed and unsigned are the same. */
function isBelowSign(e: Expression): boolean {
  if (e.kind !== 'apply' || e.node.op !== 'binary' || e.node.dtype !== 'u32') return false;
  const second = e.args[1];
  if (second.kind !== 'constant') return false;
  const { kind } = e.node.attrs;
  return (
    (kind === 'shr' && second.value >= 1 && second.value < 32) ||
    (kind === 'and' && second.value >= 0 && second.value < 2 ** 31)
  );
}

function compareInstruction(kind: CompareKind, dtype: DType): Instruction {
  if (dtype === 'f32') return `f32x4.${kind}`;
  if (kind === 'eq' || kind === 'ne') return `i32x4.${kind}`;
  return `i32x4.${kind}_${dtype === 'i32' ? 's' : 'u'}`;
}
