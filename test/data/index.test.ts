import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadSplit, dataSchema } from '../../src/data/index.js';
import { dataErrorOf, datasets, idxBytes, load, sample, tempFolder, type DataInput } from './files.js';

const mnist: DataInput['source'] = {
  idx: {
    train: { features: 'mnist/train-images-idx3-ubyte.gz', targets: 'mnist/train-labels-idx1-ubyte.gz' },
    test: { features: 'mnist/t10k-images-idx3-ubyte.gz', targets: 'mnist/t10k-labels-idx1-ubyte.gz' },
  },
};
const iris: DataInput['source'] = { csv: { path: 'iris/iris.csv', target: 'species' } };
const diabetes: DataInput['source'] = { csv: { path: 'diabetes/diabetes.csv', target: 'progression' } };
const { dir, write } = tempFolder();

const histogram = (values: ArrayLike<number>, bins: number): number[] => {
  const counts = Array<number>(bins).fill(0);
  for (const value of Array.from(values)) counts[value]++;
  return counts;
};

describe('loadData on MNIST', () => {
  it('has the labels, digit counts and checksums of its README', async () => {
    const data = await load(datasets, { source: mnist, preprocess: [{ scale: { factor: 1 / 255 } }] });
    expect([data.train.size, data.val?.size, data.test?.size]).toEqual([60_000, undefined, 10_000]);
    expect([...(data.train.fields.targets?.values.slice(0, 10) ?? [])]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...(data.test?.fields.targets?.values ?? []).slice(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    expect(histogram(data.train.fields.targets?.values ?? [], 10)).toEqual([
      5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]);
    expect(data.train.fields.features).toMatchObject({ shape: [28, 28, 1], dtype: 'u8' });
    expect(data.train.fields.features.values.length).toBe(60_000 * 784);
    expect(data.affine).toEqual({ scale: [1 / 255], shift: [0] });
    expect(data.classes).toEqual([...'0123456789']);
    const readme = readFileSync(path.join(datasets, 'mnist/README.md'), 'utf8');
    expect(data.files).toHaveLength(4);
    for (const file of data.files) expect(readme).toContain(`${file.sha256}  ${path.basename(file.path)}`);
  });

  it('standardizes by the known mean 33.318 and deviation 78.567 of the training pixels', async () => {
    const { affine } = await load(datasets, { source: mnist, preprocess: ['standardize'] });
    expect(1 / (affine?.scale[0] ?? 0)).toBeCloseTo(78.567, 3);
    expect(-(affine?.shift[0] ?? 0) / (affine?.scale[0] ?? 0)).toBeCloseTo(33.318, 3);
  });

  it('carves a stratified validation split and takes the first n samples of each part', async () => {
    const config: DataInput = { source: mnist, split: { val: 5000, stratify: true } };
    const whole = await load(datasets, config);
    expect([whole.train.size, whole.val?.size, whole.test?.size]).toEqual([55_000, 5000, 10_000]);
    histogram(whole.val?.fields.targets?.values ?? [], 10).forEach((count, digit) => {
      const all = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949][digit];
      expect(Math.abs(count - (5000 * all) / 60_000)).toBeLessThan(1);
    });
    const limited = await load(datasets, { ...config, limit_train: 100, limit_val: 10, limit_test: 20_000 });
    expect([limited.train.size, limited.val?.size, limited.test?.size]).toEqual([100, 10, 10_000]);
    expect(limited.train.fields.targets?.values).toEqual(whole.train.fields.targets?.values.slice(0, 100));
    expect(sample(limited.train.fields.features, 99)).toEqual(
      Array.from(whole.train.fields.features.values.subarray(99 * 784, 100 * 784)),
    );
  });
});

describe('loadData on tables', () => {
  it('reads iris', async () => {
    const { train, classes } = await load(datasets, { source: iris });
    expect([train.size, train.fields.features.shape, train.fields.features.dtype]).toEqual([150, [4], 'f32']);
    expect(sample(train.fields.features, 0)).toEqual([5.1, 3.5, 1.4, 0.2].map(Math.fround));
    expect(classes).toEqual(['setosa', 'versicolor', 'virginica']);
    expect(histogram(train.fields.targets?.values ?? [], 3)).toEqual([50, 50, 50]);
  });

  it('reads diabetes', async () => {
    const { train, classes } = await load(datasets, { source: diabetes }, { target: 'numbers' });
    expect([train.size, train.fields.features.shape, train.fields.targets?.shape]).toEqual([442, [10], [1]]);
    expect(sample(train.fields.features, 0)).toEqual([59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87].map(Math.fround));
    const progress = [...(train.fields.targets?.values ?? [])];
    expect(progress.slice(0, 2)).toEqual([151, 75]);
    expect([Math.min(...progress), Math.max(...progress)]).toEqual([25, 346]);
    expect(classes).toBeUndefined();
  });

  it('fits the preprocessing on the training split only', async () => {
    const split = { val: 0.2, test: 0.2, stratify: true };
    const raw = await load(datasets, { source: iris, split });
    const data = await load(datasets, { source: iris, split, preprocess: ['standardize'] });
    expect([data.train.size, data.val?.size, data.test?.size]).toEqual([90, 30, 30]);
    // 5.1 and its like are float32 here and decimal in the file, hence the tolerance.
    for (let column = 0; column < 4; column++) {
      const values = Array.from({ length: 90 }, (_, i) => raw.train.fields.features.values[i * 4 + column]);
      const mean = values.reduce((sum, value) => sum + value, 0) / 90;
      const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 90);
      for (const part of ['train', 'val', 'test'] as const) {
        const [before, after] = [raw[part]?.fields.features.values ?? [], data[part]?.fields.features.values ?? []];
        for (let i = column; i < before.length; i += 4) expect(after[i]).toBeCloseTo((before[i] - mean) / std, 5);
      }
    }
  });

  it('gives the same splits for the same seed, and others for another', async () => {
    const config: DataInput = { source: iris, split: { val: 30, test: 30 } };
    const first = await load(datasets, config, { seed: 3 });
    expect(await load(datasets, config, { seed: 3 })).toEqual(first);
    expect((await load(datasets, config, { seed: 4 })).train).not.toEqual(first.train);
    const { preprocessing: fitted } = first;
    const options = { target: 'classes', seed: 3, baseDir: datasets, fitted } as const;
    expect((await loadSplit(dataSchema.parse(config), 'test', options)).split).toEqual(first.test);
  });
});

