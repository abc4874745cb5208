import { describe, expect, it } from 'vitest';
import { reconstruction } from '../../../src/train/tasks/reconstruction.js';
import { parsed, refused, withoutTarget } from './written.js';

describe('reconstruction', () => {
  it('needs no targets, and compares the output with the features', () => {
    expect(reconstruction).toMatchObject({ targets: 'none', reference: 'features' });
    expect(refused('reconstruction', withoutTarget)).toEqual([]);
  });

  it('minimizes the mean squared error and measures its root by default', () => {
    expect(parsed('reconstruction', withoutTarget)).toMatchObject({
      loss: { type: 'mean_squared_error' },
      metrics: [{ type: 'rmse' }],
    });
  });

  it('takes binary cross-entropy for features from 0 to 1, and no loss of classes', () => {
    expect(refused('reconstruction', { loss: 'binary_cross_entropy' })).toEqual([]);
    expect(refused('reconstruction', { loss: 'focal' })).toEqual([
      expect.stringMatching(/^loss: focal does not fit reconstruction; use one of binary_cross_entropy, mean_squared/),
    ]);
  });

  it('measures the variance of a batch of bytes as the step maps them', () => {
    const bytes = { shape: [1], dtype: 'u8', values: Uint8Array.of(0, 200) } as const;
    expect(reconstruction.fit.threshold(bytes, 2, { scale: [0.01], shift: [0] })).toBeCloseTo(0.01, 12);
  });
});
