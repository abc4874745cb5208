import { describe, expect, it } from 'vitest';
import { regression } from '../../../src/train/tasks/regression.js';
import { parsed, refused } from './written.js';

describe('regression', () => {
  it('takes numbers, and compares the output with them', () => {
    expect(regression).toMatchObject({ targets: 'numbers', reference: 'numbers' });
  });

  it('minimizes the mean squared error and measures its root by default', () => {
    expect(parsed('regression')).toMatchObject({
      loss: { type: 'mean_squared_error' },
      metrics: [{ type: 'rmse' }],
    });
  });

  it('refuses losses and metrics of labels, also those that would take features from 0 to 1', () => {
    const [loss, metric] = refused('regression', { loss: 'binary_cross_entropy', metrics: ['accuracy'] });
    expect(loss).toMatch(/^loss: binary_cross_entropy does not fit regression; use one of mean_squared_error, /);
    expect(metric).toMatch(/^metrics\.0: accuracy does not fit regression; use one of mae, mse, rmse, /);
  });

  it('has fitted a batch when the squared error is a hundredth of the variance of its targets', () => {
    const { fit } = regression;
    expect(fit.metric).toEqual({ type: 'rmse' });
    expect(fit.measure(7, 0.5)).toEqual({ measure: 'mean_squared_error', value: 0.25 });
    const targets = { shape: [2], dtype: 'f32', values: Float32Array.of(0, 10, 2, 10, 900, 900) } as const;
    // Of the first two samples: variance 1 in the first column, 0 in the second.
    expect(fit.threshold(targets, 2, undefined)).toBeCloseTo(0.005, 12);
  });
});
