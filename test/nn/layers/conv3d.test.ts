import { describe, expect, it } from 'vitest';
import { network } from '../helpers/network.js';

describe('layers of volumes', () => {
  it('want depth, height, width and channels', () => {
    for (const layer of [{ conv3d: { filters: 2, kernel_size: 3 } }, { conv3d_transpose: { filters: 2, kernel_size: 3 } }, 'max_pool3d', 'global_avg_pool3d']) {
      expect(() => network([layer], [4, 4, 4])).toThrow(
        'needs [depth, height, width, channels] per sample, got [4, 4, 4]; put a layer reshape: {shape: [4, 4, 4, 1]} before it',
      );
    }
  }); // prettier-ignore

  it('name a window that is larger than the volume', () => {
    expect(() => network([{ conv3d: { filters: 2, kernel_size: [3, 2, 2], dilation: [2, 1, 1] } }], [4, 4, 4, 1])).toThrow(
      'layers.0 (conv3d): a kernel of 3x2x2 with dilation 2x1x1 does not fit into [4, 4, 4, 1]; it must be at most 4x4x4, or use padding: same',
    );
    expect(() => network([{ avg_pool3d: { pool_size: 5 } }], [4, 4, 4, 1])).toThrow('a pool of 5x5x5 does not fit');
  }); // prettier-ignore

  it('have the weights and the work of their definition', () => {
    const [row] = network([{ conv3d: { filters: 8, kernel_size: [3, 2, 2] } }], [5, 4, 4, 4]).model.rows;
    expect(row.parameters).toBe(3 * 2 * 2 * 4 * 8 + 8);
    expect(row.outputShape).toEqual([3, 3, 3, 8]);
    expect(row.macs).toBe(27 * 8 * 3 * 2 * 2 * 4);
    const [back] = network([{ conv3d_transpose: { filters: 8, kernel_size: 2, strides: 2 } }], [2, 2, 2, 4]).model.rows;
    expect([back.parameters, back.macs]).toEqual([8 * 8 * 4 + 8, 8 * 4 * 8 * 8]);
  });
});

describe('the weights of a layer on images of 100 x 100 pixels', () => {
  const weightsOf = (...layers: unknown[]) =>
    network(layers, [100, 100, 1]).model.rows.reduce((sum, { parameters }) => sum + parameters, 0);

  it('are 10 million for 1,000 dense units, and 25,000 for 1,000 filters of 5 x 5', () => {
    expect(weightsOf('flatten', { dense: { units: 1000, use_bias: false } })).toBe(10_000_000);
    expect(weightsOf('flatten', { dense: { units: 1000 } })).toBe(10_001_000);
    expect(weightsOf({ conv2d: { filters: 1000, kernel_size: 5, use_bias: false } })).toBe(25_000);
    expect(weightsOf({ conv2d: { filters: 1000, kernel_size: 5 } })).toBe(26_000);
  });
});
