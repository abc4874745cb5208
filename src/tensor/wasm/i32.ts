/**
 * Whole numbers that emitted code computes: addresses, indices, counts and conditions. They are written as formulas, such as
 * `sample.times(height).plus(row).times(rowBytes)`, and emitted in the order in which a formula is read.
 */
import type { Instruction } from './instructions.js';

/** One instruction of a formula. */
export type I32Step =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'local'; readonly index: number }
  | { readonly kind: 'operation'; readonly name: Extract<Instruction, `i32.${string}` | 'select'> }
  | { readonly kind: 'load'; readonly offset: number };

/** A variable of a function. */
export interface Local<T extends string = string> {
  readonly index: number;
  readonly type: T;
}

export class I32 {
  constructor(readonly steps: readonly I32Step[]) {}

  plus(other: I32 | number): I32 {
    return this.with(other, 'i32.add');
  }

  minus(other: I32 | number): I32 {
    return this.with(other, 'i32.sub');
  }

  times(other: I32 | number): I32 {
    return this.with(other, 'i32.mul');
  }

  /** The quotient, rounded down, of numbers that are not negative. */
  over(other: I32 | number): I32 {
    return this.with(other, 'i32.div_u');
  }

  /** The remainder of numbers that are not negative. */
  modulo(other: I32 | number): I32 {
    return this.with(other, 'i32.rem_u');
  }

  /** The quotient, rounded down, by 2^bits. */
  shiftedRight(bits: number): I32 {
    return this.with(bits, 'i32.shr_s');
  }

  /** The smaller of the two; both are computed twice. */
  atMost(other: I32 | number): I32 {
    return this.chosen(other, 'i32.lt_s');
  }

  /** The larger of the two; both are computed twice. */
  atLeast(other: I32 | number): I32 {
    return this.chosen(other, 'i32.gt_s');
  }

  equals(other: I32 | number): I32 {
    return this.with(other, 'i32.eq');
  }

  isLess(other: I32 | number): I32 {
    return this.with(other, 'i32.lt_s');
  }

  isGreater(other: I32 | number): I32 {
    return this.with(other, 'i32.gt_s');
  }

  isNotLess(other: I32 | number): I32 {
    return this.with(other, 'i32.ge_s');
  }

  /** Whether 0 <= this < limit. */
  isBelow(limit: I32 | number): I32 {
    return this.with(limit, 'i32.lt_u');
  }

  isZero(): I32 {
    return new I32([...this.steps, { kind: 'operation', name: 'i32.eqz' }]);
  }

  /** Both conditions. */
  and(other: I32): I32 {
    return this.with(other, 'i32.and');
  }

  /** The word in memory at this address. */
  word(offset = 0): I32 {
    return new I32([...this.steps, { kind: 'load', offset }]);
  }

  private with(other: I32 | number, name: `i32.${string}` & Instruction): I32 {
    return new I32([...this.steps, ...i32(other).steps, { kind: 'operation', name }]);
  }

  private chosen(other: I32 | number, name: 'i32.lt_s' | 'i32.gt_s'): I32 {
    const both = [...this.steps, ...i32(other).steps];
    return new I32([...both, ...both, { kind: 'operation', name }, { kind: 'operation', name: 'select' }]);
  }
}

/** A variable that holds a whole number. */
export class I32Local extends I32 implements Local<'i32'> {
  readonly type = 'i32';

  constructor(readonly index: number) {
    super([{ kind: 'local', index }]);
  }
}

/** Wraps a number that is known when code is emitted. */
export const i32 = (value: I32 | number): I32 =>
  typeof value === 'number' ? new I32([{ kind: 'constant', value }]) : value;

/**
 * Where an element of an array lies: `at(base, [row, rowBytes], [column, 4])` is base + row * rowBytes + column * 4. An index that
 * never moves the address (its stride is 0) is left out.
 */
export const at = (base: I32 | number, ...terms: readonly (readonly [index: I32, stride: number])[]): I32 =>
  terms.reduce((sum, [index, stride]) => (stride === 0 ? sum : sum.plus(index.times(stride))), i32(base));
