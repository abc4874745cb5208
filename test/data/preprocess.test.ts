import { describe, expect, it } from 'vitest';
import { applyAffine, fitAffine } from '../../src/data/preprocess.js';
import { Spread, type SpreadStatistics } from '../../src/data/spread.js';

/** The spread of `values` with `width` entries in the last axis, which come in blocks of `step` values. */
const spreadOf = (values: Uint8Array | Float64Array, width: number, step = values.length): Spread =>
  new Spread(width, () =>
    Array.from({ length: Math.ceil(values.length / step) }, (_, i) => ({
      features: { shape: [width], values: values.subarray(i * step, (i + 1) * step) },
      targets: { shape: [], dtype: 'i32' as const, values: new Int32Array(0) },
      placeOf: () => ({ file: 'a' }),
    })),
  );
const statisticsOf = (...args: Parameters<typeof spreadOf>): readonly SpreadStatistics[] =>
  spreadOf(...args).statistics();

describe('statisticsOf', () => {
  it('gives mean, population standard deviation and range for each column', () => {
    // Columns 1 2 3 4 and 10 10 10 10.
    const [first, second] = statisticsOf(Float64Array.of(1, 10, 2, 10, 3, 10, 4, 10), 2);
    expect(first).toEqual({ mean: 2.5, std: Math.sqrt(1.25), min: 1, max: 4 });
    expect(second).toEqual({ mean: 10, std: 0, min: 10, max: 10 });
  });

  it('pools all pixels of a channel', () => {
    const [red, green] = statisticsOf(Uint8Array.of(0, 5, 100, 5, 200, 5, 100, 5), 2);
    expect(red).toEqual({ mean: 100, std: Math.sqrt(5000), min: 0, max: 200 });
    expect(green).toEqual({ mean: 5, std: 0, min: 5, max: 5 });
  });

  it('gives the same bits whatever the blocks', () => {
    const values = Float64Array.from({ length: 300 }, (_, i) => Math.sin(i) / 3);
    expect(statisticsOf(values, 3, 30)).toEqual(statisticsOf(values, 3));
    expect(spreadOf(values, 3, 30).quantile(1, 0.3)).toBe(spreadOf(values, 3).quantile(1, 0.3));
  });

  it('finds no spread in a constant column whose mean is not exact', () => {
    expect(statisticsOf(new Float64Array(10).fill(0.1), 1)[0].std).toBe(0);
  });
});

describe('fitAffine', () => {
  const values = Float64Array.of(2, 7, 4, 7, 6, 7);
  const fit = (...components: Parameters<typeof fitAffine>[0]): number[] =>
    [...applyAffine(values, fitAffine(components, 2, spreadOf(values, 2)), new Float32Array(6))].map((v) =>
      Math.fround(v),
    );
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

  it('scales by median and quartiles, between neighbours as NumPy has them', () => {
    // numpy.quantile([1, 2, 4, 100], [0.25, 0.5, 0.75]) is [1.75, 3, 28].
    const outlier = Float64Array.of(1, 100, 4, 2);
    const robust = fitAffine([{ type: 'robust', lower: 25, upper: 75 }], 1, spreadOf(outlier, 1));
    expect([...applyAffine(outlier, robust, new Float32Array(outlier.length))]).toEqual(
      [1, 100, 4, 2].map((v) => expect.closeTo((v - 3) / 26.25, 6) as number),
    );
    const mirrored = { type: 'scale', factor: -1, offset: 0 } as const;
    const after = fitAffine([mirrored, { type: 'robust', lower: 25, upper: 75 }], 1, spreadOf(outlier, 1));
    expect(after.scale[0]).toBeCloseTo(-1 / 26.25, 9);
  });

  it('leaves untouched entries as they are and asks for no statistics that nothing needs', () => {
    const refuse = new Spread(2, () => {
      throw new Error('not needed');
    });
    const affine = fitAffine([{ type: 'scale', factor: 3, offset: 1 }], 2, refuse, (entry) => entry === 1);
    expect(affine).toEqual({ scale: [3, 1], shift: [1, 0] });
  });
});
