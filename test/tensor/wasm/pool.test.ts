import { describe, expect, it } from 'vitest';
import { argmax, type Backend, broadcastTo, constant, grad, hostRandom, input, maximum, maxPool, mul, type Node, portableBackend, reduceSum, referenceBackend, sizeOf, sumPool, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore

const valid = [[0, 0], [0, 0]] as const; // prettier-ignore
const parted = [
  { size: [4, 6], channels: 8, window: [2, 2], strides: [2, 2], padding: valid },
  { size: [6, 4], channels: 5, window: [3, 1], strides: [3, 1], padding: valid },
] as const;
const others = [
  { size: [5, 7], channels: 8, window: [2, 2], strides: [2, 2], padding: valid },
  { size: [6, 6], channels: 3, window: [3, 3], strides: [2, 2], padding: valid },
  { size: [6, 6], channels: 4, window: [2, 2], strides: [2, 2], padding: [[1, 1], [1, 1]] },
] as const; // prettier-ignore

describe.each([['max pooling', maxPool] as const, ['sum pooling', sumPool] as const])(
  '%s of rectified images',
  (_, pool) => {
    it.each([...parted.map((c) => ({ ...c, fused: true })), ...others.map((c) => ({ ...c, fused: false }))])(
      'has the gradient of the reference, with the mask in its kernel where windows part the image: $size, $window',
      async ({ size, channels, window, strides, padding, fused }) => {
        const x = input('x', [3, ...size, channels]);
        const pooled = pool(maximum(x, 0), { window, strides, padding });
        const weight = input('weight', pooled.shape);
        const [dx] = grad(reduceSum(mul(pooled, weight)), [x]);
        const run = async (backend: Backend): Promise<{ values: Float64Array; fusedInto: readonly string[] }> => {
          const session = backend.open({ threads: 1 });
          const random = hostRandom(1, 'pool');
          for (const node of [x, weight])
            session.write(
              node,
              Float32Array.from({ length: sizeOf(node.shape) }, () => Math.floor(random.uniform() * 9) - 4),
            );
          const executable = session.compile({ name: 'pool', outputs: [dx], updates: [] });
          executable.run();
          const values = Float64Array.from((await executable.read())[0], (v) => v + 0);
          const fusedInto = executable.profile?.(1).find(({ kind }) => kind.startsWith('pool'))?.fused ?? [];
          session.close();
          return { values, fusedInto };
        };
        const ours = await run(wasmBackend);
        expect(ours.values).toEqual((await run(referenceBackend)).values);
        expect(ours.fusedInto.includes('select')).toBe(fused);
      },
    );
  },
);

describe.each([referenceBackend, wasmBackend, portableBackend])('NaN on $name', (backend) => {
  const rows = [[NaN, 1, 2, 5], [3, 4, NaN, NaN], [1, 2, 3, 4], [5, NaN, 7, 8]]; // prettier-ignore
  /** Outputs where x [4, 4] holds the rows, in each of `channels` channels. */
  const run = async (channels: number, outputsOf: (x: Node) => Node[]): Promise<number[][]> => {
    const x = input('x', [1, 4, 4, channels]);
    const session = backend.open({ threads: 1 });
    session.write(x, Float32Array.from(rows.flat().flatMap((v) => Array.from({ length: channels }, () => v))));
    const outputs = outputsOf(x);
    const executable = session.compile({ name: 'nan', outputs, updates: [] });
    executable.run();
    const values = (await executable.read()).map((read) => Array.from(read, Number));
    session.close();
    return values;
  };

  // torch.nn.functional.max_pool2d with weights 1, 2, 3, 4 on its output, PyTorch 1.13.
  it.each([
    [{ window: [2, 2], strides: [2, 2], padding: valid }, [NaN, NaN, NaN, 8], [1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4]], // prettier-ignore
    [{ window: [3, 3], strides: [2, 2], padding: [[1, 1], [1, 1]] }, [NaN, NaN, NaN, NaN], [1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 7, 0, 0]], // prettier-ignore
  ] as const)('is the maximum of a window that has one: %j', async (attrs, values, gradient) => {
    for (const channels of [1, 4, 6]) {
      const spread = (list: readonly number[]): number[] =>
        list.flatMap((v) => Array.from({ length: channels }, () => v));
      const [y, dx] = await run(channels, (x) => {
        const pooled = maxPool(x, attrs);
        const weights = broadcastTo(constant([1, 2, 3, 4], [1, 2, 2, 1]), pooled.shape);
        return [pooled, grad(reduceSum(mul(pooled, weights)), [x])[0]];
      });
      expect(y).toEqual(spread(values));
      expect(dx).toEqual(spread(gradient));
    }
  });

  // torch.argmax.
  it('is the first maximum of an axis that has one', async () => {
    const [across, down] = await run(1, (x) => [argmax(x, 2), argmax(x, 1)]);
    expect(across).toEqual([0, 2, 3, 1]);
    expect(down).toEqual([0, 3, 1, 1]);
  });
});
