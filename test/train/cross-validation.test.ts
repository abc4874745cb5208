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

  it('leaves out the runs in which a figure is undefined, and says in how many it is not', () => {
    const runs = [0.5, NaN, 0.7, NaN].map((auc, i) => ({ auc, loss: i, never: NaN }));
    const { mean, std, defined } = meanAndSpread(runs);
    expect(mean).toEqual({ auc: expect.closeTo(0.6, 12) as number, loss: 1.5, never: NaN });
    expect(std?.auc).toBeCloseTo(Math.SQRT2 / 10, 12);
    expect(Object.keys(std ?? {})).toEqual(['auc', 'loss']);
    expect(defined).toEqual({ auc: 2, never: 0 });
  });
});
