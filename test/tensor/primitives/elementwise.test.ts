import { describe, expect, it } from 'vitest';
import {
  abs,
  add,
  bitAnd,
  bitOr,
  bitXor,
  cast,
  constant,
  cos,
  div,
  type DType,
  eq,
  erf,
  exp,
  expm1,
  floor,
  ge,
  gt,
  input,
  le,
  log,
  log1p,
  lt,
  maximum,
  minimum,
  mul,
  ne,
  neg,
  type Node,
  not,
  pow,
  randomBits,
  select,
  shiftLeft,
  shiftRight,
  sign,
  sin,
  sqrt,
  stopGradient,
  sub,
  tanh,
  threefry2x32,
} from '../../../src/tensor/index.js';
import { valueOf, valueWith } from '../helpers/value-of.js';

const vector = (values: readonly number[], dtype: DType = 'f32'): Node => constant(values, [values.length], dtype);

describe('unary operations have the values of PyTorch in float64', () => {
  it.each<[string, (x: Node) => Node, number[], number[]]>([
    ['neg', neg, [1, -2, 0], [-1, 2, -0]],
    ['abs', abs, [1, -2, -0], [1, 2, 0]],
    ['sign', sign, [3, -2, 0], [1, -1, 0]],
    ['floor', floor, [1.5, -1.5, 2], [1, -2, 2]],
    ['sqrt', sqrt, [0.25, 0.3, 2.5], [0.5, 0.5477225575051661, 1.5811388300841898]],
    ['exp', exp, [-1.2, 0.3, 2.5], [0.30119421191220214, 1.3498588075760032, 12.182493960703473]],
    ['expm1', expm1, [0, 1e-8, 0.3, -1.2], [0, 1.0000000050000001e-8, 0.3498588075760031, -0.6988057880877979]],
    ['log', log, [0.25, 0.3, 2.5], [-1.3862943611198906, -1.2039728043259361, 0.9162907318741551]],
    ['log1p', log1p, [0.25, 0.3, 2.5], [0.22314355131420976, 0.26236426446749106, 1.252762968495368]],
    ['tanh', tanh, [-1.2, 0.3, 2.5], [-0.8336546070121552, 0.2913126124515909, 0.9866142981514303]],
    ['sin', sin, [-1.2, 0.3, 2.5], [-0.9320390859672263, 0.29552020666133955, 0.5984721441039564]],
    ['cos', cos, [-1.2, 0.3, 2.5], [0.3623577544766736, 0.955336489125606, -0.8011436155469337]],
    [
      'erf',
      erf,
      [0, 1e-8, 0.3, -1.2, 2.4, 2.6, 4.5, -6.5],
      [0, 1.1283791670955126e-8, 0.3286267594591274, -0.9103139782296354, 0.999311486103355, 0.9997639655834707, 0.9999999998033839, -1], // prettier-ignore
    ],
  ])('%s', (_name, operation, x, expected) => {
    const values = valueWith([x.length], x, operation);
    values.forEach((v, i) => expect(Math.abs(v - expected[i])).toBeLessThanOrEqual(4e-16 * Math.max(1, Math.abs(expected[i])))); // prettier-ignore
  });

  it('not', () => {
    expect(valueOf(not(vector([0, 1, 1], 'bool')))).toEqual([1, 0, 0]);
  });

  it('refuse types that they have no meaning for', () => {
    expect(() => exp(input('x', [2], 'i32'))).toThrow('exp needs f32, got i32');
    expect(() => neg(input('x', [2], 'u32'))).toThrow('neg needs f32 or i32, got u32');
    expect(() => not(input('x', [2]))).toThrow('not needs bool, got f32');
  });
});

