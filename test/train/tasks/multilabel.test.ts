import { describe, expect, it } from 'vitest';
import { multilabel } from '../../../src/train/tasks/multilabel.js';
import { parsed, refused } from './written.js';

describe('multilabel', () => {
  it('takes yes-or-no labels, and compares the output with them', () => {
    expect(multilabel).toMatchObject({ targets: 'labels', reference: 'labels' });
  });

  it('minimizes binary cross-entropy and measures accuracy by default', () => {
    expect(parsed('multilabel')).toMatchObject({
      loss: { type: 'binary_cross_entropy', pos_weight: 1 },
      metrics: [{ type: 'accuracy' }],
    });
  });

  it('refuses what is only for classes that exclude each other', () => {
    const [loss, metric] = refused('multilabel', { loss: 'softmax_cross_entropy', metrics: ['top_k_accuracy'] });
    expect(loss).toBe('loss: softmax_cross_entropy does not fit multilabel; use one of binary_cross_entropy, focal, hinge'); // prettier-ignore
    expect(metric).toMatch(/^metrics\.0: top_k_accuracy does not fit multilabel; use one of accuracy, subset_accuracy/);
  });
});
