import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { internedLeaves } from '../../src/tensor/graph.js';
import {
  add,
  broadcastTo,
  concat,
  constant,
  evaluate,
  exp,
  input,
  matmul,
  mul,
  neg,
  type Node,
  pad,
  reduceSum,
  reshape,
  ShapeError,
  sub,
  tanh,
  topologicalOrder,
  transpose,
  withScope,
} from '../../src/tensor/index.js';

describe('hash-consing', () => {
  const x = input('x', [2, 3]);

  it('gives the same node for the same call', () => {
    expect(add(mul(x, 2), 1)).toBe(add(mul(x, 2), 1));
    expect(constant([1, 2, 3], [3])).toBe(constant([1, 2, 3], [3]));
  });

  it('makes a new input at each call: a name alone shares nothing', () => {
    expect(input('x', [2, 3])).not.toBe(x);
  });

  it('distinguishes names, shapes, types, attributes and the order of operands', () => {
    const y = input('y', [2, 3]);
    const nodes = [
      x, y, input('x', [3, 2]), input('x', [2, 3], 'i32'), input('x', [6]),
      sub(x, y), sub(y, x), reduceSum(x, 0), reduceSum(x, 1),
      pad(x, [1, 0], [0, 0]), pad(x, [0, 1], [0, 0]), pad(x, [1, 0], [0, 0], [0, 0], 1),
      concat([x, y], 0), concat([x, y], 1), concat([y, x], 0),
      reshape(x, [6]), reshape(x, [1, 6]), broadcastTo(x, [2, 2, 3]), broadcastTo(x, [3, 2, 3]),
    ]; // prettier-ignore
    expect(new Set(nodes).size).toBe(nodes.length);
  });

  it('keeps constants apart that JSON would merge', () => {
    const values = [0, -0, NaN, Infinity, -Infinity].map((v) => constant(v));
    expect(new Set(values).size).toBe(values.length);
    const inVectors = [0, -0, NaN, Infinity, -Infinity].map((v) => constant([1, v], [2]));
    expect(new Set(inVectors).size).toBe(inVectors.length);
    expect(constant(NaN)).toBe(constant(NaN));
    const evaluated = evaluate(inVectors, () => new Float64Array(0)).map((v) => v[1]);
    expect(evaluated).toEqual([0, -0, NaN, Infinity, -Infinity]);
  });

  it('distinguishes large tables, and reuses equal ones', () => {
    const table = (last: number): Node => constant([...new Array<number>(99).fill(0.5), last], [100]);
    const lasts = [0, -0, NaN, Infinity, 0.5];
    const tables = lasts.map(table);
    expect(new Set(tables).size).toBe(lasts.length);
    lasts.forEach((last, i) => expect(table(last)).toBe(tables[i]));
    expect(constant(new Array<number>(100).fill(0.5), [10, 10])).not.toBe(table(0.5));
    expect(constant(new Array<number>(100).fill(1), [100], 'i32')).not.toBe(constant(new Array<number>(100).fill(1), [100])); // prettier-ignore
  });

  it('frees the leaves of unreachable graphs', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const x = input('x', [100]);
    const before = internedLeaves();
    const held = constant(0.123);
    let most = 0;
    for (let trace = 0; trace < 50; trace++) {
      let y: Node = x;
      for (let i = 0; i < 100; i++) y = mul(add(y, constant(new Array<number>(100).fill(i), [100])), trace + i / 1000); // prettier-ignore
      expect(add(y, held).shape).toEqual([100]);
      collect();
      // Finalizers come in a turn of their own.
      await nextTurn();
      most = Math.max(most, internedLeaves() - before);
    }
    // 50 graphs of 200 leaves, of which a few wait for the next collection.
    expect(most).toBeLessThan(2000);
    expect(constant(0.123)).toBe(held);
  });

  it('keeps padding with -0 and infinities apart', () => {
    const padded = [0, -0, Infinity, -Infinity, NaN].map((v) => pad(x, [1, 0], [0, 0], [0, 0], v));
    expect(new Set(padded).size).toBe(padded.length);
  });

  it('does not confuse a name with a special number or with other syntax', () => {
    const names = ['#NaN', '"', '{"name":"x"}', 'x', 'x\u0000', ''];
    expect(new Set(names.map((name) => input(name, []))).size).toBe(names.length);
  });

  it('gives nodes that cannot be changed', () => {
    expect(Object.isFrozen(x)).toBe(true);
    const shape = [4, 5];
    const node = input('own shape', shape);
    shape[0] = 9;
    expect(node.shape).toEqual([4, 5]);
  });
});

