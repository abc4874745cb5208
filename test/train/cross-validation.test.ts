import { describe, expect, it } from 'vitest';
import { meanAndSpread } from '../../src/train/index.js';

describe('meanAndSpread', () => {
  it('is the mean and the sample standard deviation of each figure', () => {
    // numpy: np.std([2, 4, 4, 4, 5, 5, 7, 9], ddof=1)
    const runs = [2, 4, 4, 4, 5, 5, 7, 9].map((loss) => ({ loss, accuracy: 0.5 }));
    const { mean, std } = meanAndSpread(runs);
    expect(mean).toEqual({ loss: 5, accuracy: 0.5 });
    expect(std?.loss).toBeCloseTo(2.138089935299395, 12);
    expect(std?.accuracy).toBe(0);
  });

  it('has no spread with fewer than two runs', () => {
    expect(meanAndSpread([{ loss: 3 }])).toEqual({ mean: { loss: 3 } });
    expect(meanAndSpread([])).toEqual({ mean: {} });
  });
});
