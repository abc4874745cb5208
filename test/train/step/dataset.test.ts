import { describe, expect, it } from 'vitest';
import { input, type Node, referenceBackend, wasmBackend } from '../../../src/tensor/index.js';
import type { Split } from '../../../src/data/index.js';
import { datasetOf, gatherBatch, selectBatch, upload } from '../../../src/train/step/dataset.js';

const pixels: Split = {
  size: 3,
  fields: {
    features: { shape: [1, 2], dtype: 'u8', values: Uint8Array.of(0, 10, 100, 110, 200, 255) },
    targets: { shape: [], dtype: 'i32', values: Int32Array.of(7, 8, 9) },
  },
};

/** Features and targets of the samples at `chosen`. */
async function batchOf(split: Split, chosen: number[], affine?: { scale: number[]; shift: number[] }) {
  const session = referenceBackend.open({ threads: 1 });
  const dataset = datasetOf('test', split, affine);
  upload(session, dataset, split);
  const indices: Node = input('batch.indices', [chosen.length], 'i32');
  const { x, target } = gatherBatch(dataset, indices);
  session.write(indices, chosen);
  const executable = session.compile({ name: 'batch', outputs: [x, target], updates: [] });
  executable.run();
  return {
    shape: x.shape,
    dtype: x.dtype,
    x: [...(await executable.read())[0]],
    target: [...(await executable.read())[1]],
  };
}

describe('a batch of a resident dataset', () => {
  it('holds the samples at the given indices, in their order, as f32', async () => {
    expect(await batchOf(pixels, [2, 0, 2])).toEqual({
      shape: [3, 1, 2],
      dtype: 'f32',
      x: [200, 255, 0, 10, 200, 255],
      target: [9, 7, 9],
    });
  });

  it('maps features by one scale and shift for all', async () => {
    expect((await batchOf(pixels, [1], { scale: [0.5], shift: [-1] })).x).toEqual([49, 54]);
  });

  it('maps features by a scale and shift for each entry of the last axis', async () => {
    expect((await batchOf(pixels, [1], { scale: [1, 2], shift: [0, -20] })).x).toEqual([100, 200]);
  });

  it('is the same where parts of a file share its bytes, in memory of the session or not', async () => {
    const values = Uint8Array.of(0, 10, 100, 110, 200, 255, 1, 2);
    for (const backend of [referenceBackend, wasmBackend]) {
      for (const reserved of [false, true]) {
        const session = backend.open({ threads: 1 });
        const shared = reserved ? session.reserve(values.length) : values;
        shared.set(values);
        const parts = [[3, 1], [0, 2]].map((rows): Split => ({
          size: 2,
          fields: { features: { shape: [1, 2], dtype: 'u8', values: shared, rows: Int32Array.from(rows) }, targets: { shape: [2], dtype: 'f32', values: Float32Array.of(rows[0], 0.5, rows[1], 0.5) } },
        })); // prettier-ignore
        const indices = input('batch.indices', [2], 'i32');
        const batches: number[][][] = [];
        for (const [i, split] of parts.entries()) {
          const dataset = datasetOf(['train', 'val'][i], split);
          upload(session, dataset, split);
          const { x, target } = gatherBatch(dataset, indices);
          const executable = session.compile({ name: 'batch', outputs: [x, target], updates: [] });
          selectBatch(session, dataset, indices, Int32Array.of(1, 0));
          executable.run();
          batches.push((await executable.read()).map((values) => [...values]));
        }
        const [train, val] = batches;
        expect(train).toEqual([[100, 110, 1, 2], [1, 0.5, 3, 0.5]]); // prettier-ignore
        expect(val).toEqual([[200, 255, 0, 10], [2, 0.5, 0, 0.5]]); // prettier-ignore
        // One copy in the session, whatever the number of parts; beside it the indices, and targets for each sample of the file.
        const targetBytes = 8 * (backend === referenceBackend ? 8 : 4);
        expect(session.memory().inputs).toBe(values.length + 8 + 2 * targetBytes);
        session.close();
      }
    }
  });
});
