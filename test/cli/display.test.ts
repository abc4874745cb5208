import { describe, expect, it } from 'vitest';
import { progressLine } from '../../src/cli/display.js';

const parts = {
  epoch: 12,
  epochs: 100,
  progress: 0.5,
  figures: ['loss 0.12345', 'accuracy 0.98765', 'top_k_accuracy(k=5) 0.99912'],
  speed: '63,299',
  left: '1 h 04 min',
};

describe('progressLine', () => {
  it('shows all where there is room', () => {
    expect(progressLine(parts, 200)).toBe(
      `epoch 12/100 ${'■'.repeat(10)}${' '.repeat(10)} 50%  loss 0.12345  accuracy 0.98765  top_k_accuracy(k=5) 0.99912  63,299 samples/s  1 h 04 min left`,
    );
  });

  it.each([200, 120, 100, 80, 60, 40, 30])('fits %i columns, with the time left in sight', (columns) => {
    const line = progressLine(parts, columns);
    expect(line.length).toBeLessThan(columns);
    expect(line).toContain('1 h 04 min left');
  });

  it('keeps the first figure longest', () => {
    expect(progressLine(parts, 80)).toBe('epoch 12/100 50%  loss 0.12345  accuracy 0.98765  1 h 04 min left');
    expect(progressLine(parts, 40)).toBe('epoch 12/100 50%  1 h 04 min left');
  });
});
