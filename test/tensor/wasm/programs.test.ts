import { describe, expect, it } from 'vitest';
import { type Backend, hostRandom, portableBackend, referenceBackend, wasmBackend } from '../../../src/tensor/index.js';
import { randomProgram } from '../helpers/random-program.js';
import { seeds } from '../helpers/random-values.js';

for (const [backend, threads] of [
  [wasmBackend, 1],
  [wasmBackend, 2],
  [portableBackend, 1],
] as [Backend, number][]) {
  describe(`whole programs on ${backend.name} with ${threads} thread(s)`, () => {
    it('compute what the float64 reference computes, outputs and updated state', async () => {
      for (const seed of seeds(300)) {
        const { program, inputs } = randomProgram(hostRandom(seed, 'program'));
        const [expected, actual] = await Promise.all(
          [referenceBackend, backend].map(async (b) => {
            const session = b.open({ threads });
            for (const { node, values } of inputs) session.write(node, values);
            const executable = session.compile(program);
            executable.run();
            const outputs = (await executable.read()).map((values) => values.slice());
            const states = await Promise.all(program.updates.map(([target]) => session.read(target)));
            session.close();
            return [...outputs, ...states];
          }),
        );
        expected.forEach((values, k) => {
          const scale = Math.max(1, ...Array.from(values, (v) => (Number.isFinite(v) ? Math.abs(v) : 0)));
          for (let i = 0; i < values.length; i++) {
            const close = Object.is(values[i], actual[k][i]) || Math.abs(values[i] - actual[k][i]) <= 1e-4 * scale;
            if (!close)
              expect.fail(
                `seed ${seed}: result ${k}, element ${i} is ${actual[k][i]}, expected ${values[i]} (NN_SEED=${seed})`,
              );
          }
        });
      }
    });
  });
}
