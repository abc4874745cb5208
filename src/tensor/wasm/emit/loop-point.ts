/** The values that a loop's expressions read, at the innermost loop's current vector. */
import { type FunctionEmitter, type Vector } from '../assembler.js';
import type { Cursor, Cursors } from './cursors.js';
import type { MovingPoint } from './expression.js';
import { emitLoad, emitLoadLanes, emitLoadSplat } from './lanes.js';
import type { Access, Expression, IndexExpression } from '../../compiler/expression.js';

export class LoopPoint implements MovingPoint {
  lanes = 4;
  vector = 0;
  /** The loaded vectors of each access. */
  private readonly ahead = new Map<Access, ReadonlyMap<number, Vector>>();

  constructor(
    private readonly f: FunctionEmitter,
    private readonly cursors: Cursors,
    private readonly axis: number,
  ) {}

  /** Hoists invariant loads out of the innermost loop. */
  hoist(accesses: readonly Access[]): void {
    for (const access of accesses) {
      const c = this.cursors.of(access);
      if (!c.isInvariant(this.axis)) continue;
      c.hoisted ??= this.f.local('v128');
      emitLoadSplat(this.f, c.place.dtype, c.inner);
      this.f.set(c.hoisted);
    }
  }

  isFixed(leaf: Exclude<Expression, { kind: 'apply' }>): boolean {
    if (leaf.kind === 'load') return this.cursors.of(leaf.access).isInvariant(this.axis);
    return leaf.kind === 'constant' || (leaf.kind === 'index' && this.cursors.of(leaf).step(this.axis) === 0);
  }

  /** Loads what several vectors need, next to one another: the revectorizer pairs no loads with others between them. */
  loadAhead(accesses: readonly Access[], vectors: readonly number[]): void {
    this.ahead.clear();
    for (const access of accesses) {
      if (this.cursors.of(access).isInvariant(this.axis)) continue;
      const locals = vectors.map((vector): [number, Vector] => {
        const local = this.f.local('v128');
        this.vector = vector;
        this.load(access);
        this.f.set(local);
        return [vector, local];
      });
      this.ahead.set(access, new Map(locals));
    }
  }

  load(access: Access): void {
    const { f, axis } = this;
    const c = this.cursors.of(access);
    const known = c.isInvariant(axis) ? c.hoisted : this.ahead.get(access)?.get(this.vector);
    if (known !== undefined) return void f.get(known);
    if (c.isScattered(axis)) return this.loadScattered(c);
    const first = this.vector * 4 * c.step(axis);
    if (c.strides[axis] === 1) return emitLoad(f, c.place.dtype, c.inner, first);
    const address = this.vector > 0 ? f.let(c.inner.plus(first)) : c.inner;
    emitLoadLanes(f, c.place.dtype, address, c.strides[axis], this.lanes);
  }

  /** Every lane has its own row. */
  private loadScattered(c: Cursor): void {
    const { f, axis } = this;
    const { dtype, size, indirect } = c.place;
    if (indirect === undefined) throw new Error('internal: scattered without rows');
    const vector = f.local('v128');
    for (let l = 0; l < this.lanes; l++) {
      const element = this.vector * 4 + l;
      const rows = indirect.cursor;
      const row = rows.inner.plus(element * rows.step(axis)).word();
      const address = c.inner.plus(element * c.step(axis)).plus(row.times(indirect.stride * size));
      f.load(size === 1 ? 'i32.load8_u' : 'i32.load', address);
      if (l === 0) f.op('i32x4.splat').set(vector);
      else {
        const word = f.local('i32');
        f.set(word).get(vector).get(word).lane('i32x4.replace_lane', l).set(vector);
      }
    }
    f.get(vector);
    if (dtype === 'bool') f.op('i32x4.neg');
  }

  root(): void {
    throw new Error('internal: a loop has no root value');
  }

  index(ramp: IndexExpression): void {
    const { f } = this;
    const c = this.cursors.of(ramp);
    const stride = c.strides[this.axis];
    // One splat for all vectors, whose lanes differ by constants: V8's revectorizer pairs these.
    f.get(c.inner).op('i32x4.splat');
    const first = this.vector * 4;
    if (stride !== 0) f.v128([0, 1, 2, 3].flatMap((l) => int32Bytes((first + l) * stride))).op('i32x4.add');
    if (ramp.dtype === 'f32') f.op('f32x4.convert_i32x4_s');
  }
}

const int32Bytes = (v: number): number[] => [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, (v >>> 24) & 255];
