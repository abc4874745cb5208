import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  dataSchema,
  fittedPreprocessingSchema,
  loadData,
  loadSplit,
  sampleOf,
  type Split,
} from '../../src/data/index.js';
import { symmetricEigen } from '../../src/data/eigen.js';
import { hostRandom } from '../../src/tensor/random.js';
import { type DataInput, dataErrorOf, idxBytes, load, tempFolder } from './files.js';

interface Golden {
  readonly x: number[][];
  readonly new: number[][];
  readonly pca: { components: number | null; whiten: boolean; train: number[][]; new: number[][] }[];
  readonly zca: { epsilon: number; train: number[][]; new: number[][] };
  readonly matrix: number[][];
  readonly eigenvalues: number[];
}
const golden = JSON.parse(readFileSync(new URL('../golden/projections.json', import.meta.url), 'utf8')) as Golden;

const { dir, write } = tempFolder();
const colours = ['red', 'green', 'blue'];
const csvOf = (rows: number[][]): string =>
  `a,b,c,colour,d,e,y\n${rows.map((row, i) => [...row.slice(0, 3), colours[i % 3], ...row.slice(3), i].join()).join('\n')}\n`;
write('x.csv', csvOf(golden.x));
write('new.csv', csvOf(golden.new));
const source: DataInput['source'] = { csv: { train: 'x.csv', test: 'new.csv', target: 'y', drop: ['colour'] } };
const mixed: DataInput['source'] = { csv: { train: 'x.csv', test: 'new.csv', target: 'y' } };
const regression = { target: 'numbers' } as const;

const rowsOf = ({ size, fields: { features } }: Split): number[][] => Array.from({ length: size }, (_, i) => [...sampleOf(features, i)]); // prettier-ignore
function expectRows(split: Split | undefined, expected: number[][]): void {
  if (split === undefined) throw new Error('the split is there');
  rowsOf(split).forEach((row, i) => row.forEach((value, k) => expect(value).toBeCloseTo(expected[i][k], 4)));
  expect(split.fields.features.shape).toEqual([expected[0].length]);
}

describe('the eigenvalues of a symmetric matrix', () => {
  it('are those of NumPy, descending, and the vectors rebuild the matrix', async () => {
    const n = golden.matrix.length;
    const matrix = Float64Array.from(golden.matrix.flat());
    const { values, vectors } = await symmetricEigen(matrix, n);
    golden.eigenvalues.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 12));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let [rebuilt, dot] = [0, 0];
        for (let k = 0; k < n; k++) {
          rebuilt += values[k] * vectors[k * n + i] * vectors[k * n + j];
          dot += vectors[i * n + k] * vectors[j * n + k];
        }
        expect(rebuilt).toBeCloseTo(matrix[i * n + j], 12);
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 12);
      }
    }
  });

  it.each([1, 2, 3, 60])('of size %i have orthonormal vectors, also where values are equal or zero', async (n) => {
    const random = hostRandom(1, `eigen ${n}`);
    const half = Math.ceil(n / 2);
    // Of rank `half`: B B^T.
    const b = Array.from({ length: n }, () => Float64Array.from({ length: half }, () => random.normal()));
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) matrix[i * n + j] = b[i].reduce((sum, x, k) => sum + x * b[j][k], 0); // prettier-ignore
    const { values, vectors } = await symmetricEigen(matrix, n);
    for (let k = half; k < n; k++) expect(Math.abs(values[k])).toBeLessThan(1e-12 * values[0]);
    for (let i = 0; i < n; i++) {
      const vector = vectors.subarray(i * n, (i + 1) * n);
      const image = vector.map((_, r) => vector.reduce((sum, x, k) => sum + matrix[r * n + k] * x, 0));
      image.forEach((value, r) => expect(Math.abs(value - values[i] * vector[r])).toBeLessThan(1e-11 * values[0]));
      expect(Math.max(...vector)).toBe(Math.max(...vector.map(Math.abs)));
    }
    const identity = await symmetricEigen(
      Float64Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)),
      n,
    );
    expect([...identity.values]).toEqual(Array(n).fill(1));
  });
});

