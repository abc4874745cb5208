import { describe, expect, it } from 'vitest';
import { grad, hostRandom, input, maximum, maxPool, mul, reduceSum, referenceBackend, sizeOf, sumPool, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore

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
      ({ size, channels, window, strides, padding, fused }) => {
        const x = input('x', [3, ...size, channels]);
        const pooled = pool(maximum(x, 0), { window, strides, padding });
        const weight = input('weight', pooled.shape);
        const [dx] = grad(reduceSum(mul(pooled, weight)), [x]);
        const run = (backend: typeof wasmBackend): { values: Float64Array; fusedInto: readonly string[] } => {
          const session = backend.open({ threads: 1 });
          const random = hostRandom(1, 'pool');
          for (const node of [x, weight])
            session.write(
              node,
              Float32Array.from({ length: sizeOf(node.shape) }, () => Math.floor(random.uniform() * 9) - 4),
            );
          const executable = session.compile({ name: 'pool', outputs: [dx], updates: [] });
          executable.run();
          const values = Float64Array.from(executable.output(0), (v) => v + 0);
          const fusedInto = executable.profile?.(1).find(({ kind }) => kind.startsWith('pool'))?.fused ?? [];
          session.close();
          return { values, fusedInto };
        };
        const ours = run(wasmBackend);
        expect(ours.values).toEqual(run(referenceBackend).values);
        expect(ours.fusedInto.includes('select')).toBe(fused);
      },
    );
  },
);
