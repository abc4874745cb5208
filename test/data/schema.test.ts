import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { dataSchema, dataSources, fittedPreprocessingSchema, preprocessors } from '../../src/data/index.js';

const pair = { features: 'x', targets: 'y' };
const issuesOf = (config: unknown): string[] =>
  (dataSchema.safeParse(config).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('the data schema', () => {
  it('fills in the defaults', () => {
    expect(dataSchema.parse({ source: { csv: { path: 'a.csv', target: 'k' } } })).toEqual({
      source: {
        type: 'csv',
        path: 'a.csv',
        target: 'k',
        drop: [],
        categorical: [],
        hash: {},
        missing: 'error',
        missing_indicator: false,
        header: true,
        delimiter: ',',
        quote: '"',
      },
      split: { stratify: false },
      preprocess: [],
      cache: 'memory',
    });
  });

  it('takes preprocessing components by name alone or with parameters', () => {
    const preprocess = ['standardize', { minmax: {} }, { scale: { factor: 2 } }] as const;
    const parsed = dataSchema.parse({ source: { idx: { train: pair } }, preprocess: [...preprocess] });
    expect(parsed.preprocess).toEqual([
      { type: 'standardize' },
      { type: 'minmax', min: 0, max: 1 },
      { type: 'scale', factor: 2, offset: 0 },
    ]);
  });

  it.each([
    [{ source: { csv: { target: 'k' } } }, 'source: give the file as path, or as train, val and test'],
    [{ source: { csv: { path: 'a', train: 'b', target: 'k' } } }, 'source.train: path and train mean the same'],
    [{ source: { csv: { path: 'a', target: 'k', delimiter: ';;' } } }, 'source.delimiter: must be a single character'],
    [{ source: { csv: { path: 'a', target: 'k', delimiter: '"' } } }, 'source.quote: must differ from delimiter'],
    [
      { source: { idx: { train: pair, test: pair } }, split: { test: 0.2 } },
      'split.test: the source has test files already',
    ],
    [{ source: { idx: { train: pair } }, preprocess: [{ minmax: { min: 1 } }] }, 'preprocess.0.max: must be larger'],
    [{ source: { idx: { train: pair } }, preprocess: ['scale'] }, 'preprocess.0.factor: '],
  ])('refuses %o', (config, message) => {
    expect(issuesOf(config).join('\n')).toContain(message);
  });

  it.each([0, -1, 1.5, NaN, '5'])('refuses a split of %s', (val) => {
    expect(issuesOf({ source: { idx: { train: pair } }, split: { val } })).toHaveLength(1);
  });

  it('describes every parameter', () => {
    const undescribed = (schema: z.ZodObject): string[] =>
      Object.entries(schema.shape)
        .filter(([, value]) => (value as z.ZodType).description === undefined)
        .map(([key]) => key);
    const entries: { schema: z.ZodObject }[] = [...Object.values(dataSources), ...Object.values(preprocessors)];
    for (const { schema } of entries) expect(undescribed(schema)).toEqual([]);
    expect(undescribed(dataSchema)).toEqual([]);
  });
});

describe('fitted preprocessing from a checkpoint', () => {
  const encoding = { kind: 'arrays', dtype: 'u8', shape: [2, 2, 3], target_width: 1, classes: ['0', '1'] };

  it('must fit its own encoding', () => {
    const parse = (affine: object): boolean => fittedPreprocessingSchema.safeParse({ encoding, affine }).success;
    expect(parse({ scale: [1, 1, 1], shift: [0, 0, 0] })).toBe(true);
    expect(parse({ scale: [1, 1], shift: [0, 0] })).toBe(false);
    expect(parse({ scale: [1, 1, 1], shift: [0, 0, null] })).toBe(false);
  });
});
