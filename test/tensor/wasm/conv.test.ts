import { describe, expect, it } from 'vitest';
import { add, type Backend, convInput, convWeight, hostRandom, input, maximum, portableBackend, referenceBackend, sizeOf, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore

const strided = [
  { size: [28, 28], kernel: [3, 3], strides: [2, 2], padding: [[0, 1], [0, 1]], groups: 1 },
  { size: [12, 9], kernel: [5, 3], strides: [2, 3], padding: [[2, 2], [1, 0]], groups: 2 },
  { size: [9, 14], kernel: [3, 4], strides: [3, 1], padding: [[0, 3], [4, 0]], groups: 1 },
  // Some pixels meet no part of the kernel, and some lie behind the last window.
  { size: [9, 8], kernel: [1, 1], strides: [2, 2], padding: [[0, 0], [0, 0]], groups: 1 },
  { size: [11, 7], kernel: [2, 2], strides: [4, 3], padding: [[0, 0], [1, 1]], groups: 1 },
] as const; // prettier-ignore

/** Results with few channels, where columns of a tile are kernel columns as well. */
const few = [
  { batch: 3, size: [14, 14], channels: 6, filters: 16, kernel: [5, 5], strides: [1, 1], padding: [[0, 0], [0, 0]] },
  { batch: 2, size: [11, 9], channels: 3, filters: 8, kernel: [3, 5], strides: [1, 1], padding: [[1, 1], [2, 2]] },
  { batch: 1, size: [13, 17], channels: 1, filters: 12, kernel: [5, 4], strides: [2, 3], padding: [[1, 0], [0, 2]] },
  // The border is wider than the kernel reaches, and the last pixels lie behind the last window.
  { batch: 9, size: [8, 7], channels: 5, filters: 7, kernel: [2, 3], strides: [3, 2], padding: [[2, 0], [3, 0]] },
] as const; // prettier-ignore

describe('the input gradient of a convolution', () => {
  it.each([
    ...strided.map((c) => ({ ...c, batch: 3, channels: 8 * c.groups, filters: 6 * c.groups, sums: 'windows' })),
    ...few.map((c) => ({ ...c, groups: 1, sums: 'kernel rows' })),
  ])(
    'is exact for whole numbers, summed by $sums: $kernel by $strides, $channels channels, $groups group(s)',
    async (c) => {
      const { batch, size, channels, filters, kernel, strides, padding, groups } = c;
      const out = size.map((s, d) => Math.floor((s + padding[d][0] + padding[d][1] - kernel[d]) / strides[d]) + 1);
      const g = input('strided.g', [batch, ...out, filters]);
      const w = input('strided.w', [...kernel, channels / groups, filters]);
      const dx = convInput(g, w, [batch, ...size, channels], { strides, padding, dilation: [1, 1], groups });
      const run = async (backend: Backend, threads: number): Promise<Float64Array[]> => {
        const session = backend.open({ threads });
        const random = hostRandom(1, 'strided');
        for (const node of [g, w])
          session.write(
            node,
            Float32Array.from({ length: sizeOf(node.shape) }, () => Math.floor(random.uniform() * 7) - 3),
          );
        // One result as it is, one with work fused behind it.
        const results: Float64Array[] = [];
        for (const result of [dx, add(maximum(dx, 0), 1)]) {
          const executable = session.compile({ name: 'strided', outputs: [result], updates: [] });
          executable.run();
          results.push(Float64Array.from((await executable.read())[0], (v) => v + 0));
        }
        session.close();
        return results;
      };
      const expected = await run(referenceBackend, 1);
      for (const threads of [1, 2]) expect(await run(wasmBackend, threads)).toEqual(expected);
      expect(await run(portableBackend, 1)).toEqual(expected);
    },
  );
});

const odd = [
  { size: [28, 28], channels: 1, filters: 6, kernel: [5, 5], strides: [1, 1], padding: [[2, 2], [2, 2]], groups: 1 },
  { size: [9, 7], channels: 4, filters: 10, kernel: [3, 2], strides: [2, 1], padding: [[0, 1], [1, 0]], groups: 2 },
  { size: [6, 6], channels: 3, filters: 17, kernel: [3, 3], strides: [1, 1], padding: [[1, 1], [1, 1]], groups: 1 },
] as const; // prettier-ignore

describe('the weight gradient of a convolution', () => {
  it.each(odd)(
    'is exact for whole numbers and filters that fill no whole vectors: $filters in $groups group(s)',
    async (c) => {
      const { size, channels, filters, kernel, strides, padding, groups } = c;
      const out = size.map((s, d) => Math.floor((s + padding[d][0] + padding[d][1] - kernel[d]) / strides[d]) + 1);
      const x = input('odd.x', [5, ...size, channels]);
      const g = input('odd.g', [5, ...out, filters]);
      const dw = convWeight(x, g, [...kernel, channels / groups, filters], {
        strides,
        padding,
        dilation: [1, 1],
        groups,
      });
      const run = async (backend: Backend): Promise<Float64Array> => {
        const session = backend.open({ threads: 1 });
        const random = hostRandom(1, 'odd');
        for (const node of [x, g])
          session.write(
            node,
            Float32Array.from({ length: sizeOf(node.shape) }, () => Math.floor(random.uniform() * 7) - 3),
          );
        const executable = session.compile({ name: 'odd', outputs: [dw], updates: [] });
        executable.run();
        const values = Float64Array.from((await executable.read())[0], (v) => v + 0);
        session.close();
        return values;
      };
      const expected = await run(referenceBackend);
      expect(await run(wasmBackend)).toEqual(expected);
      expect(await run(portableBackend)).toEqual(expected);
    },
  );
});
