/** `data.cache: disk`: the same numbers as in memory, kept in a file of which nothing is left. */
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  dataSchema,
  forEachSample,
  loadData,
  type LoadedData,
  loadSplit,
  sampleOf,
  type Split,
} from '../../src/data/index.js';
import { hostRandom } from '../../src/tensor/random.js';
import { type DataInput, dataErrorOf, load, tempFolder } from './files.js';

const { dir, write } = tempFolder();
const cache_dir = path.join(dir, 'scratch');
mkdirSync(cache_dir);

/** More rows than a page of cells has, so that columns are in the file: many numbers, few numbers, words, gaps. */
const SIZE = 20_000;
const random = hostRandom(1, 'cache');
const records = Array.from({ length: SIZE }, (_, i) => ({
  many: i % 50 === 3 ? '' : String(random.normal()),
  few: String(random.below(30)),
  word: i % 90 === 5 ? 'NA' : ['red', 'green', 'blue'][random.below(3)],
  id: `n${i}`,
  y: String(Math.round(1000 * random.normal()) / 8),
  k: ['a', 'b', 'c'][random.below(3)],
}));
const names = ['many', 'few', 'word', 'id', 'y', 'k'] as const;
const csvText = (rows: typeof records): string =>
  [names.join(), ...rows.map((row) => names.map((name) => row[name]).join())].join('\n');
write('all.csv', csvText(records));
write('new.csv', csvText(records.slice(0, 9000).reverse()));
write('all.jsonl', records.map(({ many, ...row }) => JSON.stringify({ ...row, many: many === '' ? null : Number(many) })).join('\n')); // prettier-ignore

const valuesOf = ({ size, features, targets }: Split) => ({
  size,
  features: Array.from({ length: size }, (_, i) => [...sampleOf(features, i)]),
  targets: features === targets ? 'features' : [...targets.values],
});
const partsOf = ({ train, val, test, preprocessing, classes, files }: LoadedData) => ({
  ...{ preprocessing, classes, files },
  parts: [train, val, test].map((split) => split && valuesOf(split)),
});

const csv = (params: object): DataInput['source'] => ({ csv: { path: 'all.csv', target: 'k', drop: ['id', 'y'], missing: 'mean', ...params } }); // prettier-ignore
const split = { val: 0.2, test: 0.1 };

describe('data.cache: disk', () => {
  it.each<[string, Omit<DataInput, 'cache'>, 'classification' | 'regression' | 'reconstruction']>([
    ['standardized', { source: csv({}), split, preprocess: ['standardize'] }, 'classification'],
    ['by quantiles, medians filled in', { source: csv({ missing: 'median' }), split, preprocess: ['robust', 'minmax'] }, 'classification'], // prettier-ignore
    ['rows dropped, one-hot numbers', { source: csv({ missing: 'drop', categorical: ['few'] }), split, preprocess: ['standardize'] }, 'classification'], // prettier-ignore
    ['the most frequent, indicators', { source: csv({ missing: 'most_frequent', missing_indicator: true }), split }, 'classification'], // prettier-ignore
    ['hashed names', { source: csv({ drop: ['y'], hash: { id: 16 } }), split }, 'classification'],
    ['stratified', { source: csv({}), split: { ...split, stratify: true } }, 'classification'],
    ['a fold', { source: csv({}), folds: 3, fold: 2, split: { val: 100 } }, 'classification'],
    ['not split, limited', { source: csv({}), limit_train: 500 }, 'classification'],
    ['a test file of its own', { source: csv({ test: 'new.csv' }), preprocess: ['standardize'] }, 'classification'],
    ['a regression', { source: csv({ target: ['y', 'few'], drop: ['id', 'k'] }), split }, 'regression'],
    ['a reconstruction', { source: csv({ target: undefined, drop: ['id', 'y', 'k'] }), split }, 'reconstruction'],
    ['JSON lines', { source: { jsonl: { path: 'all.jsonl', target: 'k', drop: ['id', 'y'], missing: 'mean' } }, split, preprocess: ['standardize'] }, 'classification'], // prettier-ignore
  ])('gives the numbers of cache: memory: %s', async (_, config, task) => {
    const resident = await load(dir, { ...config, cache: 'memory' }, { task });
    const stored = await load(dir, { ...config, cache: 'disk', cache_dir }, { task });
    expect(stored.train.features.records).toBeDefined();
    expect(partsOf(stored)).toEqual(partsOf(resident));
    expect(readdirSync(cache_dir)).toEqual([]);
  });

  it('gives those of one part for an evaluation', async () => {
    const config = { source: csv({}), split, preprocess: ['standardize' as const] };
    const options = { task: 'classification', seed: 1, baseDir: dir } as const;
    const { test, preprocessing } = await loadData(dataSchema.parse(config), options);
    const again = await loadSplit(dataSchema.parse({ ...config, cache: 'disk' }), 'test', {
      ...options,
      fitted: preprocessing,
    });
    expect(again.split && valuesOf(again.split)).toEqual(test && valuesOf(test));
  });

  it('visits every sample of a part once', async () => {
    const { val } = await load(dir, { source: csv({}), split, cache: 'disk', cache_dir });
    if (val === undefined) throw new Error('there is a validation split');
    const seen = new Map<number, number[]>();
    forEachSample(val.features, val.size, (values, i) => seen.set(i, [...values]));
    expect(seen.size).toBe(val.size);
    for (const [i, values] of seen) expect(values).toEqual([...sampleOf(val.features, i)]);
  });

  it('tells where in the file a value is wrong', async () => {
    write('bad.csv', csvText(records.map((row, i) => (i === 15_000 ? { ...row, many: 'oops' } : row))));
    const bad = load(dir, { source: csv({ path: 'bad.csv' }), split, cache: 'disk', cache_dir });
    expect((await dataErrorOf(bad)).message).toBe('bad.csv:15002:1: expected a number in column "many", got "oops"'.replace('bad.csv', `${dir}/bad.csv`)); // prettier-ignore
    expect(readdirSync(cache_dir)).toEqual([]);
  });

  it('says where there is no folder for its file', async () => {
    const error = await dataErrorOf(load(dir, { source: csv({}), cache: 'disk', cache_dir: 'nowhere' }));
    expect(error.format()).toBe(
      `${dir}/nowhere: there is no such folder for the temporary file of data.cache: disk\n` +
        '  hint: name a folder with room by data.cache_dir, or by TMPDIR',
    );
  });

  it('is refused where the source cannot do without memory, and cache_dir without it', () => {
    const issues = (config: unknown) => (dataSchema.safeParse(config).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`); // prettier-ignore
    const parquet = { parquet: { path: 'a.parquet', target: 'k' } };
    expect(issues({ source: parquet, cache: 'disk' })).toEqual([
      'cache: parquet is read into memory: disk is for csv and jsonl, so leave it out, or store the data as such',
    ]);
    expect(issues({ source: csv({}), cache_dir: 'x' })).toEqual(['cache_dir: belongs to data.cache: disk']);
  });
});
