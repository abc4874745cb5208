import { describe, expect, it } from 'vitest';
import { add, broadcastTo, cast, constant, gather, grad, hostRandom, input, matmul, mul, type Node, portableBackend, reduceSum, referenceBackend, repeat, reshape, select, ShapeError, sub, tanh, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore
import { lt } from '../../../src/tensor/index.js';

const backends = [
  ['reference', referenceBackend, 1],
  ['wasm, one thread', wasmBackend, 1],
  ['wasm, two threads', wasmBackend, 2],
  ['wasm-portable, two threads', portableBackend, 2],
] as const;

const random = hostRandom(5, 'repeat');
const randomValues = (n: number, scale = 1): number[] =>
  Array.from({ length: n }, () => Math.fround(scale * (random.uniform() - 0.5)));

describe.each(backends)('repeat on %s', (_name, backend, threads) => {
  /** The outputs of a program, run once for each set of values of its inputs in one session. */
  const runs = async (
    outputs: readonly Node[],
    sets: readonly (readonly (readonly [Node, ArrayLike<number>])[])[],
  ): Promise<number[][][]> => {
    const session = backend.open({ threads });
    const executable = session.compile({ name: 'repeat', outputs, updates: [] });
    const found: number[][][] = [];
    for (const values of sets) {
      for (const [node, list] of values) session.write(node, list);
      executable.run();
      found.push((await executable.read()).map((values) => [...values]));
    }
    session.close();
    return found;
  };

  it('goes as many steps as a run-time value says, none where it is negative', async () => {
    const steps = input('steps', [], 'i32');
    const x = input('x', [3]);
    const [doubled] = repeat(steps, [x], (v) => [add(v, v)]);
    const found = await runs([doubled], [0, 1, 10, -3, 2].map((n) => [[steps, [n]], [x, [1, -2, 0.5]]] as const)); // prettier-ignore
    expect(found.map(([values]) => values)).toEqual(
      [1, 2, 1024, 1, 4].map((factor) => [factor, -2 * factor, 0.5 * factor]),
    );
  });

  it('hands several values on at once', async () => {
    const steps = input('steps', [], 'i32');
    const [a, b] = repeat(steps, [constant(0), constant(1)], (x, y) => [y, add(x, y)]);
    expect(await runs([a, b], [[[steps, [20]]]])).toEqual([[[6765], [10946]]]);
  });

  it('swaps values, and keeps those that its body gives as they are', async () => {
    const steps = input('steps', [], 'i32');
    const [x, y, z] = [input('x', [2]), input('y', [2]), input('z', [2])];
    const values = [[x, [1, 2]], [y, [3, 4]], [z, [5, 6]]] as const; // prettier-ignore
    const found = await runs(
      repeat(steps, [x, y, z], (a, b, c) => [b, a, c]),
      [3, 4].map((n) => [[steps, [n]], ...values]),
    );
    expect(found).toEqual([
      [[3, 4], [1, 2], [5, 6]],
      [[1, 2], [3, 4], [5, 6]],
    ]); // prettier-ignore
  });

  it('carries a matrix product on, large enough for all threads', async () => {
    const n = 96;
    const steps = input('steps', [], 'i32');
    const [x, w, bias] = [input('x', [n, n]), input('w', [n, n]), input('bias', [n])];
    const layer = (v: Node): Node => tanh(add(matmul(v, w), broadcastTo(reshape(bias, [1, n]), [n, n])));
    const [last] = repeat(steps, [x], (v) => [layer(v)]);
    const [whole, unrolled] = [7, 0].map(
      (count) => [[steps, [count]], [x, randomX], [w, randomW], [bias, randomBias]] as const, // prettier-ignore
    );
    let expected: Node = x;
    for (let i = 0; i < 7; i++) expected = layer(expected);
    const [[found], [same]] = [(await runs([last], [whole]))[0], (await runs([expected], [unrolled]))[0]];
    const error = found.reduce((most, v, i) => Math.max(most, Math.abs(v - same[i])), 0);
    expect(error).toBeLessThan(1e-6);
  });
  const [randomX, randomW, randomBias] = [randomValues(96 * 96), randomValues(96 * 96, 0.3), randomValues(96)];

  it('takes what its body captures from outside, computed once', async () => {
    const steps = input('steps', [], 'i32');
    const [x, rate] = [input('x', [4]), input('rate', [])];
    const outer = reduceSum(mul(x, x));
    const [last] = repeat(steps, [x], (v) => [sub(v, mul(broadcastTo(mul(rate, outer), [4]), 0.5))]);
    const [[found]] = await runs(
      [last],
      [
        [
          [steps, [3]],
          [x, [1, 2, 0, 1]],
          [rate, [0.5]],
        ],
      ],
    );
    // The sum is 6, a step takes away 1.5.
    expect(found).toEqual([-3.5, -2.5, -4.5, -3.5]);
  });

  it('reads another row at each step', async () => {
    const steps = input('steps', [], 'i32');
    const rows = input('rows', [4, 2]);
    const [, total] = repeat(steps, [constant(0, [1], 'i32'), constant(0, [1, 2])], (i, sum) => [
      add(i, 1),
      add(sum, gather(rows, i)),
    ]);
    const values = [1, 10, 2, 20, 3, 30, 4, 40];
    expect(await runs([total], [2, 4].map((n) => [[steps, [n]], [rows, values]]))).toEqual([[[3, 30]], [[10, 100]]]); // prettier-ignore
  });

  it('nests, with a number of inner steps that the outer one computes', async () => {
    const steps = input('steps', [], 'i32');
    const x = input('x', [2]);
    // Triangular numbers: step i of the outer loop adds x i times.
    const [, total] = repeat(steps, [constant(1, [], 'i32'), constant(0, [2])], (i, sum) => {
      const [next] = repeat(i, [sum], (inner) => [add(inner, x)]);
      return [add(i, 1), next];
    });
    expect(await runs([total], [0, 1, 4].map((n) => [[steps, [n]], [x, [1, -2]]]))).toEqual([
      [[0, 0]].map(([a, b]) => [a, b]),
      [[1, -2]],
      [[10, -20]],
    ]); // prettier-ignore
  });

  it('nests with matrix products in both', async () => {
    const n = 64;
    const steps = input('steps', [], 'i32');
    const [x, w] = [input('x', [n, n]), input('w', [n, n])];
    const step = (v: Node): Node => tanh(matmul(v, w));
    const [last] = repeat(steps, [x], (v) => repeat(constant(2, [], 'i32'), [step(v)], (u) => [step(u)]));
    let expected: Node = x;
    for (let i = 0; i < 9; i++) expected = step(expected);
    const values = [[steps, [3]], [x, randomX.slice(0, n * n)], [w, randomW.slice(0, n * n)]] as const; // prettier-ignore
    const [[found], [same]] = [(await runs([last], [values]))[0], (await runs([expected], [values]))[0]];
    expect(found.reduce((most, v, i) => Math.max(most, Math.abs(v - same[i])), 0)).toBeLessThan(1e-6);
  });

  it('is a part of a program like any other: work before it, after it, and state that takes its result', async () => {
    const steps = input('steps', [], 'i32');
    const state = input('state', [3]);
    const before = mul(state, 2);
    const [looped] = repeat(steps, [before], (v) => [add(v, 1)]);
    const session = backend.open({ threads });
    const executable = session.compile({ name: 'state', outputs: [mul(looped, 10)], updates: [[state, looped]] });
    session.write(steps, [5]);
    session.write(state, [0, 1, 2]);
    executable.run();
    expect([...(await executable.read())[0]]).toEqual([50, 70, 90]);
    expect([...(await session.read(state))]).toEqual([5, 7, 9]);
    executable.run();
    expect([...(await session.read(state))]).toEqual([15, 19, 23]);
    session.close();
  });

  it('carries whole numbers and truth values on', async () => {
    const steps = input('steps', [], 'i32');
    const x = input('x', [3]);
    const [value, isSmall] = repeat(steps, [x, lt(x, 4)], (v, small) => [
      select(small, add(v, v), v),
      lt(select(small, add(v, v), v), 4),
    ]);
    const [[found, flags]] = await runs(
      [value, cast(isSmall, 'i32')],
      [
        [
          [steps, [6]],
          [x, [1, 3, 5]],
        ],
      ],
    );
    expect([found, flags]).toEqual([[4, 6, 5], [0, 0, 0]]); // prettier-ignore
  });
});

describe('repeat', () => {
  const steps = input('steps', [], 'i32');
  const x = input('x', [2]);

  it('refuses a body that gives another shape, type or number of values', () => {
    expect(() => repeat(steps, [x], (v) => [reduceSum(v)])).toThrow(
      new ShapeError('value 0 of a loop is f32 [2], and its body makes it f32 []'),
    );
    expect(() => repeat(steps, [x], (v) => [cast(v, 'i32')])).toThrow(/f32 \[2\], and its body makes it i32 \[2\]/);
    expect(() => repeat(steps, [x], () => [])).toThrow('a loop of 1 values has a body that gives 0');
    expect(() => repeat(x, [x], (v) => [v])).toThrow(ShapeError);
  });

  it('says that it has no derivative', () => {
    const [last] = repeat(steps, [x], (v) => [mul(v, v)]);
    expect(() => grad(reduceSum(last), [x])).toThrow('repeat has no derivative');
  });

  it('computes what does not depend on what it carries outside of its body', () => {
    const [last] = repeat(steps, [x], (v) => [mul(v, broadcastTo(tanh(reduceSum(x)), [2]))]);
    const loop = last.inputs[0];
    expect(loop.inputs.map((n) => n.op)).toEqual(['input', 'input', 'unary']);
  });
});
