import { describe, expect, it } from 'vitest';
import { compare } from '../../src/train/index.js';

const run = (seed: number, accuracy: number, loss = 1) => ({ seed, figures: { 'test/accuracy': accuracy, 'test/loss': loss, lr: 0.1 } }); // prettier-ignore

describe('compare', () => {
  it('gives mean and standard deviation of each figure, and the gain over the first seed by seed', () => {
    const [none, better] = compare([[run(1, 0.5), run(2, 0.7)], [run(1, 0.6), run(2, 0.9)]], ['test/accuracy'], 'max'); // prettier-ignore
    expect(none.count).toBe(2);
    expect(none.gain).toBeUndefined();
    expect(none.figures.mean['test/accuracy']).toBeCloseTo(0.6, 12);
    // Two values a and b: |a - b| / sqrt(2).
    expect(none.figures.std?.['test/accuracy']).toBeCloseTo(0.2 / Math.SQRT2, 12);
    expect(Object.keys(none.figures.mean)).toEqual(['test/accuracy']);
    expect(better.gain?.mean).toBeCloseTo(0.15, 12);
    expect(better.gain?.std).toBeCloseTo(0.1 / Math.SQRT2, 12);
  });

  it('counts less of a loss as a gain', () => {
    const [, lower] = compare([[run(1, 0.5, 3)], [run(1, 0.5, 1)]], ['test/loss', 'test/accuracy'], 'min');
    expect(lower.gain).toEqual({ mean: 2 });
  });

  it('leaves out runs that failed, and gains without a counterpart', () => {
    const [first, second] = compare([[run(1, 0.5), { seed: 2 }], [{ seed: 1 }, run(2, 0.9)]], ['test/accuracy'], 'max'); // prettier-ignore
    expect([first.count, second.count]).toEqual([1, 1]);
    expect(second.gain).toBeUndefined();
    expect(compare([[run(1, 0.5)], [{ seed: 1 }]], ['test/accuracy'], 'max')[1]).toEqual({ count: 0, figures: { mean: {} } }); // prettier-ignore
  });

  it('leaves a figure that is undefined out of means and gains', () => {
    const [, second] = compare([[run(1, 0.5), run(2, NaN)], [run(1, 0.75), run(2, 0.9)]], ['test/accuracy'], 'max'); // prettier-ignore
    expect(second.gain).toEqual({ mean: 0.25 });
    expect(compare([[run(1, NaN)], [run(1, 0.5)]], ['test/accuracy'], 'max')[1].gain).toBeUndefined();
  });

  it('pairs the folds of cross-validations one by one, those of the same number of folds alone', () => {
    const fold = (seed: number, fold: number, folds: number, accuracy: number) => ({
      ...run(seed, accuracy),
      fold,
      folds,
    });
    const [base, paired, other] = compare(
      [
        [fold(1, 1, 2, 0.5), fold(1, 2, 2, 0.8), fold(2, 1, 2, 0.6)],
        [fold(1, 2, 2, 0.9), fold(1, 1, 2, 0.7), fold(2, 1, 2, 0.6)],
        [fold(1, 1, 3, 0.9), run(1, 0.9)],
      ],
      ['test/accuracy'],
      'max',
    );
    expect(base.count).toBe(3);
    expect(base.figures.mean['test/accuracy']).toBeCloseTo(1.9 / 3, 12);
    // Differences 0.1, 0.2 and 0.
    expect(paired.gain?.mean).toBeCloseTo(0.1, 12);
    expect(paired.gain?.std).toBeCloseTo(0.1, 12);
    expect(other.gain).toBeUndefined();
  });
});
