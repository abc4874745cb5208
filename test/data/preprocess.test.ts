import { describe, expect, it } from 'vitest';
import { applyAffine, fitAffine, statisticsOf } from '../../src/data/preprocess.js';

describe('statisticsOf', () => {
  it('gives mean, population standard deviation and range for each column', () => {
    // Columns 1 2 3 4 and 10 10 10 10.
    const [first, second] = statisticsOf(Float64Array.of(1, 10, 2, 10, 3, 10, 4, 10), 2, 2);
    expect(first).toEqual({ mean: 2.5, std: Math.sqrt(1.25), min: 1, max: 4 });
    expect(second).toEqual({ mean: 10, std: 0, min: 10, max: 10 });
  });

  it('pools all pixels of a channel', () => {
    const [red, green] = statisticsOf(Uint8Array.of(0, 5, 100, 5, 200, 5, 100, 5), 2, 4);
    expect(red).toEqual({ mean: 100, std: Math.sqrt(5000), min: 0, max: 200 });
    expect(green).toEqual({ mean: 5, std: 0, min: 5, max: 5 });
  });

  it('looks at the given rows only', () => {
    expect(statisticsOf(Uint8Array.of(1, 99, 3), 1, 1, Int32Array.of(0, 2))[0]).toMatchObject({ mean: 2, max: 3 });
  });

  it('finds no spread in a constant column whose mean is not exact', () => {
    expect(statisticsOf(new Float64Array(10).fill(0.1), 1, 1)[0].std).toBe(0);
  });
});

describe('fitAffine', () => {
  const values = Float64Array.of(2, 7, 4, 7, 6, 7);
  const fit = (...components: Parameters<typeof fitAffine>[0]): number[] =>
    [
      ...applyAffine(
        values,
        fitAffine(components, 2, () => statisticsOf(values, 2, 2)),
      ),
    ].map((v) => Math.fround(v));
  const rounded = (numbers: number[]): number[] => numbers.map(Math.fround);

  it('standardizes, and centres a column without spread', () => {
    const z = Math.sqrt(3 / 2);
    expect(fit({ type: 'standardize' })).toEqual(rounded([-z, 0, 0, 0, z, 0]));
  });

  it('scales', () => {
    expect(fit({ type: 'scale', factor: 0.5, offset: -1 })).toEqual([0, 2.5, 1, 2.5, 2, 2.5]);
  });

  it('maps to a range, and a column without spread to its lower end', () => {
    expect(fit({ type: 'minmax', min: -1, max: 1 })).toEqual([-1, -1, 0, -1, 1, -1]);
  });

  it('fits each component on what the one before it gives', () => {
    const one = fit({ type: 'minmax', min: 0, max: 1 });
    expect(fit({ type: 'scale', factor: -3, offset: 5 }, { type: 'minmax', min: 0, max: 1 })).toEqual([
      one[4],
      0,
      one[2],
      0,
      one[0],
      0,
    ]);
    expect(fit({ type: 'standardize' }, { type: 'scale', factor: 2, offset: 0 })[4]).toBeCloseTo(2 * Math.sqrt(1.5), 6);
  });

  it('leaves untouched entries as they are and asks for no statistics that nothing needs', () => {
    const refuse = (): never => {
      throw new Error('not needed');
    };
    const affine = fitAffine([{ type: 'scale', factor: 3, offset: 1 }], 2, refuse, (entry) => entry === 1);
    expect(affine).toEqual({ scale: [3, 1], shift: [1, 0] });
  });
});
