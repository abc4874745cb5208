import { describe, expect, it } from 'vitest';
import { classification } from '../../../src/train/tasks/classification.js';
import { parsed, refused, withoutTarget } from './written.js';

describe('classification', () => {
  it('takes class labels, and compares the output with them', () => {
    expect(classification).toMatchObject({ targets: 'classes', reference: 'classes' });
    expect(refused('classification', withoutTarget)).toEqual([
      'data.source.target: classification needs it; only reconstruction learns without targets',
    ]);
  });

  it('minimizes softmax cross-entropy and measures accuracy by default', () => {
    expect(parsed('classification')).toMatchObject({
      loss: { type: 'softmax_cross_entropy', label_smoothing: 0 },
      metrics: [{ type: 'accuracy' }],
    });
  });

  it('refuses losses and metrics of numbers, and names those that fit', () => {
    expect(refused('classification', { loss: 'huber', metrics: ['f1', 'rmse'] })).toEqual([
      'loss: huber does not fit classification; use one of softmax_cross_entropy, binary_cross_entropy, focal, hinge',
      expect.stringMatching(
        /^metrics\.1: rmse does not fit classification; use one of accuracy, balanced_accuracy, .*f1/,
      ),
    ]);
  });

  it('has fitted a batch when every answer is right and the loss is near zero', () => {
    const { fit } = classification;
    expect(fit.metric).toEqual({ type: 'accuracy' });
    expect(fit.measure(0.02, 0.5)).toEqual({ measure: 'loss', value: 0.02, accuracy: 0.5 });
    expect(fit.threshold({ shape: [], dtype: 'i32', values: Int32Array.of(0, 1) }, 2, undefined)).toBe(0.05);
  });
});
