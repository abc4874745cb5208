import { describe, expect, it } from 'vitest';
import { add, broadcastTo, input, matmul, maximum, mul, type Node, portableBackend, reduceSum, sub } from '../../../src/tensor/index.js'; // prettier-ignore
import { MOST_DEPTH } from '../../../src/tensor/compiler/form.js';
import { planKernels } from '../../../src/tensor/compiler/kernels.js';

/** No recursion over the graph, and no work that grows with its square: these would fail by their stack, or never end. */
const DEEP = 10_000;

async function valueOf(root: Node, x: Node, values: readonly number[], threads: number): Promise<number[]> {
  const session = portableBackend.open({ threads });
  session.write(x, values);
  const executable = session.compile({ name: 'deep', outputs: [root], updates: [] });
  executable.run();
  const found = [...(await executable.read())[0]];
  session.close();
  return found;
}

describe('a chain of 10,000 nodes', () => {
  const x = input('x', [8]);

  it('of element-wise operations becomes a few kernels', async () => {
    let y: Node = x;
    for (let i = 0; i < DEEP / 2; i++) y = maximum(sub(y, 0.5), -4);
    const kernels = planKernels([y]);
    expect(kernels).toHaveLength(Math.ceil(DEEP / MOST_DEPTH));
    expect(await valueOf(y, x, [1, 2, 3, 4, 5, 6, 7, 8], 1)).toEqual(new Array(8).fill(-4));
  });

  it('of loops and reductions in turn becomes two kernels for each two', async () => {
    let y: Node = x;
    for (let i = 0; i < DEEP; i++) y = sub(y, broadcastTo(reduceSum(mul(y, 0.125)), [8]));
    const kernels = planKernels([y]);
    expect(kernels.length).toBeGreaterThanOrEqual(DEEP);
    expect(kernels.length).toBeLessThanOrEqual(2 * DEEP);
    // The mean is taken away, and then 0 is.
    expect(await valueOf(y, x, [1, 2, 3, 4, 5, 6, 7, 8], 2)).toEqual([-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5]);
  });

  it('of matrix products becomes a kernel each', () => {
    const w = input('w', [2, 2]);
    let y: Node = input('y', [2, 2]);
    for (let i = 0; i < DEEP; i++) y = add(matmul(y, w), 1);
    const kernels = planKernels([y]);
    expect(kernels.map((k) => k.kind)).toEqual(new Array(DEEP).fill('matmul'));
  });
});