describe('binary operations', () => {
  it.each<[string, (a: Node, b: Node) => Node, number[]]>([
    ['add', add, [5, 1, -1.5]],
    ['sub', sub, [1, -5, -2.5]],
    ['mul', mul, [6, -6, -1]],
    ['div', div, [1.5, -2 / 3, -4]],
    ['maximum', maximum, [3, 3, 0.5]],
    ['minimum', minimum, [2, -2, -2]],
  ])('%s', (_name, operation, expected) => {
    expect(valueOf(operation(vector([3, -2, -2]), vector([2, 3, 0.5])))).toEqual(expected);
  });

  it('pow', () => {
    expect(valueOf(pow(vector([2, 4, 9]), vector([3, -1, 0.5])))).toEqual([8, 0.25, 3]);
    expect(valueWith([2], [-2, 3], (x) => pow(x, 3))).toEqual([-8, 27]);
    expect(valueWith([2], [-2, 3], (x) => pow(x, 2))).toEqual([4, 9]);
    expect(valueWith([2], [4, 16], (x) => pow(x, 0.5))).toEqual([2, 4]);
    expect(valueWith([2], [4, -2], (x) => pow(x, -1))).toEqual([0.25, -0.5]);
  });

  it('let NaN through, also maximum and minimum', () => {
    for (const operation of [add, mul, maximum, minimum]) {
      expect(valueOf(operation(vector([NaN, 1]), vector([1, NaN])))).toEqual([NaN, NaN]);
    }
  });

  it('wrap whole numbers around', () => {
    expect(valueOf(add(vector([2 ** 31 - 1], 'i32'), vector([1], 'i32')))).toEqual([-(2 ** 31)]);
    expect(valueOf(sub(vector([0], 'u32'), vector([1], 'u32')))).toEqual([2 ** 32 - 1]);
    expect(valueOf(mul(vector([0xffffffff], 'u32'), vector([0xfffffffe], 'u32')))).toEqual([2]);
    expect(valueOf(div(vector([-7, 7], 'i32'), vector([2, 2], 'i32')))).toEqual([-3, 3]);
  });

  it('work on bits', () => {
    const [a, b] = [vector([0b1100, 0x80000000], 'u32'), vector([0b1010, 0xffffffff], 'u32')];
    expect(valueOf(bitAnd(a, b))).toEqual([0b1000, 0x80000000]);
    expect(valueOf(bitOr(a, b))).toEqual([0b1110, 0xffffffff]);
    expect(valueOf(bitXor(a, b))).toEqual([0b0110, 0x7fffffff]);
    expect(valueOf(shiftLeft(a, vector([1, 1], 'u32')))).toEqual([0b11000, 0]);
    expect(valueOf(shiftRight(a, vector([2, 31], 'u32')))).toEqual([0b11, 1]);
    expect(valueOf(bitAnd(vector([1, 0], 'bool'), vector([1, 1], 'bool')))).toEqual([1, 0]);
  });

  it('broadcast operands and take numbers in the type of the other', () => {
    expect(valueOf(add(constant([1, 2], [2, 1]), constant([10, 20, 30], [3])))).toEqual([11, 21, 31, 12, 22, 32]);
    expect(add(vector([1, 2], 'i32'), 1).dtype).toBe('i32');
    expect(valueOf(sub(1, vector([1, 2])))).toEqual([0, -1]);
  });

  it('refuse shapes and types that do not fit', () => {
    expect(() => add(input('a', [2, 3]), input('b', [4]))).toThrow(
      'add: shapes [2, 3] and [4] do not fit; sizes must be equal or 1, counted from the right',
    );
    expect(() => add(input('a', [2]), input('b', [2], 'i32'))).toThrow('add: operands of types f32 and i32');
    expect(() => add(input('a', [2], 'u8'), 1)).toThrow('add needs f32 or i32 or u32, got u8');
    expect(() => bitAnd(input('a', [2]), 1)).toThrow('and needs i32 or u32 or bool, got f32');
    expect(() => pow(input('a', [2], 'i32'), 3)).toThrow('pow needs f32, got i32');
  });
});

