import { describe, expect, it } from 'vitest';
import { hostRandom, type Node, type Op, referenceBackend, topologicalOrder } from '../../../src/tensor/index.js';
import { randomProgram } from './random-program.js';
import { seeds } from './random-values.js';

/** Each node with its inputs by their place in the order: all that two equal graphs of different inputs share. */
function structureOf(roots: readonly Node[]): unknown[] {
  const order = topologicalOrder(roots);
  const place = new Map(order.map((node, i) => [node, i]));
  return order.map(({ op, attrs, shape, dtype, inputs }) => [op, attrs, shape, dtype, inputs.map((i) => place.get(i))]);
}

describe('randomProgram', () => {
  it('repeats for an equal seed', () => {
    const [a, b] = [randomProgram(hostRandom(3, 'program')), randomProgram(hostRandom(3, 'program'))];
    expect(structureOf(a.program.outputs)).toEqual(structureOf(b.program.outputs));
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
