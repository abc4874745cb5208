/** `data.cache: disk`: the same numbers as in memory, kept in a file of which nothing is left. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import {
  dataSchema,
  forEachSample,
  loadData,
  type LoadedData,
  loadSplit,
  sampleOf,
  type Split,
} from '../../../src/data/index.js';
import { hostRandom } from '../../../src/tensor/random.js';
import { type DataInput, dataErrorOf, load, tempFolder } from '../files.js';

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
const parquet = (name: (typeof names)[number], isNumber: boolean): ColumnSource =>
  isNumber
    ? {
        name,
        type: 'DOUBLE',
        nullable: true,
        data: records.map((row) => (row[name] === '' ? null : Number(row[name]))),
      }
    : { name, type: 'STRING', data: records.map((row) => row[name]) };
const columnData = names.map((name) => parquet(name, ['many', 'few', 'y'].includes(name)));
write('all.parquet', new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: [7000] })));
write('all.jsonl', records.map(({ many, ...row }) => JSON.stringify({ ...row, many: many === '' ? null : Number(many) })).join('\n')); // prettier-ignore

const valuesOf = ({ size, fields: { features, targets } }: Split) => ({
  size,
  features: Array.from({ length: size }, (_, i) => [...sampleOf(features, i)]),
  targets: targets && [...targets.values],
});
const partsOf = ({ train, val, test, preprocessing, classes, files }: LoadedData) => ({
  ...{ preprocessing, classes, files },
  parts: [train, val, test].map((split) => split && valuesOf(split)),
});

const csv = (params: object): DataInput['source'] => ({ csv: { path: 'all.csv', target: 'k', drop: ['id', 'y'], missing: 'mean', ...params } }); // prettier-ignore
const split = { val: 0.2, test: 0.1 };

describe('data.cache: disk', () => {
  it.each<[string, Omit<DataInput, 'cache'>, 'classes' | 'numbers' | 'none']>([
    ['standardized', { source: csv({}), split, preprocess: ['standardize'] }, 'classes'],
    ['by quantiles, medians filled in', { source: csv({ missing: 'median' }), split, preprocess: ['robust', 'minmax'] }, 'classes'], // prettier-ignore
    ['rows dropped, one-hot numbers', { source: csv({ missing: 'drop', categorical: ['few'] }), split, preprocess: ['standardize'] }, 'classes'], // prettier-ignore
    ['the most frequent, indicators', { source: csv({ missing: 'most_frequent', missing_indicator: true }), split }, 'classes'], // prettier-ignore
    ['hashed names', { source: csv({ drop: ['y'], hash: { id: 16 } }), split }, 'classes'],
    ['stratified', { source: csv({}), split: { ...split, stratify: true } }, 'classes'],
    ['a fold', { source: csv({}), folds: 3, fold: 2, split: { val: 100 } }, 'classes'],
    ['not split, limited', { source: csv({}), limit_train: 500 }, 'classes'],
    ['a test file of its own', { source: csv({ test: 'new.csv' }), preprocess: ['standardize'] }, 'classes'],
    ['a regression', { source: csv({ target: ['y', 'few'], drop: ['id', 'k'] }), split }, 'numbers'],
    ['a reconstruction', { source: csv({ target: undefined, drop: ['id', 'y', 'k'] }), split }, 'none'],
    ['Parquet', { source: { parquet: { path: 'all.parquet', target: 'k', drop: ['id', 'y'], missing: 'mean' } }, split, preprocess: ['standardize'] }, 'classes'], // prettier-ignore
    ['JSON lines', { source: { jsonl: { path: 'all.jsonl', target: 'k', drop: ['id', 'y'], missing: 'mean' } }, split, preprocess: ['standardize'] }, 'classes'], // prettier-ignore
  ])('gives the numbers of cache: memory: %s', async (_, config, target) => {
    const resident = await load(dir, { ...config, cache: 'memory' }, { target });
    const stored = await load(dir, { ...config, cache: 'disk', cache_dir }, { target });
    expect(stored.train.fields.features.records).toBeDefined();
    expect(partsOf(stored)).toEqual(partsOf(resident));
    expect(readdirSync(cache_dir)).toEqual([]);
  });

  it('gives those of one part for an evaluation', async () => {
    const config = { source: csv({}), split, preprocess: ['standardize' as const] };
    const options = { target: 'classes', seed: 1, baseDir: dir } as const;
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
    forEachSample(val.fields.features, val.size, (values, i) => seen.set(i, [...values]));
    expect(seen.size).toBe(val.size);
    for (const [i, values] of seen) expect(values).toEqual([...sampleOf(val.fields.features, i)]);
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
      `${dir}/nowhere: no such folder for the temporary file of data.cache: disk\n` +
        '  hint: set data.cache_dir or TMPDIR to a folder with enough space',
    );
  });

  it('is refused where the source cannot do without memory, and cache_dir without it', () => {
    const issues = (config: unknown) => (dataSchema.safeParse(config).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`); // prettier-ignore
    expect(issues({ source: { moons: {} }, cache: 'disk' })).toEqual([
      'cache: moons is read into memory: disk works with images, csv, jsonl and parquet; leave it out, or convert the data',
    ]);
    expect(issues({ source: csv({}), cache_dir: 'x' })).toEqual(['cache_dir: belongs to data.cache: disk']);
  });
});

describe('data.cache: disk of images', () => {
  /** Three classes of small images of noise. */
  const photos = (name: string, count: number): string => {
    const pixels = hostRandom(2, name);
    for (const [k, kind] of ['cat', 'dog', 'owl'].entries()) {
      mkdirSync(path.join(dir, name, kind), { recursive: true });
      for (let i = k; i < count; i += 3) {
        const values = Uint8Array.from({ length: 6 * 5 * 3 }, () => pixels.below(256));
        writeFileSync(
          path.join(dir, name, kind, `${i}.png`),
          encode({ width: 5, height: 6, channels: 3, data: values }),
        );
      }
    }
    return name;
  };
  const images = (params: object = {}): DataInput['source'] => ({ images: { path: 'photos', ...params } });
  photos('photos', 90);
  photos('others', 30);

  it.each<[string, Omit<DataInput, 'cache'>, 'classes' | 'none']>([
    ['standardized', { source: images(), split, preprocess: ['standardize'] }, 'classes'],
    ['by quantiles, resized', { source: images({ size: [8, 3], color: 'grayscale' }), split, preprocess: ['robust'] }, 'classes'], // prettier-ignore
    ['stratified, limited', { source: images(), split: { ...split, stratify: true }, limit_train: 20, limit_val: 4 }, 'classes'], // prettier-ignore
    ['a fold', { source: images(), folds: 3, fold: 2, split: { val: 10 } }, 'classes'],
    ['a test folder of its own', { source: images({ test: 'others' }), preprocess: ['minmax'] }, 'classes'],
    ['principal components', { source: images({ test: 'others' }), preprocess: ['standardize', { pca: { components: 4 } }] }, 'classes'], // prettier-ignore
    ['whitened', { source: images(), split, preprocess: ['zca'] }, 'classes'],
    ['a reconstruction', { source: images(), split }, 'none'],
  ])('gives the numbers of cache: memory: %s', async (_, config, target) => {
    const resident = await load(dir, { ...config, cache: 'memory' }, { target });
    const stored = await load(dir, { ...config, cache: 'disk', cache_dir }, { target });
    expect(stored.train.fields.features.records).toBeDefined();
    expect(partsOf(stored)).toEqual(partsOf(resident));
    expect(stored.affine).toEqual(resident.affine);
    expect(readdirSync(cache_dir)).toEqual([]);
  });

  it('keeps bytes as bytes, in one file for all parts', async () => {
    const { train, val } = await load(dir, { source: images(), split, cache: 'disk', cache_dir });
    expect(train.fields.features.dtype).toBe('u8');
    expect(val?.fields.features.records).toBe(train.fields.features.records);
  });

  it('gives those of one part for an evaluation', async () => {
    const config = { source: images(), split, preprocess: ['standardize' as const] };
    const options = { target: 'classes', seed: 1, baseDir: dir } as const;
    const { test, preprocessing } = await loadData(dataSchema.parse(config), options);
    const disk = dataSchema.parse({ ...config, cache: 'disk' });
    const again = await loadSplit(disk, 'test', { ...options, fitted: preprocessing });
    expect(again.split && valuesOf(again.split)).toEqual(test && valuesOf(test));
  });

  it('names the image in the middle that is damaged or of another size, and leaves no file behind', async () => {
    photos('broken', 12);
    const damaged = path.join(dir, 'broken', 'dog', '4.png');
    writeFileSync(damaged, 'no image');
    const broken = { source: images({ path: 'photos', val: 'broken' }), cache: 'disk', cache_dir } as const;
    const error = await dataErrorOf(load(dir, broken));
    expect(error.message).toBe(`${damaged}: neither PNG nor JPEG: it starts with 6e 6f 20 69`);
    const values = new Uint8Array(4 * 4 * 3);
    writeFileSync(damaged, encode({ width: 4, height: 4, channels: 3, data: values }));
    const other = await dataErrorOf(load(dir, broken));
    expect(other.message).toBe(`${damaged}: 4 x 4 pixels, but the images before it have 6 x 5`);
    expect(readdirSync(cache_dir)).toEqual([]);
  });
});
