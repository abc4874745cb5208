/** Positions that move through memory as the loops of a kernel advance. */
import type { DType } from '../../graph.js';
import { at, type FunctionEmitter, type I32, type I32Local, type Vector } from '../assembler.js';
import type { EmitContext } from './kernel.js';
import { bytesOf } from './lanes.js';
import { type Access, accessesOf, type Expression, indexExpressions } from '../../compiler/expression.js';

/** What a cursor goes through: strides are per axis, in elements of `size` bytes. An index ramp counts as memory of one byte an index. */
interface CursorPlace {
  readonly base: number;
  readonly dtype: DType;
  readonly size: number;
  /** The cursor of the row numbers of a gathered tensor, and the elements from row to row. */
  readonly indirect?: { readonly cursor: Cursor; readonly stride: number };
}

/** A position that moves through memory (or through index values) as the loops advance. */
export class Cursor {
  /** Address at the current outer indices. */
  readonly level: I32Local;
  /** Address that moves in the innermost loop. */
  readonly inner: I32Local;
  /** The value, where it does not change in the innermost loop. */
  hoisted?: Vector;

  constructor(
    f: FunctionEmitter,
    readonly place: CursorPlace,
    readonly strides: readonly number[],
  ) {
    this.level = f.local('i32');
    this.inner = f.local('i32');
  }

  /** Bytes from an index of an axis to the next. */
  step(axis: number): number {
    return (this.strides[axis] ?? 0) * this.place.size;
  }

  /** Whether it stands still along an axis, as do the row numbers that it follows. */
  isInvariant(axis: number): boolean {
    return this.step(axis) === 0 && !this.isScattered(axis);
  }

  /** Whether every element along an axis is in a different row. */
  isScattered(axis: number): boolean {
    return this.place.indirect !== undefined && this.place.indirect.cursor.step(axis) !== 0;
  }

  /** The address of the innermost loop's first element. */
  start(axis: number): I32 {
    const { indirect, size } = this.place;
    if (indirect === undefined || this.isScattered(axis)) return this.level;
    return at(this.level, [indirect.cursor.level.word(), indirect.stride * size]);
  }
}

/** Somewhere that results are stored. */
export interface StoreTarget {
  readonly buffer: Access['buffer'];
  readonly offset: number;
  readonly strides: readonly number[];
}

/** The cursors of all that some expressions read and write, over merged axes. */
export class Cursors {
  readonly list: Cursor[] = [];
  private readonly byKey = new Map<object, Cursor>();

  constructor(
    private readonly f: FunctionEmitter,
    private readonly context: EmitContext,
    expressions: readonly Expression[],
    private readonly groups: readonly (readonly number[])[],
    targets: readonly StoreTarget[] = [],
  ) {
    accessesOf(expressions).forEach((access) => this.add(access));
    for (const ramp of indexExpressions(expressions))
      this.make(ramp, { base: ramp.offset, dtype: 'u32', size: 1 }, ramp.strides);
    targets.forEach((target) => this.add(target));
  }

  of(key: object): Cursor {
    const found = this.byKey.get(key);
    if (!found) throw new Error('internal: access without a cursor');
    return found;
  }

  private add(access: Access | StoreTarget): Cursor {
    const known = this.byKey.get(access);
    if (known !== undefined) return known;
    const { buffer, offset, strides } = access;
    const size = bytesOf(buffer.dtype);
    const rows = 'indirect' in access ? access.indirect : undefined;
    const indirect = rows && { cursor: this.add(rows.index), stride: rows.stride };
    const base = this.context.address(buffer) + offset * size;
    return this.make(access, { base, dtype: buffer.dtype, size, indirect }, strides);
  }

  private make(key: object, place: CursorPlace, strides: readonly number[]): Cursor {
    const along = this.groups.length > 0 ? this.groups.map((g) => strides[g[g.length - 1]]) : [0];
    const made = new Cursor(this.f, place, along);
    this.list.push(made);
    this.byKey.set(key, made);
    return made;
  }

  /** Sets every position to number `unit` of the index space `dims`, whose axes are `axes`. */
  decode(unit: I32, dims: readonly number[], axes: readonly number[]): void {
    const { f, list } = this;
    for (const c of list) f.assign(c.level, c.place.base);
    const [rest, index] = f.i32Locals(2);
    f.assign(rest, unit);
    for (let d = dims.length - 1; d >= 0; d--) {
      f.assign(index, d === 0 ? rest : rest.modulo(dims[d]));
      if (d > 0) f.assign(rest, rest.over(dims[d]));
      for (const c of list) this.moveBy(c, index, c.step(axes[d]));
    }
  }

  /** Moves every position along an axis by a number of steps of `size` elements. */
  move(axis: number, steps: I32, size: number): void {
    for (const c of this.list) this.moveBy(c, steps, c.step(axis) * size);
  }

  private moveBy(c: Cursor, count: I32, bytes: number): void {
    if (bytes !== 0) this.f.assign(c.level, at(c.level, [count, bytes]));
  }

  /** Moves every outer position along an axis. */
  step(axis: number, elements = 1): void {
    for (const c of this.list) this.f.bump(c.level, elements * c.step(axis));
  }

  /** A loop over an axis that leaves the positions where they were. */
  eachAlong(axis: number, length: number, body: () => void): void {
    this.f.repeat(length, () => {
      body();
      this.step(axis);
    });
    this.step(axis, -length);
  }

  /** Sets the inner positions at the start of the innermost loop along `axis`. */
  enter(axis: number): void {
    for (const c of this.list) this.f.assign(c.inner, c.start(axis));
  }

  /** Moves the inner positions on. */
  advance(axis: number, elements: number): void {
    for (const c of this.list) this.f.bump(c.inner, elements * c.step(axis));
  }
}