describe('comparisons', () => {
  it.each<[string, (a: Node, b: Node) => Node, number[]]>([
    ['eq', eq, [0, 1, 0, 0]],
    ['ne', ne, [1, 0, 1, 1]],
    ['lt', lt, [1, 0, 0, 0]],
    ['le', le, [1, 1, 0, 0]],
    ['gt', gt, [0, 0, 1, 0]],
    ['ge', ge, [0, 1, 1, 0]],
  ])('%s, with NaN unequal to everything', (_name, operation, expected) => {
    const result = operation(vector([1, 2, 3, NaN]), vector([2, 2, 2, NaN]));
    expect(valueOf(result)).toEqual(expected);
    expect(result.dtype).toBe('bool');
  });

  it('take u32 as unsigned', () => {
    expect(valueOf(lt(vector([1], 'u32'), vector([0x80000000], 'u32')))).toEqual([1]);
  });

  it('refuse operands of different types', () => {
    expect(() => lt(input('a', [2]), input('b', [2], 'i32'))).toThrow('lt: operands of types f32 and i32');
  });
});

describe('select', () => {
  it('takes either value, broadcasting all three', () => {
    expect(valueOf(select(constant([1, 0], [2, 1], 'bool'), vector([1, 2]), -1))).toEqual([1, 2, -1, -1]);
    expect(valueOf(select(vector([1, 0], 'bool'), 5, 7))).toEqual([5, 7]);
  });

  it('does not let through what it leaves out', () => {
    expect(valueOf(select(vector([1, 0], 'bool'), vector([1, NaN]), vector([Infinity, 2])))).toEqual([1, 2]);
  });

  it('refuses operands that do not fit', () => {
    expect(() => select(input('c', [2]), 1, 2)).toThrow('the condition of select needs bool, got f32');
    expect(() => select(input('c', [3], 'bool'), input('a', [2]), 1)).toThrow(
      'select: a condition of [3] does not fit values of [2]',
    );
    expect(() => select(input('c', [2], 'bool'), input('a', [2]), input('b', [2], 'i32'))).toThrow(
      'select: operands of types f32 and i32',
    );
  });
});

describe('cast', () => {
  it('truncates floats towards zero', () => {
    expect(valueOf(cast(vector([1.9, -1.9, 0.5]), 'i32'))).toEqual([1, -1, 0]);
    expect(valueOf(cast(vector([1.9, 3e9]), 'u32'))).toEqual([1, 3e9]);
    expect(valueOf(cast(vector([254.7]), 'u8'))).toEqual([254]);
  });

  it('makes non-zero true', () => {
    expect(valueOf(cast(vector([0, -0, 0.25, -3, NaN]), 'bool'))).toEqual([0, 0, 1, 1, 1]);
    expect(valueOf(cast(vector([0, 256], 'i32'), 'bool'))).toEqual([0, 1]);
  });

  it('gives floats exactly, and nothing to do for the same type', () => {
    expect(valueOf(cast(vector([255, 0], 'u8'), 'f32'))).toEqual([255, 0]);
    expect(valueOf(cast(vector([0xffffff00], 'u32'), 'f32'))).toEqual([0xffffff00]);
    const x = input('x', [2]);
    expect(cast(x, 'f32')).toBe(x);
  });
});

describe('stopGradient', () => {
  it('is x itself', () => {
    expect(valueOf(stopGradient(vector([1, 2])))).toEqual([1, 2]);
  });
});

describe('randomBits', () => {
  it('is the first word of Threefry at (counter, stream)', () => {
    const bits = randomBits(vector([7, 9], 'u32'), vector([0, 1, 0xffffffff], 'u32'), 42);
    expect(valueOf(bits)).toEqual([0, 1, 0xffffffff].map((c) => threefry2x32(7, 9, c, 42)[0]));
    expect(bits.dtype).toBe('u32');
  });

  it('refuses other keys and counters', () => {
    const counter = input('c', [3], 'u32');
    expect(() => randomBits(input('k', [2]), counter, 0)).toThrow('random_bits needs a key of two u32 words');
    expect(() => randomBits(input('k', [3], 'u32'), counter, 0)).toThrow('random_bits needs a key of two u32 words');
    expect(() => randomBits(input('k', [2], 'u32'), input('c', [3]), 0)).toThrow(
      'the counter of random_bits needs u32, got f32',
    );
  });
});