describe('loadData for several yes-or-no labels', () => {
  const rows = 'x,red,round\n1,1,yes\n2,0,No\n3,TRUE,1\n';
  const multilabel = { target: 'labels' } as const;

  it('reads a column a label, and keeps the names of the labels', async () => {
    write('fruit.csv', rows);
    const { train, classes } = await load(dir, { source: { csv: { path: 'fruit.csv', target: ['red', 'round'] } } }, multilabel); // prettier-ignore
    expect(classes).toEqual(['red', 'round']);
    expect(train.fields.targets).toEqual({ shape: [2], dtype: 'f32', values: Float32Array.of(1, 1, 0, 0, 1, 1) });
    expect(train.fields.features.values).toEqual(Float32Array.of(1, 2, 3));
  });

  it('says where a label is neither yes nor no', async () => {
    write('fruit.csv', rows.replace('2,0', '2,0.5'));
    const error = await dataErrorOf(load(dir, { source: { csv: { path: 'fruit.csv', target: ['red', 'round'] } } }, multilabel)); // prettier-ignore
    expect(error.format()).toContain('fruit.csv:3:2: expected 0 or 1 (or true, false, yes, no) in the label column "red", got "0.5"'); // prettier-ignore
  });

  it('reads idx targets of 0 and 1, and refuses others', async () => {
    write('x.idx', idxBytes([2], [7, 8]));
    write('y.idx', idxBytes([2, 3], [1, 0, 1, 0, 0, 1]));
    const source = { idx: { train: { features: 'x.idx', targets: 'y.idx' } } };
    const { train, classes } = await load(dir, { source }, multilabel);
    expect(classes).toEqual(['0', '1', '2']);
    expect(train.fields.targets).toEqual({ shape: [3], dtype: 'f32', values: Float32Array.of(1, 0, 1, 0, 0, 1) });
    write('y.idx', idxBytes([2, 3], [1, 0, 1, 0, 4, 1]));
    const error = await dataErrorOf(load(dir, { source }, multilabel));
    expect(error.message).toContain('y.idx: expected labels of 0 and 1, got 4 in sample 1 (counted from 0)');
  });
});

