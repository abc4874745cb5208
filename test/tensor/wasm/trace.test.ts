import { describe, expect, it } from 'vitest';
import { add, broadcastTo, input, matmul, mul, type Node, portableBackend, reduceSum, repeat, tanh } from '../../../src/tensor/index.js'; // prettier-ignore

/** A session with a program of `outputs`, and how often its trace goes through each kernel; small kernels are one task each. */
function traced(outputs: readonly Node[], values: readonly (readonly [Node, ArrayLike<number>])[], threads: number) {
  const session = portableBackend.open({ threads });
  for (const [node, list] of values) session.write(node, list);
  const executable = session.compile({ name: 'traced', outputs, updates: [] });
  const spans = executable.trace?.(3) ?? [];
  const kinds = executable.profile?.(1).map(({ kind }) => kind) ?? [];
  return { session, executable, spans, kinds };
}

describe.each([1, 2])('a trace on %i threads', (threads) => {
  const steps = input('steps', [], 'i32');
  const x = input('x', [4, 4]);
  const w = input('w', [4, 4]);
  const values = [[x, new Float32Array(16).fill(0.5)], [w, new Float32Array(16).fill(0.1)]] as const; // prettier-ignore

  it.each([0, 1, 7])('goes through the body of a loop as often as it says: %i times', async (trips) => {
    const [y] = repeat(steps, [x], (v) => [tanh(matmul(v, w))]);
    const { session, executable, spans, kinds } = traced([y, reduceSum(x)], [...values, [steps, [trips]]], threads);
    const count = (kind: string): number => spans.filter(({ kernel }) => kinds[kernel] === kind).length;
    expect(count('matmul')).toBe(trips);
    expect(count('reduce_sum')).toBe(1);
    // What it leaves is what a run leaves.
    const left = [...(await executable.read())[0]];
    executable.run();
    expect([...(await executable.read())[0]]).toEqual(left);
    session.close();
  });

  it('goes through loops in loops, and threads share the work of their bodies', () => {
    const n = 192;
    const [a, b] = [input('a', [n, n]), input('b', [n, n])];
    const [y] = repeat(steps, [a], (v) => repeat(steps, [v], (u) => [mul(matmul(u, b), 0.01)]));
    const dense = new Float32Array(n * n).fill(0.01);
    const { session, spans, kinds } = traced([add(y, broadcastTo(reduceSum(a), [n, n]))], [[a, dense], [b, dense], [steps, [3]]], threads); // prettier-ignore
    const products = spans.filter(({ kernel }) => kinds[kernel] === 'matmul');
    // Nine products of as many tasks each.
    expect(products.length % 9).toBe(0);
    expect(products.length).toBeGreaterThanOrEqual(threads === 1 ? 9 : 18);
    expect(Math.max(...products.map((span) => span.thread))).toBeLessThan(threads);
    for (const { start, end } of spans) expect(end).toBeGreaterThanOrEqual(start);
    expect(Math.min(...spans.map(({ start }) => start))).toBe(0);
    session.close();
  });
});
