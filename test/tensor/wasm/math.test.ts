import { describe, expect, it } from 'vitest';
import { exp, input, log, type Node, portableBackend, tanh, wasmBackend } from '../../../src/tensor/index.js';

/** Values of a function at `x`: vectors of four mix what is common with what is rare. */
async function valuesOf(
  operation: (x: Node) => Node,
  x: readonly number[],
  backend: typeof wasmBackend,
): Promise<number[]> {
  const session = backend.open({ threads: 1 });
  const node = input('x', [x.length]);
  session.write(node, Float32Array.from(x));
  const executable = session.compile({ name: 'math', outputs: [operation(node)], updates: [] });
  executable.run();
  const values = [...(await executable.read())[0]];
  session.close();
  return values;
}

const functions = {
  exp: { operation: exp, value: Math.exp, x: [1, -87.5, 88.7, -103, 0.5, NaN, Infinity, -Infinity, 89, -104, 0, -0, 3, -20, 10, -1] }, // prettier-ignore
  log: { operation: log, value: Math.log, x: [2, 1e-40, 1e-45, 0.7, 3, 0, -1, Infinity, NaN, -0, 1, 3e38, 1.1754944e-38, 0.5, 7, 1e-20] }, // prettier-ignore
  tanh: { operation: tanh, value: Math.tanh, x: [1, NaN, Infinity, -Infinity, 1e-5, -9, 0.3, -0, 20, 1e-40, -2, 5] },
};

describe.each(Object.entries(functions))('%s', (_, { operation, value, x }) => {
  it.each([
    ['wasm', wasmBackend],
    ['wasm-portable', portableBackend],
  ] as const)(
    'is right to a few units in the last place on %s, whatever its neighbours in a vector',
    async (_, backend) => {
      const exact = x.map((v) => value(Math.fround(v)));
      const values = await valuesOf(operation, x, backend);
      for (const [i, found] of values.entries()) {
        const wanted = Math.fround(exact[i]);
        if (Number.isNaN(wanted) || !Number.isFinite(wanted) || wanted === 0) {
          expect(found, `of ${x[i]}`).toBe(wanted);
          continue;
        }
        // Denormal numbers are 2^-149 apart.
        const unit = Math.max(2 ** -149, Math.abs(wanted) * 2 ** -23);
        expect(Math.abs(found - exact[i]) / unit, `of ${x[i]}: ${found}, not ${exact[i]}`).toBeLessThan(3);
      }
    },
  );
});

describe('tanh of large numbers', () => {
  it.each([
    ['wasm', wasmBackend],
    ['wasm-portable', portableBackend],
  ] as const)('is one to the last bit on %s, so that a saturated unit has no gradient', async (_, backend) => {
    expect(await valuesOf(tanh, [8, -8, 9, 20, -1e30, Infinity, -Infinity], backend)).toEqual([1, -1, 1, 1, -1, 1, -1]);
  });
});
