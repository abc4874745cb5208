/** Element-wise kernels: a loop nest whose innermost loop goes over vectors of four neighbouring elements. */
import type { DType, Node } from '../../graph.js';
import { type Shape, sizeOf, stridesOf } from '../../shape.js';
import type { FunctionEmitter, ModuleEmitter } from '../assembler.js';
import {
  bytesOf,
  emitLoad,
  emitLoadLanes,
  emitLoadSplat,
  emitStore,
  ExpressionEmitter,
  type MovingPoint,
} from './expression.js';
import {
  type Access,
  accessesOf,
  collapse,
  type Expression,
  indexExpressions,
  type IndexExpression,
} from '../../compiler/expression.js';
import type { LoopKernel } from '../../compiler/kernel.js';
import type { MathLibrary } from './math.js';
import type { Features } from '../features.js';

/** What emitters need to know of the module they write into. */
export interface EmitContext {
  readonly module: ModuleEmitter;
  readonly math: MathLibrary;
  readonly features: Features;
  /** Absolute address of a node's buffer in bytes. */
  address(node: Node): number;
}

/** A function (begin, end, scratch) over units of independent work, and what one unit costs. */
export interface EmittedKernel {
  readonly function: number;
  readonly units: number;
  /** Rough cost of a unit in vector operations. */
  readonly unitCost: number;
  /** Bytes of scratch memory that each thread needs. */
  readonly scratch: number;
}

/** Elements of a flat loop that make up one unit. */
const BLOCK = 1024;

/** A position that moves through memory (or through index values) as the loops advance. Strides are per axis, in elements. */
export interface Cursor {
  readonly base: number;
  readonly strides: readonly number[];
  readonly dtype: DType;
  readonly size: number;
  readonly indirect?: { readonly cursor: Cursor; readonly stride: number };
  /** Local that holds the address at the current outer indices. */
  level: number;
  /** Local that moves in the innermost loop. */
  inner: number;
  /** Local with the hoisted value, where it does not change in the innermost loop. */
  hoisted?: number;
}

export interface LoopBody {
  readonly shape: Shape;
  readonly expressions: readonly Expression[];
  /** Where each expression's value goes. */
  readonly targets: readonly { buffer: Node; offset: number; strides: readonly number[] }[];
}

export function emitLoopKernel(context: EmitContext, kernel: LoopKernel): EmittedKernel {
  const strides = stridesOf(kernel.shape);
  return emitLoop(context, {
    shape: kernel.shape,
    expressions: kernel.expressions,
    targets: kernel.outputs.map((buffer) => ({ buffer, offset: 0, strides })),
  });
}

/** The cursors of all accesses and index ramps of some expressions, over merged axes. */
export class Cursors {
  readonly list: Cursor[] = [];
  private readonly byKey = new Map<object, Cursor>();

  constructor(private readonly groups: readonly (readonly number[])[]) {}

  add(key: object, place: Pick<Cursor, 'base' | 'dtype' | 'size' | 'indirect'>, strides: readonly number[]): Cursor {
    const along = this.groups.length > 0 ? this.groups.map((g) => strides[g[g.length - 1]]) : [0];
    const made: Cursor = { ...place, strides: along, level: 0, inner: 0 };
    this.list.push(made);
    this.byKey.set(key, made);
    return made;
  }

  of(key: object): Cursor {
    const found = this.byKey.get(key);
    if (!found) throw new Error('internal: access without a cursor');
    return found;
  }

  has(key: object): boolean {
    return this.byKey.has(key);
  }

  declare(f: FunctionEmitter): void {
    for (const c of this.list) {
      c.level = f.local('i32');
      c.inner = f.local('i32');
    }
  }

  /** Sets the inner positions at the start of the innermost loop along `axis`. */
  enter(f: FunctionEmitter, axis: number): void {
    for (const c of this.list) {
      f.get(c.level);
      if (c.indirect && (c.indirect.cursor.strides[axis] ?? 0) === 0) {
        f.get(c.indirect.cursor.level)
          .mem('i32.load')
          .i32(c.indirect.stride * c.size)
          .op('i32.mul', 'i32.add');
      }
      f.set(c.inner);
    }
  }

  advance(f: FunctionEmitter, elements: number, axis: number): void {
    for (const c of this.list) f.bump(c.inner, elements * (c.strides[axis] ?? 0) * c.size);
  }
}