describe('builders simplify', () => {
  const x = input('x', [2, 3]);

  it.each<[string, () => Node]>([
    ['x + 0', () => add(x, 0)],
    ['0 + x', () => add(0, x)],
    ['x - 0', () => sub(x, 0)],
    ['1 * x', () => mul(1, x)],
    ['-(-x)', () => neg(neg(x))],
    ['a transpose of its transpose', () => transpose(transpose(x))],
    ['reshape there and back', () => reshape(reshape(x, [6]), [2, 3])],
    ['broadcast to its own shape', () => broadcastTo(x, [2, 3])],
    ['a concatenation of one', () => concat([x], 0)],
    ['no padding', () => pad(x, [0, 0], [0, 0])],
  ])('%s to x', (_what, build) => {
    expect(build()).toBe(x);
  });

  it('folds constants', () => {
    expect(add(mul(constant(3), 2), 1)).toBe(constant(7));
    expect(exp(constant(0, [2]))).toBe(broadcastTo(constant(1), [2]));
  });
});

describe('scopes', () => {
  it('name the part that built a node first, and nest', () => {
    const s = input('scope input', [3]);
    const outer = withScope('layers.0 (dense)', () => {
      const inner = withScope('layers.0.attention', () => tanh(s));
      expect(inner.scope).toBe('layers.0.attention');
      return exp(s);
    });
    expect(outer.scope).toBe('layers.0 (dense)');
    expect(withScope('layers.1 (dense)', () => exp(s)).scope).toBe('layers.0 (dense)');
    expect(neg(s).scope).toBe('');
  });

  it('are named by shape errors, and are left when one is thrown', () => {
    const build = (): Node => withScope('layers.2 (dense)', () => matmul(input('a', [4, 3]), input('b', [5, 2])));
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(
      'layers.2 (dense): matmul: shapes [4, 3] and [5, 2] do not fit; the last size of the first (3) must equal the last but one of the second (5)',
    );
    expect(tanh(input('after', [])).scope).toBe('');
  });
});

describe('topologicalOrder', () => {
  it('lists every node once, after its inputs', () => {
    const x = input('x', [2]);
    const shared = mul(x, x);
    const order = topologicalOrder([add(shared, exp(shared)), sub(shared, 3), shared]);
    expect(new Set(order).size).toBe(order.length);
    for (const node of order)
      for (const operand of node.inputs) expect(order.indexOf(operand)).toBeLessThan(order.indexOf(node));
    expect(order.filter((n) => n.op === 'input')).toEqual([x]);
  });

  it('of nothing is empty', () => {
    expect(topologicalOrder([])).toEqual([]);
  });

  it('takes graphs of 10,000 nodes in a row, and evaluates them', () => {
    let y: Node = input('x', []);
    for (let i = 0; i < 10_000; i++) y = add(y, 0.5);
    expect(topologicalOrder([y]).length).toBeGreaterThan(10_000);
    expect(evaluate([y], () => Float64Array.of(1))[0][0]).toBe(5001);
  });

  it('takes 60 levels of shared nodes in linear time', () => {
    let y: Node = input('x', []);
    for (let i = 0; i < 60; i++) y = mul(add(y, y), 0.5);
    expect(evaluate([y], () => Float64Array.of(3))[0][0]).toBe(3);
  });
});

describe('negative or fractional sizes', () => {
  it('are refused', () => {
    expect(() => input('x', [-1])).toThrow('input would give the shape [-1]');
    expect(() => input('x', [1.5])).toThrow('input would give the shape [1.5]');
  });
});