describe('pca', () => {
  it.each(golden.pca)('gives what scikit-learn gives: components $components, whiten $whiten', async (one) => {
    const pca = { whiten: one.whiten, ...(one.components === null ? {} : { components: one.components }) };
    const data = await load(dir, { source, preprocess: [{ pca }] }, regression);
    expectRows(data.train, one.train);
    expectRows(data.test, one.new);
  });

  it('comes after the maps of single features, and before the one-hot columns', async () => {
    const data = await load(
      dir,
      { source: mixed, preprocess: ['standardize', { pca: { components: 2 } }] },
      regression,
    );
    expect(data.train.fields.features.shape).toEqual([5]);
    const rows = rowsOf(data.train);
    expect(rows[0].slice(2)).toEqual([0, 0, 1]);
    for (const k of [0, 1]) {
      expect(rows.reduce((sum, row) => sum + row[k], 0)).toBeCloseTo(0, 4);
      expect(rows.reduce((sum, row) => sum + row[k] ** 2, 0)).toBeCloseTo(rows.length - 1, 3);
    }
  });

  it('is taken from a checkpoint for other data, and is the same from a file', async () => {
    const config = { source: mixed, preprocess: ['standardize' as const, { pca: { components: 3 } }] };
    const options = { ...regression, seed: 1, baseDir: dir };
    const first = await loadData(dataSchema.parse(config), options);
    const fitted = fittedPreprocessingSchema.parse(JSON.parse(JSON.stringify(first.preprocessing)));
    const again = await loadSplit(dataSchema.parse(config), 'test', { ...options, fitted });
    expect(again.split).toEqual(first.test);
    const stored = await loadData(dataSchema.parse({ ...config, cache: 'disk' }), options);
    expect(rowsOf(stored.train)).toEqual(rowsOf(first.train));
    expect(stored.preprocessing).toEqual(first.preprocessing);
  });

  it('says where more is asked for than there is', async () => {
    write('flat.csv', 'a,b,y\n1,2,1\n2,4,2\n3,6,3\n');
    const flat = { csv: { path: 'flat.csv', target: 'y' } };
    const error = await dataErrorOf(load(dir, { source: flat, preprocess: [{ pca: { components: 2 } }] }, regression));
    expect(error.format()).toBe(
      `${path.join(dir, 'flat.csv')}: data.preprocess: pca: 2 components requested, but only 1 have any variance\n` +
        '  hint: set components to 1 or less, or leave it out',
    );
    const { train } = await load(dir, { source: flat, preprocess: ['pca'] }, regression);
    expect(train.fields.features.shape).toEqual([1]);
  });

  it('refuses more features than it can take', async () => {
    write('large.idx', idxBytes([2, 40, 40], Array(3200).fill(1)));
    write('y.idx', idxBytes([2], [0, 1]));
    const large = { idx: { train: { features: 'large.idx', targets: 'y.idx' } } };
    const error = await dataErrorOf(load(dir, { source: large, preprocess: ['pca'] }));
    expect(error.message).toContain('pca: 1600 features exceed the limit of 1024');
  });

  it('must come last', () => {
    const config = { source, preprocess: ['pca', 'standardize'] };
    expect(dataSchema.safeParse(config).error?.issues[0]).toMatchObject({
      path: ['preprocess', 0],
      message: 'pca acts on all features together: put it last',
    });
  });
});

describe('zca', () => {
  it('gives what NumPy gives', async () => {
    const data = await load(dir, { source, preprocess: [{ zca: { epsilon: golden.zca.epsilon } }] }, regression);
    expectRows(data.train, golden.zca.train);
    expectRows(data.test, golden.zca.new);
  });

  it('leaves images images, whitened', async () => {
    const random = hostRandom(1, 'zca');
    const pixels = Array.from({ length: 60 * 4 }, () => random.below(256));
    write('images.idx', idxBytes([60, 2, 2], pixels));
    write(
      'labels.idx',
      idxBytes(
        [60],
        Array.from({ length: 60 }, (_, i) => i % 2),
      ),
    );
    const images = { idx: { train: { features: 'images.idx', targets: 'labels.idx' } } };
    const config: DataInput = {
      source: images,
      split: { val: 20 },
      preprocess: [{ scale: { factor: 1 / 255 } }, { zca: { epsilon: 0 } }],
    };
    const { train, val, affine } = await load(dir, config);
    expect(affine).toBeUndefined();
    expect(train.fields.features).toMatchObject({ shape: [2, 2, 1], dtype: 'f32' });
    expect(val?.fields.features.shape).toEqual([2, 2, 1]);
    const rows = rowsOf(train);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        const covariance = rows.reduce((sum, row) => sum + row[i] * row[j], 0) / (rows.length - 1);
        expect(covariance).toBeCloseTo(i === j ? 1 : 0, 4);
      }
    }
  });
});
