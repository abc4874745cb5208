import { describe, expect, it } from 'vitest';
import { add, cast, input, mul, referenceBackend, sub } from '../../../src/tensor/index.js';

describe('the reference backend', () => {
  const x = input('x', [2]);
  const y = input('y', [2]);

  it('computes outputs from written inputs, which are zero until written', async () => {
    const session = referenceBackend.open({ threads: 1 });
    const run = session.compile({ name: 'sum', outputs: [add(x, y), x], updates: [] });
    session.write(x, [1, 2]);
    run.run();
    expect([...(await run.read())[0]]).toEqual([1, 2]);
    session.write(y, Float32Array.of(10, 20));
    run.run();
    expect([...(await run.read())[0]]).toEqual([11, 22]);
    expect([...(await run.read())[1]]).toEqual([1, 2]);
  });

  it('applies updates after everything has been computed, all from the old values', async () => {
    const session = referenceBackend.open({ threads: 1 });
    session.write(x, [1, 2]);
    session.write(y, [3, 4]);
    const swap = session.compile({ name: 'swap', outputs: [mul(x, y), x], updates: [[x, y], [y, sub(x, y)]] }); // prettier-ignore
    swap.run();
    expect([...(await swap.read())[0]]).toEqual([3, 8]);
    expect([...(await swap.read())[1]]).toEqual([1, 2]);
    expect([...(await session.read(x))]).toEqual([3, 4]);
    expect([...(await session.read(y))]).toEqual([-2, -2]);
  });

  it('shares inputs between programs and reads copies', async () => {
    const session = referenceBackend.open({ threads: 1 });
    const step = session.compile({ name: 'step', outputs: [], updates: [[x, add(x, 1)]] });
    const evaluation = session.compile({ name: 'evaluation', outputs: [mul(x, 10)], updates: [] });
    const before = await session.read(x);
    step.run();
    step.run();
    evaluation.run();
    expect([...(await evaluation.read())[0]]).toEqual([20, 20]);
    expect([...before]).toEqual([0, 0]);
  });

  it('keeps float32 as float64, and whole numbers whole', async () => {
    const session = referenceBackend.open({ threads: 1 });
    const n = input('n', [1], 'i32');
    const run = session.compile({ name: 'exact', outputs: [add(x, 1e-12), cast(n, 'f32')], updates: [] });
    session.write(n, [-7]);
    run.run();
    expect((await run.read())[0][0]).toBe(1e-12);
    expect((await run.read())[1][0]).toBe(-7);
    expect(await session.read(n)).toBeInstanceOf(Int32Array);
    expect(session.memory().total).toBe(2 * 8 + 4);
  });
});
