import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../../src/tensor/compiler/kernel.js';
import { planKernels } from '../../../src/tensor/compiler/kernels.js';
import { ModuleEmitter } from '../../../src/tensor/wasm/assembler.js';
import type { EmittedKernel } from '../../../src/tensor/wasm/emit/kernel.js';
import { interleave } from '../../../src/tensor/wasm/interleave.js';
import { add, div, exp, hostRandom, input, maximum, mul, type Node, portableBackend, reduceMax, reduceSum, reshape, sub, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore

/** Large enough to leave the cache, so that kernels that read it take turns; no multiple of a turn. */
const [ROWS, COLUMNS] = [333, 1030];
const random = hostRandom(3, 'turns');
const values = ['x', 'y'].map(() => Float32Array.from({ length: ROWS * COLUMNS }, () => random.uniform() - 0.3));

const graph = () => {
  const [x, y] = [input('x', [ROWS, COLUMNS]), input('y', [ROWS, COLUMNS])];
  const mean = reshape(div(reduceSum(x, 1), COLUMNS), [ROWS, 1]);
  const centred = sub(x, mean);
  const outputs = [
    reduceSum(x, 0), reduceSum(mul(x, y), 0), reduceSum(mul(centred, centred), 1), reduceSum(mul(centred, y), 1), reduceMax(y, 1),
    reduceSum(mul(centred, y), 0), maximum(centred, 0), mul(exp(y), mean), reduceSum(add(x, y), [0, 1]),
  ]; // prettier-ignore
  return { x, y, outputs };
};

describe('the kernels of a phase', () => {
  /** How many are left where those that take turns are one. */
  function leftOf(outputs: readonly Node[]): number {
    const kernels = planKernels(outputs);
    const module = new ModuleEmitter();
    const of = new Map<EmittedKernel, Kernel>();
    for (const kernel of kernels) {
      const index = module.function({ parameters: ['i32', 'i32', 'i32'] }, () => undefined);
      of.set({ function: index, units: 10, unitCost: 1000, scratch: 0 }, kernel);
    }
    return interleave(module, [...of.keys()], (emitted) => of.get(emitted)).length;
  }
  const large = (name: string): Node => input(name, [512, 1024]);

  it('take turns where they read the same large tensor', () => {
    const [x, y] = [large('x'), large('y')];
    expect(leftOf([reduceSum(x, 0), reduceMax(x, 1), reduceSum(mul(x, y), 1)])).toBe(1);
    expect(leftOf([reduceSum(x, 0), reduceMax(x, 1), reduceSum(y, 0), reduceMax(y, 1)])).toBe(2);
  });

  it('do not where there is none in common, or it stays in the cache', () => {
    const small = input('small', [64, 64]);
    expect(leftOf([reduceSum(large('x'), 0), reduceMax(large('y'), 1)])).toBe(2);
    expect(leftOf([reduceSum(small, 0), reduceMax(small, 1)])).toBe(2);
  });
});

describe.each([
  ['wasm', wasmBackend],
  ['wasm-portable', portableBackend],
] as const)('kernels that read the same large tensors on %s', (_, backend) => {
  const run = async (
    threads: number,
    program: (g: ReturnType<typeof graph>) => readonly Node[],
  ): Promise<Uint32Array[]> => {
    const session = backend.open({ threads });
    const { x, y, outputs } = graph();
    session.write(x, values[0]);
    session.write(y, values[1]);
    const wanted = program({ x, y, outputs });
    const executable = session.compile({ name: 'turns', outputs: wanted, updates: [] });
    executable.run();
    const found = (await executable.read()).map((values) => new Uint32Array(Float32Array.from(values).buffer));
    session.close();
    return found;
  };

  it('compute the bits that they compute alone, on any number of threads', async () => {
    const alone = await Promise.all(graph().outputs.map(async (_, i) => (await run(1, (g) => [g.outputs[i]]))[0]));
    for (const threads of [1, 2, 3]) expect(await run(threads, (g) => g.outputs)).toEqual(alone);
  });

  it('read a state before it is updated', async () => {
    for (const threads of [1, 2]) {
      const session = backend.open({ threads });
      const { x, y } = graph();
      session.write(x, values[0]);
      session.write(y, values[1]);
      const outputs = [reduceSum(x, 0), reduceSum(mul(x, y), 1), reduceMax(x, 1)];
      const executable = session.compile({ name: 'update', outputs, updates: [[x, sub(x, mul(y, 0.5))]] });
      executable.run();
      const before = await run(1, (g) => [reduceSum(g.x, 0), reduceSum(mul(g.x, g.y), 1), reduceMax(g.x, 1)]);
      const found = (await executable.read()).map((values) => new Uint32Array(Float32Array.from(values).buffer));
      expect(found).toEqual(before);
      expect([...(await session.read(x))]).toEqual([...values[0]].map((v, i) => Math.fround(v - Math.fround(values[1][i] * 0.5)))); // prettier-ignore
      session.close();
    }
  });

  it('are still profiled one by one', () => {
    const session = backend.open({ threads: 1 });
    const { outputs } = graph();
    const kernels = session.compile({ name: 'profile', outputs: outputs.slice(0, 2), updates: [] }).profile?.(1) ?? [];
    expect(kernels.map((k) => k.kind)).toEqual(['reduce_sum', 'reduce_sum']);
    session.close();
  });
});
