import { describe, expect, it } from 'vitest';
import {
  at,
  type FunctionEmitter,
  i32,
  type I32,
  type I32Local,
  ModuleEmitter,
} from '../../../src/tensor/wasm/assembler.js';

/** Runs a function of two whole numbers made by `emit`, which leaves its result on the stack. */
function run(emit: (f: FunctionEmitter, a: I32Local, b: I32Local) => unknown, a: number, b: number): number {
  const module = new ModuleEmitter();
  module.function({ parameters: ['i32', 'i32'], results: ['i32'], export: 'run' }, (f, x, y) => void emit(f, x, y));
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  new Int32Array(memory.buffer).set([10, 20, 30, 40]);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes(false)), { env: { memory } });
  return (exports.run as (a: number, b: number) => number)(a, b);
}

const valueOf = (formula: (a: I32, b: I32) => I32, a: number, b: number): number =>
  run((f, x, y) => f.value(formula(x, y)), a, b);

describe('a formula of whole numbers', () => {
  it.each<[string, (a: I32, b: I32) => I32, number, number, number]>([
    ['plus, times', (a, b) => a.times(3).plus(b), 5, 4, 19],
    ['minus', (a, b) => a.minus(b).minus(1), 5, 9, -5],
    ['over, modulo', (a, b) => a.over(b).times(100).plus(a.modulo(b)), 17, 5, 302],
    ['shiftedRight of a negative number rounds down', (a) => a.shiftedRight(1), -3, 0, -2],
    ['atMost', (a, b) => a.atMost(b), -7, 3, -7],
    ['atLeast', (a, b) => a.atLeast(b), -7, 3, 3],
    ['equals', (a, b) => a.equals(b), 4, 4, 1],
    ['isLess counts with a sign', (a, b) => a.isLess(b), -1, 0, 1],
    ['isGreater', (a, b) => a.isGreater(b), 3, 3, 0],
    ['isNotLess', (a, b) => a.isNotLess(b), 3, 3, 1],
    ['isBelow is false for a negative number', (a, b) => a.isBelow(b), -1, 5, 0],
    ['isZero', (a) => a.isZero(), 0, 0, 1],
    ['and', (a, b) => a.isLess(5).and(b.isLess(5)), 4, 6, 0],
    ['word reads memory', (a) => a.times(4).word(4), 1, 0, 30],
    ['a constant on the left', (a) => i32(100).minus(a), 30, 0, 70],
  ])('%s', (_name, formula, a, b, expected) => {
    expect(valueOf(formula, a, b)).toBe(expected);
  });

  it('can be used twice: it is a description, not code', () => {
    const twice = (a: I32): I32 => {
      const sum = a.plus(1);
      return sum.times(sum);
    };
    expect(valueOf(twice, 6, 0)).toBe(49);
  });
});

describe('at', () => {
  it('adds index times stride to the base', () => {
    expect(valueOf((row, column) => at(1000, [row, 40], [column, 4]), 3, 2)).toBe(1128);
  });

  it('leaves out an index that does not move the address', () => {
    const address = (row: I32, column: I32): I32 => at(1000, [row, 0], [column, 4]);
    expect(valueOf(address, 3, 2)).toBe(1008);
    expect(address(i32(3), i32(2)).steps).toEqual(at(1000, [i32(2), 4]).steps);
  });
});

describe('loops', () => {
  /** Adds up what `loop` passes to `visit`. */
  const sumOf =
    (loop: (f: FunctionEmitter, a: I32Local, b: I32Local, visit: (x: I32 | number) => void) => void) =>
    (f: FunctionEmitter, a: I32Local, b: I32Local): FunctionEmitter => {
      const sum = f.let(0);
      loop(f, a, b, (x) => f.assign(sum, sum.plus(x)));
      return f.get(sum);
    };

  it('upTo goes from the counter to the end, which it does not reach', () => {
    const loop = sumOf((f, a, b, visit) => f.upTo(b, a, 2, () => visit(a)));
    expect(run(loop, 1, 6)).toBe(1 + 3 + 5);
  });

  it('countDown runs as often as the count says', () => {
    const loop = sumOf((f, a, _b, visit) => f.countDown(a, () => visit(1)));
    expect(run(loop, 7, 0)).toBe(7);
  });

  it.each([1, 2, 9])('repeat runs %i times', (times) => {
    const loop = sumOf((f, a, _b, visit) => f.repeat(times, () => visit(a)));
    expect(run(loop, 5, 0)).toBe(5 * times);
  });

  it('doWhile looks at the condition after each pass', () => {
    const loop = sumOf((f, a, b, visit) =>
      f.doWhile(() => {
        visit(a);
        f.bump(a, 10);
      }, a.isLess(b)),
    );
    expect(run(loop, 50, 20)).toBe(50);
    expect(run(loop, 0, 20)).toBe(10);
  });

  it('when takes one of two ways', () => {
    const larger = sumOf((f, a, b, visit) => f.when(a.isLess(b), () => visit(b), () => visit(a))); // prettier-ignore
    expect(run(larger, 3, 8)).toBe(8);
    expect(run(larger, 8, 3)).toBe(8);
  });
});
