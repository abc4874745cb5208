import { describe, expect, it } from 'vitest';
import { hostRandom, type Node, type Op, referenceBackend, topologicalOrder } from '../../../src/tensor/index.js';
import { randomProgram } from './random-program.js';
import { seeds } from './random-values.js';

/** What computes `outputs`: operations, and their operands by position. */
function structure(outputs: readonly Node[]) {
  const nodes = topologicalOrder(outputs);
  const positions = new Map(nodes.map((node, i) => [node, i]));
  return nodes.map(({ op, attrs, shape, dtype, inputs }) => ({ op, attrs, shape, dtype, from: inputs.map((n) => positions.get(n)) })); // prettier-ignore
}

describe('randomProgram', () => {
  it('repeats for an equal seed', () => {
    const [a, b] = [randomProgram(hostRandom(3, 'program')), randomProgram(hostRandom(3, 'program'))];
    expect(structure(a.program.outputs)).toEqual(structure(b.program.outputs));
    expect(a.inputs.map(({ values }) => values)).toEqual(b.inputs.map(({ values }) => values));
  });

  it('gives programs that run, with finite values of order one, and covers the primitives', async () => {
    const met = new Set<Op>();
    for (const seed of seeds(150)) {
      const { program, inputs } = randomProgram(hostRandom(seed, 'program'));
      const session = referenceBackend.open({ threads: 1 });
      for (const { node, values } of inputs) session.write(node, values);
      const executable = session.compile(program);
      executable.run();
      const results = await executable.read();
      program.outputs.forEach((node, i) => {
        const values = [...results[i]];
        expect(values.every((v) => Math.abs(v) < 1000), `seed ${seed}, output ${i}: ${node.op}`).toBe(true); // prettier-ignore
      });
      for (const [target, value] of program.updates) expect(value.shape).toEqual(target.shape);
      for (const node of topologicalOrder([...program.outputs, ...program.updates.map(([, v]) => v)])) met.add(node.op);
      session.close();
    }
    if (process.env.NN_SEED === undefined) expect(met.size).toBeGreaterThanOrEqual(27);
  });
});