/** Cursors for everything that `expressions` read. */
export function makeCursors(
  context: EmitContext,
  expressions: readonly Expression[],
  groups: readonly (readonly number[])[],
): Cursors {
  const cursors = new Cursors(groups);
  const place = (a: Access): Cursor => {
    if (cursors.has(a)) return cursors.of(a);
    const { dtype } = a.buffer;
    const size = bytesOf(dtype);
    const indirect = a.indirect && { cursor: place(a.indirect.index), stride: a.indirect.stride };
    return cursors.add(a, { base: context.address(a.buffer) + a.offset * size, dtype, size, indirect }, a.strides);
  };
  accessesOf(expressions).forEach(place);
  for (const e of indexExpressions(expressions)) cursors.add(e, { base: e.offset, dtype: 'u32', size: 1 }, e.strides);
  return cursors;
}

export function emitLoop(context: EmitContext, body: LoopBody): EmittedKernel {
  const accesses = accessesOf(body.expressions);
  const indices = indexExpressions(body.expressions);
  const all = [
    ...accesses.map((a) => a.strides),
    ...body.targets.map((t) => t.strides),
    ...indices.map((i) => i.strides),
  ];
  const { shape: merged, groups } = collapse(body.shape, all);
  const dims = merged.length > 0 ? merged : [1];
  const cursors = makeCursors(context, body.expressions, groups);
  const targets = body.targets.map((t) => {
    const size = bytesOf(t.buffer.dtype);
    return cursors.add(
      t,
      { base: context.address(t.buffer) + t.offset * size, dtype: t.buffer.dtype, size },
      t.strides,
    );
  });

  const last = dims.length - 1;
  const length = dims[last];
  const flat = dims.length === 1;
  // Outer axes that are cut into units; the rest are loops of their own inside a unit.
  let cut = 0;
  for (let product = 1; !flat && cut < last && product < 64;) product *= dims[cut++];
  const units = flat ? Math.ceil(length / BLOCK) : sizeOf(dims.slice(0, cut));

  const { wide } = context.features;
  const scratch = wide && targets.some((t) => t.strides[last] !== 1) ? 32 * targets.length : 0;
  const loads = accesses.filter((a) => !accesses.some((b) => b.indirect?.index === a));
  let size = 0;
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const emitter = new ExpressionEmitter(f, context.math, body.expressions, wide);
    size = emitter.size + body.targets.length;
    const { list } = cursors;
    cursors.declare(f);
    const point = new LoopPoint(f, cursors, last);
    // Two vectors at a time, whose stores come last and in pairs: so V8's revectorizer makes 256-bit operations of them.
    const group = (lanes: number, vectors: number): void => {
      point.lanes = lanes;
      point.loadAhead([], []);
      emitter.drawAhead(point, vectors, (u) => (point.vector = u));
      for (let first = 0; first < vectors; first += 2) {
        const pair = first + 1 < vectors ? [first, first + 1] : [first];
        if (wide) point.loadAhead(loads, pair);
        const values = pair.map((u) => {
          emitter.begin(u);
          point.vector = u;
          return body.expressions.map((e, i) => {
            emitter.emit(e, point, body.targets[i].buffer.dtype);
            const value = f.local('v128');
            f.set(value);
            return value;
          });
        });
        // All loads come before the first store: a state updated in place is read before it is written.
        if (scratch > 0 && pair.length === 2) throughScratch(f, values);
        targets.forEach((t, i) => {
          const stride = t.strides[last];
          pair.forEach((u, k) => emitStore(f, t.dtype, t.inner, values[k][i], lanes, stride, u * 4 * stride * t.size));
        });
      }
      cursors.advance(f, vectors * 4, last);
    };
    const unroll = unrolled(size, wide, emitter.hasDraws);
    const enter = (): void => {
      cursors.enter(f, last);
      point.hoist(accesses);
      emitter.computeFixed(point);
    };

    if (flat) {
      const first = f.local('i32');
      const count = f.local('i32');
      const step = (c: Cursor): number => c.strides[0] * c.size;
      f.get(0).i32(BLOCK).op('i32.mul').set(first);
      for (const c of list) f.i32(c.base).get(first).i32(step(c)).op('i32.mul', 'i32.add').set(c.level);
      // vectors = (min(end * BLOCK, length) - first) / 4
      const stop = f.local('i32');
      f.get(1).i32(BLOCK).op('i32.mul').tee(stop).i32(length).get(stop).i32(length).op('i32.lt_s', 'select').get(first);
      f.op('i32.sub').i32(2).op('i32.shr_s').set(count);
      enter();
      dynamicLoop(f, count, unroll, () => group(4, unroll));
      if (unroll > 1) dynamicLoop(f, count, 1, () => group(4, 1));
      if (length % 4 !== 0)
        f.get(1)
          .i32(units)
          .op('i32.eq')
          .if(() => group(length % 4, 1));
      return;
    }
    const outer = Array.from({ length: cut }, (_, d) => d);
    eachUnit(f, (unit) => {
      decode(f, unit, dims.slice(0, cut), list, outer);
      const nest = (axis: number): void => {
        if (axis < last) {
          f.countedLoop(dims[axis], () => {
            nest(axis + 1);
            for (const c of list) f.bump(c.level, c.strides[axis] * c.size);
          });
          for (const c of list) f.bump(c.level, -dims[axis] * c.strides[axis] * c.size);
          return;
        }
        enter();
        const vectors = length >> 2;
        const rounds = Math.floor(vectors / unroll);
        if (rounds > 0) f.countedLoop(rounds, () => group(4, unroll));
        if (vectors % unroll > 0) group(4, vectors % unroll);
        if (length % 4 !== 0) group(length % 4, 1);
      };
      nest(cut);
    });
  });
  const perUnit = flat ? Math.min(BLOCK, length) : sizeOf(dims.slice(cut));
  return { function: index, units, unitCost: (perUnit / 4) * (size + accesses.length), scratch };
}