describe('loadData for a reconstruction', () => {
  const reconstruction = { target: 'none' } as const;

  it('has no targets of a table, and leaves out the column named as target', async () => {
    write('points.csv', 'a,b,kind\n1,2,p\n3,6,q\n');
    const config: DataInput = { source: { csv: { path: 'points.csv', target: 'kind' } }, preprocess: ['standardize'] };
    const { train, classes } = await load(dir, config, reconstruction);
    expect(train.fields.targets).toBeUndefined();
    expect(train.fields.features.values).toEqual(Float32Array.of(-1, -1, 1, 1));
    expect(classes).toBeUndefined();
    const all = await load(dir, { source: { csv: { path: 'points.csv', drop: ['kind'] } } }, reconstruction);
    expect(all.train.fields.features.shape).toEqual([2]);
  });

  it('needs no targets of an idx file, and does not read those that are named', async () => {
    write('x.idx', idxBytes([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]));
    for (const targets of [undefined, 'nowhere.idx']) {
      const { train, files } = await load(dir, { source: { idx: { train: { features: 'x.idx', targets } } } }, reconstruction); // prettier-ignore
      expect(train.fields.targets).toBeUndefined();
      expect(train.fields.features).toMatchObject({ shape: [2, 2, 1], dtype: 'u8' });
      expect(files).toHaveLength(1);
    }
  });
});

describe('loadData on idx files', () => {
  const pair = { features: 'x.idx', targets: 'y.idx' };

  it('numbers the classes of labels that do not start from 0', async () => {
    write('x.idx', idxBytes([3, 2], [1, 2, 3, 4, 5, 6]));
    write('y.idx', idxBytes([3], [26, 1, 9]));
    const data = await load(dir, { source: { idx: { train: pair } } });
    expect(data.classes).toEqual(['1', '9', '26']);
    expect([...(data.train.fields.targets?.values ?? [])]).toEqual([2, 0, 1]);
    expect(data.train.fields.features.shape).toEqual([2]);
  });

  it('takes targets of any shape as numbers in regression', async () => {
    write('x.idx', idxBytes([2], [7, 8]));
    write('y.idx', idxBytes([2, 1, 2], [1, 2, 3, 4]));
    const { train } = await load(dir, { source: { idx: { train: pair } } }, { target: 'numbers' });
    expect(train.fields.features.shape).toEqual([1]);
    expect(train.fields.targets).toEqual({ shape: [2], dtype: 'f32', values: Float32Array.of(1, 2, 3, 4) });
  });

  it('maps features that are no bytes when it loads them', async () => {
    const features = Buffer.alloc(12 + 8);
    features.set([0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 2]);
    [-1000, 4, 1000, 4].forEach((value, i) => features.writeInt16BE(value, 12 + 2 * i));
    write('x.idx', features);
    write('y.idx', idxBytes([2], [0, 1]));
    const data = await load(dir, { source: { idx: { train: pair } }, preprocess: ['standardize'] });
    expect(data.train.fields.features).toEqual({ shape: [2], dtype: 'f32', values: Float32Array.of(-1, 0, 1, 0) });
    expect(data.affine).toBeUndefined();
  });

  it('keeps every channel of a colour image its own statistics', async () => {
    write('x.idx', idxBytes([2, 1, 2, 2], [0, 10, 0, 30, 4, 10, 4, 30]));
    write('y.idx', idxBytes([2], [0, 1]));
    const data = await load(dir, { source: { idx: { train: pair } }, preprocess: [{ minmax: {} }] });
    expect(data.train.fields.features.shape).toEqual([1, 2, 2]);
    expect(data.affine).toEqual({ scale: [1 / 4, 1 / 20], shift: [0, -10 / 20] });
  });
});
