import { describe, expect, it } from 'vitest';
import { hostRandom, type Node, portableBackend, wasmBackend } from '../../../src/tensor/index.js';
import { cases } from '../helpers/random-graph.js';
import { seeds } from '../helpers/random-values.js';
import { valuesAt } from '../helpers/expect-gradient.js';

/** The largest deviation that float32 rounding explains, for a sum of `terms` products of values around 1. */
function tolerance(output: Node, expected: ArrayLike<number>): number {
  const terms = output.inputs.reduce(
    (n, i) =>
      Math.max(
        n,
        i.shape.reduce((a, b) => a * b, 1),
      ),
    1,
  );
  const scale = Math.max(1, ...Array.from(expected, (v) => (Number.isFinite(v) ? Math.abs(v) : 0)));
  const sums = [
    'matmul',
    'conv',
    'conv_input',
    'conv_weight',
    'reduce_sum',
    'scatter_add',
    'pool_sum',
    'pool_sum_grad',
  ];
  return scale * 2 ** -23 * (sums.includes(output.op) ? 4 * Math.sqrt(terms) + 4 : 8);
}

for (const backend of [wasmBackend, portableBackend]) {
  describe(`${backend.name} against the float64 reference`, () => {
    for (const [name, make] of Object.entries(cases)) {
      it(name, async () => {
        for (const seed of seeds(200)) {
          const made = make(hostRandom(seed, name));
          const [expected] = valuesAt([made.output], made.inputs);
          const session = backend.open({ threads: 1 });
          for (const { node, values } of made.inputs) session.write(node, values);
          const executable = session.compile({ name, outputs: [made.output], updates: [] });
          executable.run();
          const actual = (await executable.read())[0];
          const limit = made.output.dtype === 'f32' ? tolerance(made.output, expected) : 0;
          for (let i = 0; i < expected.length; i++) {
            const equal = Object.is(expected[i], actual[i]) || Math.abs(expected[i] - actual[i]) <= limit;
            if (!equal)
              expect.fail(
                `seed ${seed}: ${made.name}: element ${i} is ${actual[i]}, expected ${expected[i]} (NN_SEED=${seed})`,
              );
          }
          session.close();
        }
      });
    }
  });
}
