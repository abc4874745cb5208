import { describe, expect, it } from 'vitest';
import { input, type Node, referenceBackend } from '../../src/tensor/index.js';
import type { Split } from '../../src/data/index.js';
import { datasetOf, gatherBatch, upload } from '../../src/train/dataset.js';

const pixels: Split = {
  size: 3,
  features: { shape: [1, 2], dtype: 'u8', values: Uint8Array.of(0, 10, 100, 110, 200, 255) },
  targets: { shape: [], dtype: 'i32', values: Int32Array.of(7, 8, 9) },
};

/** Features and targets of the samples at `chosen`. */
function batchOf(split: Split, chosen: number[], affine?: { scale: number[]; shift: number[] }) {
  const session = referenceBackend.open({ threads: 1 });
  const dataset = datasetOf('test', split, affine);
  upload(session, dataset, split);
  const indices: Node = input('batch.indices', [chosen.length], 'i32');
  const { x, target } = gatherBatch(dataset, indices);
  session.write(indices, chosen);
  const executable = session.compile({ name: 'batch', outputs: [x, target], updates: [] });
  executable.run();
  return { shape: x.shape, dtype: x.dtype, x: [...executable.output(0)], target: [...executable.output(1)] };
}

describe('a batch of a resident dataset', () => {
  it('holds the samples at the given indices, in their order, as f32', () => {
    expect(batchOf(pixels, [2, 0, 2])).toEqual({
      shape: [3, 1, 2],
      dtype: 'f32',
      x: [200, 255, 0, 10, 200, 255],
      target: [9, 7, 9],
    });
  });

  it('maps features by one scale and shift for all', () => {
    expect(batchOf(pixels, [1], { scale: [0.5], shift: [-1] }).x).toEqual([49, 54]);
  });

  it('maps features by a scale and shift for each entry of the last axis', () => {
    expect(batchOf(pixels, [1], { scale: [1, 2], shift: [0, -20] }).x).toEqual([100, 200]);
  });
});