/** How many vectors a pass of the innermost loop computes: at least a pair where there are pairs, unless that is very much code. */
function unrolled(size: number, wide: boolean, hasDraws: boolean): number {
  if (size <= 12 || (wide && hasDraws && size <= 50)) return 4;
  return size <= (wide ? 200 : 30) ? 2 : 1;
}

/**
 * Takes vectors (a list of locals for each of a pair) through the scratch memory: the revectorizer looks for pairs where vectors are
 * stored, and finds none where single lanes are.
 */
function throughScratch(f: FunctionEmitter, [first, second]: readonly (readonly number[])[]): void {
  const slots = first.flatMap((local, i) => [
    { local, at: 32 * i },
    { local: second[i], at: 32 * i + 16 },
  ]);
  for (const { local, at } of slots) f.get(2).get(local).mem('v128.store', at);
  for (const { local, at } of slots) f.get(2).mem('v128.load', at).set(local);
}

/** One kernel of the units of several, in their order. */
export function emitOneAfterAnother(context: EmitContext, kernels: readonly EmittedKernel[]): EmittedKernel {
  if (kernels.length === 1) return kernels[0];
  const units = kernels.reduce((sum, k) => sum + k.units, 0);
  const index = context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f) => {
    const [begin, end] = [f.local('i32'), f.local('i32')];
    let start = 0;
    for (const kernel of kernels) {
      // The part of [first argument, second) that falls to this kernel.
      f.get(0).i32(start).op('i32.sub').tee(begin).i32(0).get(begin).i32(0).op('i32.gt_s', 'select').set(begin);
      f.get(1).i32(start).op('i32.sub').tee(end).i32(kernel.units).get(end).i32(kernel.units);
      f.op('i32.lt_s', 'select').set(end);
      f.get(begin).get(end).op('i32.lt_s').if(() => f.get(begin).get(end).get(2).call(kernel.function)); // prettier-ignore
      start += kernel.units;
    }
  });
  return {
    function: index,
    units,
    unitCost: kernels.reduce((sum, k) => sum + k.units * k.unitCost, 0) / units,
    scratch: Math.max(...kernels.map((k) => k.scratch)),
  };
}

/** Runs `body` for every unit from the function's first argument up to its second. */
export function eachUnit(f: FunctionEmitter, body: (unit: number) => void): void {
  const unit = f.local('i32');
  f.get(0).set(unit);
  f.get(0)
    .get(1)
    .op('i32.lt_s')
    .if(() => {
      f.loop(() => {
        body(unit);
        f.get(unit).i32(1).op('i32.add').tee(unit).get(1).op('i32.lt_s').branchIf(0);
      });
    });
}

/** while (count >= step) { body; count -= step } */
function dynamicLoop(f: FunctionEmitter, count: number, step: number, body: () => void): void {
  f.get(count)
    .i32(step)
    .op('i32.ge_s')
    .if(() => {
      f.loop(() => {
        body();
        f.get(count).i32(step).op('i32.sub').tee(count).i32(step).op('i32.ge_s').branchIf(0);
      });
    });
}

/** Sets every cursor's level to its position at number `unit` (a local) of the index space `dims`, whose axes are `axes`. */
export function decode(
  f: FunctionEmitter,
  unit: number,
  dims: readonly number[],
  cursors: readonly Cursor[],
  axes: readonly number[],
): void {
  for (const c of cursors) f.i32(c.base).set(c.level);
  const rest = f.local('i32');
  const index = f.local('i32');
  f.get(unit).set(rest);
  for (let d = dims.length - 1; d >= 0; d--) {
    if (d === 0) f.get(rest).set(index);
    else {
      f.get(rest).i32(dims[d]).op('i32.rem_u').set(index);
      f.get(rest).i32(dims[d]).op('i32.div_u').set(rest);
    }
    for (const c of cursors) {
      const stride = c.strides[axes[d]] * c.size;
      if (stride !== 0) f.get(c.level).get(index).i32(stride).op('i32.mul', 'i32.add').set(c.level);
    }
  }
}

/** Delivers loads at the innermost loop's current vector. */
export class LoopPoint implements MovingPoint {
  lanes = 4;
  vector = 0;
  /** Locals with the loaded vectors of each access. */
  private readonly ahead = new Map<Access, ReadonlyMap<number, number>>();

  constructor(
    private readonly f: FunctionEmitter,
    private readonly cursors: Cursors,
    private readonly axis: number,
  ) {}

  /** Loads once, before the innermost loop, what does not change in it. */
  hoist(accesses: readonly Access[]): void {
    for (const access of accesses) {
      const c = this.cursors.of(access);
      if (!this.isInvariant(c)) continue;
      c.hoisted ??= this.f.local('v128');
      this.f.get(c.inner);
      emitLoadSplat(this.f, c.dtype, 0);
      this.f.set(c.hoisted);
    }
  }

  isFixed(leaf: Exclude<Expression, { kind: 'apply' }>): boolean {
    if (leaf.kind === 'load') return this.isInvariant(this.cursors.of(leaf.access));
    return leaf.kind === 'constant' || (leaf.kind === 'index' && this.cursors.of(leaf).strides[this.axis] === 0);
  }

  private isInvariant(c: Cursor): boolean {
    return c.strides[this.axis] === 0 && (!c.indirect || c.indirect.cursor.strides[this.axis] === 0);
  }

  /** Loads what several vectors need, next to one another: the revectorizer pairs no loads with others between them. */
  loadAhead(accesses: readonly Access[], vectors: readonly number[]): void {
    this.ahead.clear();
    for (const access of accesses) {
      if (this.isInvariant(this.cursors.of(access))) continue;
      const locals = vectors.map((vector): [number, number] => {
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
    const { f } = this;
    const c = this.cursors.of(access);
    const local = this.isInvariant(c) ? c.hoisted : this.ahead.get(access)?.get(this.vector);
    if (local !== undefined) {
      f.get(local);
      return;
    }
    const stride = c.strides[this.axis];
    if (c.indirect && c.indirect.cursor.strides[this.axis] !== 0) {
      // Every lane has a row of its own.
      const { cursor: rows, stride: rowStride } = c.indirect;
      const vector = f.local('v128');
      for (let l = 0; l < this.lanes; l++) {
        const element = this.vector * 4 + l;
        f.get(c.inner)
          .i32(element * stride * c.size)
          .op('i32.add');
        f.get(rows.inner)
          .i32(element * rows.strides[this.axis] * 4)
          .op('i32.add')
          .mem('i32.load');
        f.i32(rowStride * c.size)
          .op('i32.mul', 'i32.add')
          .mem(c.size === 1 ? 'i32.load8_u' : 'i32.load');
        if (l === 0) f.op('i32x4.splat').set(vector);
        else {
          const word = f.local('i32');
          f.set(word).get(vector).get(word).lane('i32x4.replace_lane', l).set(vector);
        }
      }
      f.get(vector);
      if (c.dtype === 'bool') f.op('i32x4.neg');
      return;
    }
    if (stride === 1) {
      f.get(c.inner);
      emitLoad(f, c.dtype, this.vector * 4 * c.size);
      return;
    }
    if (this.vector > 0) {
      const moved = f.local('i32');
      f.get(c.inner)
        .i32(this.vector * 4 * stride * c.size)
        .op('i32.add')
        .set(moved);
      emitLoadLanes(f, c.dtype, moved, stride, this.lanes, 0);
      return;
    }
    emitLoadLanes(f, c.dtype, c.inner, stride, this.lanes, 0);
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
