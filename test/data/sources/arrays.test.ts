/** Sources of arrays: NumPy files, folders of images, sets that are computed. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type DataInput, dataErrorOf, load, sample, tempFolder } from '../files.js';
import { npyBytes } from '../npy-bytes.js';
import { greyPng, pngBytes } from '../png-bytes.js';
import { golden } from '../../nn/helpers/golden.js';

const { dir, write } = tempFolder();
const { npz } = golden<{ npz: { compressed: string } }>('arrays');

describe('an npz source', () => {
  const source = { npz: { path: 'a.npz', train: { features: 'x', targets: 'y' } } };

  it('reads features and targets from one archive', async () => {
    write('a.npz', Buffer.from(npz.compressed, 'base64'));
    const data = await load(dir, { source });
    expect(data.train.fields.features).toMatchObject({ dtype: 'u8', shape: [2, 2, 1] });
    expect(sample(data.train.fields.features, 5)).toEqual([20, 21, 22, 23]);
    expect([...(data.train.fields.targets?.values ?? [])]).toEqual([0, 1, 2, 0, 1, 2]);
    expect(data.classes).toEqual(['0', '1', '2']);
  });

  it('says which array does not fit', async () => {
    const error = await dataErrorOf(
      load(dir, { source: { npz: { path: 'a.npz', train: { features: 'y', targets: 'x' } } } }),
    );
    expect(error.message).toBe(`${dir}/a.npz: array "x": targets of shape [2, 2], but a class is one number`);
  });
});

describe('an images source', () => {
  const folder = (name: string, files: Record<string, Buffer>): void => {
    rmSync(path.join(dir, name), { recursive: true, force: true });
    mkdirSync(path.join(dir, name), { recursive: true });
    for (const [file, bytes] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(dir, name, file)), { recursive: true });
      writeFileSync(path.join(dir, name, file), bytes);
    }
  };
  const images = (params: object = {}): DataInput => ({
    source: { images: { path: 'set', color: 'grayscale', ...params } },
  });
  const [a, b] = [greyPng(2, 1, [10, 20]), greyPng(2, 1, [30, 40])];
  const grey16 = (value: number): Buffer =>
    pngBytes({ width: 1, height: 1, depth: 16, colourType: 0, lines: Uint8Array.of(0, value >> 8, value & 255) });

  it('takes the sub-folders as classes, in the order of their names', async () => {
    folder('set', {
      'dog/1.png': b,
      'cat/2.png': a,
      'cat/1.PNG': b,
      'cat/notes.txt': Buffer.from('x'),
      '.git/x.png': a,
    });
    const data = await load(dir, images());
    expect(data.classes).toEqual(['cat', 'dog']);
    expect(data.train.fields.features).toEqual({
      shape: [1, 2, 1],
      dtype: 'u8',
      values: Uint8Array.of(30, 40, 10, 20, 30, 40),
    });
    expect([...(data.train.fields.targets?.values ?? [])]).toEqual([0, 0, 1]);
  });

  it('counts a folder as one file, hashed as sha256sum would list it', async () => {
    const { files } = await load(dir, images());
    const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
    const lines = [[b, 'cat/1.PNG'], [a, 'cat/2.png'], [b, 'dog/1.png']].map(([bytes, name]) => `${digest(bytes as Buffer)}  ${name}\n`); // prettier-ignore
    expect(files).toEqual([{ path: `${dir}/set`, sha256: digest(lines.join('')) }]);
  });

  it('resizes to one size', async () => {
    folder('set', { 'dog/1.png': greyPng(2, 2, [10, 20, 30, 40]), 'cat/2.png': greyPng(1, 1, [7]) });
    const data = await load(dir, images({ size: 1 }));
    expect(data.train.fields.features.values).toEqual(Uint8Array.of(7, 25));
    expect((await load(dir, images({ size: [1, 2], color: 'rgb' }))).train.fields.features.shape).toEqual([1, 2, 3]);
  });

  it.each<[string, Record<string, Buffer>, object, string]>([
    ['of another size', { 'a/1.png': a, 'b/2.png': greyPng(1, 1, [7]) }, {}, 'set/b/2.png: 1 x 1 pixels, but the images before it have 1 x 2'], // prettier-ignore
    ['that is damaged', { 'a/1.png': a, 'b/2.png': b.subarray(0, 50) }, {}, 'set/b/2.png: truncated'],
    ['without a class', { '1.png': a }, {}, 'set: the folder has no sub-folders'],
    ['of one class only', { 'a/1.png': a }, {}, 'set: the training split has only one class (a)'],
    [
      'missing from a class',
      { 'a/1.png': a, 'b/readme': b },
      {},
      'set/b: the sub-folder of a class has no PNG or JPEG image',
    ],
    ['of another kind', { 'a/1.png': a, 'b/1.png': b, 'b/2.gif': b, 'b/3.WEBP': b }, {}, 'set/b: 2 images that nn does not read: 2.gif, 3.WEBP'], // prettier-ignore
    ['beside the classes', { 'a/1.png': a, 'b/1.png': b, '2.png': b }, {}, 'set: 1 image without a class: 2.png'],
    ['deeper than its class', { 'a/1.png': a, 'b/1.png': b, 'b/c/2.png': b }, {}, 'set/b/c: 1 image without a class: 2.png'], // prettier-ignore
    ['of 12 bits in 16', { 'a/1.png': grey16(4095), 'b/1.png': grey16(800) }, {}, 'set: the images have 16 bits per channel, but no value is above 4095'], // prettier-ignore
    ['of 16 bits where 12 are said to be used', { 'a/1.png': grey16(4096), 'b/1.png': grey16(800) }, { bits: 12 }, 'set/a/1.png: a value of 4096 has more than 12 bits'], // prettier-ignore
    ['in a folder that is not there', { 'a/1.png': a }, { path: 'sett' }, 'sett: no such folder'],
    ['that is no folder', { 'a/1.png': a }, { path: 'set/a/1.png' }, 'set/a/1.png: this is a file, not a folder'],
  ])('refuses an image %s', async (_, files, params, message) => {
    folder('set', files);
    const error = await dataErrorOf(load(dir, images(params)));
    expect(error.message).toContain(`${dir}/${message}`);
  });

  it('scales 12 bits in 16 where it is told to, and takes a set that is dark as it is', async () => {
    folder('set', { 'a/1.png': grey16(4095), 'b/1.png': grey16(800) });
    expect((await load(dir, images({ bits: 12 }))).train.fields.features.values).toEqual(Uint8Array.of(255, 50));
    expect((await load(dir, images({ bits: 16 }))).train.fields.features.values).toEqual(Uint8Array.of(15, 3));
  });

  it('names a link that leads nowhere', async () => {
    folder('set', { 'a/1.png': a, 'b/1.png': b });
    for (const [link, target] of [
      ['set/b/2.png', '../gone.png'],
      ['set/c', 'nowhere'],
    ]) {
      // prettier-ignore
      symlinkSync(target, path.join(dir, link));
      const error = await dataErrorOf(load(dir, images()));
      expect(error.message).toBe(`${dir}/${link}: broken link to ${target}`);
      rmSync(path.join(dir, link));
    }
  });

  it('has classes, so it is not for regression', async () => {
    folder('set', { 'a/1.png': a, 'b/1.png': b });
    expect((await dataErrorOf(load(dir, images(), { target: 'numbers' }))).hint).toBe(
      'set task: classification (or reconstruction)',
    );
  });
});

describe('computed sets', () => {
  const points = async (source: DataInput['source'], target: 'classes' | 'numbers' = 'classes') => {
    const { train, classes } = await load(dir, { source }, { target });
    const width = train.fields.features.shape[0];
    return { train, classes, x: Array.from({ length: train.size }, (_, i) => sample(train.fields.features, i)), y: [...(train.fields.targets?.values ?? [])], width }; // prettier-ignore
  };

  it('moons lie on two half circles', async () => {
    const { x, y } = await points({ moons: { samples: 50, noise: 0 } });
    x.forEach(([a, b], i) => expect(y[i] === 0 ? Math.hypot(a, b) : Math.hypot(a - 1, b - 0.5)).toBeCloseTo(1, 6));
    expect(y.filter((label) => label === 1)).toHaveLength(25);
    expect(Math.max(...x.map(([, b]) => b))).toBeCloseTo(1, 2);
    expect(Math.min(...x.map(([, b]) => b))).toBeCloseTo(-0.5, 2);
  });

  it('circles have radius 1 and factor', async () => {
    const { x, y } = await points({ circles: { samples: 40, noise: 0, factor: 0.3 } });
    x.forEach(([a, b], i) => expect(Math.hypot(a, b)).toBeCloseTo(y[i] === 0 ? 1 : 0.3, 6));
  });

  it('spirals have an arm for each class, from the centre to radius 1', async () => {
    const { x, y, classes } = await points({ spirals: { samples: 300, noise: 0, classes: 3, turns: 1 } });
    expect(classes).toEqual(['0', '1', '2']);
    const radii = x.map(([a, b]) => Math.hypot(a, b));
    expect(Math.max(...radii)).toBeCloseTo(1, 6);
    x.forEach(([a, b], i) => {
      const turn = Math.atan2(b, a) / (2 * Math.PI) - radii[i] - y[i] / 3;
      expect(radii[i] === 0 ? 0 : Math.abs(turn - Math.round(turn))).toBeLessThan(1e-6);
    });
  });

  it('xor is 1 where the signs differ', async () => {
    const { x, y } = await points({ xor: { samples: 100 } });
    x.forEach(([a, b], i) => expect(y[i]).toBe(a < 0 === b < 0 ? 0 : 1));
  });

  it('blobs lie around centres of their own', async () => {
    const { x, y, width } = await points({ blobs: { samples: 3000, classes: 4, features: 3, spread: 0.5 } });
    expect(width).toBe(3);
    const of = x.filter((_, i) => y[i] === 2).map(([a]) => a);
    const mean = of.reduce((sum, a) => sum + a, 0) / of.length;
    expect(Math.sqrt(of.reduce((sum, a) => sum + (a - mean) ** 2, 0) / of.length)).toBeCloseTo(0.5, 1);
  });

  it('sines and linear functions are exact without noise', async () => {
    const sines = await points({ sines: { samples: 20, noise: 0, frequency: 2 } }, 'numbers');
    sines.x.forEach(([a], i) => expect(sines.y[i]).toBeCloseTo(Math.sin(2 * Math.PI * a), 5));
    const { x, y } = await points({ linear: { samples: 20, noise: 0, bias: 3 } }, 'numbers');
    const weight = (y[1] - y[0]) / (x[1][0] - x[0][0]);
    x.forEach(([a], i) => expect(y[i]).toBeCloseTo(3 + weight * a, 4));
  });

  it('the noise of sines may grow with x', async () => {
    const clean = await points({ sines: { samples: 8000, noise: 0 } }, 'numbers');
    const { x, y } = await points({ sines: { samples: 8000, noise: 0.1, noise_end: 0.5 } }, 'numbers');
    expect(x).toEqual(clean.x);
    // z = (y - f(x)) / (0.1 + 0.4 t) with t from 0 at x = -1 to 1 at x = 1 is standard normal in each quarter.
    for (const from of [-1, -0.5, 0, 0.5]) {
      const z = x.flatMap(([a], i) =>
        a >= from && a < from + 0.5 ? [(y[i] - clean.y[i]) / (0.1 + 0.2 * (a + 1))] : [],
      );
      expect(Math.sqrt(z.reduce((sum, value) => sum + value * value, 0) / z.length)).toBeCloseTo(1, 1);
    }
  });

  it('words are worth a number each, at every place the same', async () => {
    const source = { words: { samples: 400, noise: 0, vocabulary: 5, length: 4 } };
    const { train, x, y } = await points(source, 'numbers');
    expect(train.fields.features.shape).toEqual([4]);
    expect(new Set(x.flat())).toEqual(new Set([0, 1, 2, 3, 4]));
    // The target is a function of the counts of the words, whatever their order, and another for every other counts.
    const byCounts = new Map<string, number>();
    x.forEach((sequence, i) => {
      const key = [...sequence].sort().join();
      expect(y[i]).toBeCloseTo(byCounts.get(key) ?? y[i], 5);
      byCounts.set(key, y[i]);
    });
    expect(new Set([...byCounts.values()].map((value) => value.toFixed(4))).size).toBe(byCounts.size);
  });

  it('bodies have the volume of a ball, and fill their box as ball, cube and octahedron do', async () => {
    const source = { bodies: { samples: 90, noise: 0, size: 24 } };
    const { x, y, classes } = await points({ ...source });
    expect(classes).toEqual(['0', '1', '2']);
    const volumes = [0, 1, 2].map(() => 0);
    const filled = [0, 1, 2].map(() => [] as number[]);
    x.forEach((voxels, i) => {
      const inside = voxels.flatMap((value, at) => (value === 1 ? [at] : []));
      const axes = [(at: number) => Math.floor(at / 576), (at: number) => Math.floor(at / 24) % 24, (at: number) => at % 24]; // prettier-ignore
      const sides = axes.map((of) => Math.max(...inside.map(of)) - Math.min(...inside.map(of)) + 1);
      volumes[y[i]] += inside.length;
      filled[y[i]].push(inside.length / sides.reduce((a, b) => a * b, 1));
    });
    // Of a box around them: pi / 6, all, 1 / 6, to the coarseness of voxels.
    const means = filled.map((shares) => shares.reduce((a, b) => a + b, 0) / shares.length);
    [Math.PI / 6, 1, 1 / 6].forEach((share, kind) => expect(Math.abs(means[kind] - share)).toBeLessThan(0.06));
    for (const volume of volumes) expect(Math.abs(volume / volumes[0] - 1)).toBeLessThan(0.2);
  });

  it('words as ones among zeros are the same sequences with the same targets', async () => {
    const words = { samples: 50, vocabulary: 7, length: 3 };
    const numbers = await points({ words }, 'numbers');
    const hot = await points({ words: { ...words, one_hot: true } }, 'numbers');
    expect(hot.train.fields.features.shape.slice(0, 2)).toEqual([3, 7]);
    expect(hot.y).toEqual(numbers.y);
    const wordsOf = (flat: readonly number[]): number[] =>
      [0, 1, 2].map((place) => flat.slice(7 * place, 7 * place + 7).indexOf(1));
    expect(hot.x.map((flat) => flat.reduce((a, b) => a + b))).toEqual(hot.x.map(() => 3));
    expect(hot.x.map(wordsOf)).toEqual(numbers.x);
  });

  it('are a function of their own seed, not of the experiment', async () => {
    const source = { moons: { samples: 10 } };
    const first = await load(dir, { source }, { seed: 1 });
    expect(await load(dir, { source }, { seed: 2 })).toEqual(first);
    expect((await load(dir, { source: { moons: { samples: 10, seed: 1 } } })).train).not.toEqual(first.train);
  });

  it('say when they do not fit into memory', async () => {
    const source = { blobs: { samples: 10_000_000, features: 1000 } };
    const error = await dataErrorOf(load(dir, { source }));
    expect(error.message).toMatch(/^data\.source\.blobs: 10000000 samples of 1000 numbers each/);
    expect(error.hint).toBe('set samples: 268435 at most');
  });

  it('say when they do not fit the task', async () => {
    const error = await dataErrorOf(load(dir, { source: 'sines' }));
    expect(error.message).toMatch(/^data\.source\.sines: label \S+ of sample 0/);
  });
});

it('the digit images are the first of the MNIST test set', async () => {
  const datasets = new URL('../../../datasets/', import.meta.url).pathname;
  const config: DataInput = { source: { images: { path: 'digit-images', color: 'grayscale' } } };
  const [images, mnist] = await Promise.all([
    load(datasets, config),
    load(datasets, { source: { idx: { train: { features: 'mnist/t10k-images-idx3-ubyte.gz', targets: 'mnist/t10k-labels-idx1-ubyte.gz' } } } }), // prettier-ignore
  ]);
  expect(images.train.size).toBe(400);
  expect(images.files[0].sha256).toBe(createHash('sha256').update(readFileSync(`${datasets}digit-images/SHA256SUMS`)).digest('hex')); // prettier-ignore
  // Sample 40 is the first 1, which is image 2 of the test set.
  expect([...(images.train.fields.targets?.values.slice(39, 41) ?? [])]).toEqual([0, 1]);
  expect(sample(images.train.fields.features, 40)).toEqual(sample(mnist.train.fields.features, 2));
});

describe('arrays with values that are not finite', () => {
  // 8 samples of shape [2, 3], and of sample 5 the value [1, 0] is NaN. Splitting shuffles, standardizing spreads it.
  const values = Float32Array.from({ length: 48 }, (_, i) => (i === 33 ? NaN : i));
  const npy = (shape: string, bytes: Uint8Array): Buffer =>
    npyBytes(`{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`, bytes);
  const bytesOf = (numbers: Float32Array): Uint8Array => new Uint8Array(numbers.buffer);
  const config = (preprocess: DataInput['preprocess']): DataInput => ({
    source: { npy: { train: { features: 'x.npy', targets: 'y.npy' } } },
    split: { val: 0.25 },
    preprocess,
  });

  it.each([[[]], [['standardize']]] as [DataInput['preprocess']][])(
    'names sample and value, preprocessed by %j',
    async (preprocess) => {
      // prettier-ignore
      writeFileSync(path.join(dir, 'x.npy'), npy('8, 2, 3', bytesOf(values)));
      writeFileSync(path.join(dir, 'y.npy'), npy('8,', bytesOf(Float32Array.of(0, 1, 0, 1, 0, 1, 0, 1))));
      const error = await dataErrorOf(load(dir, config(preprocess)));
      expect(error.message).toBe(`${dir}/x.npy: the feature at [1, 0] is NaN`);
      expect(error.hint).toBe('it is in sample 5 (counted from 0)');
    },
  );

  it('names the sample of a target', async () => {
    writeFileSync(path.join(dir, 'x.npy'), npy('8,', bytesOf(Float32Array.from({ length: 8 }, (_, i) => i))));
    writeFileSync(path.join(dir, 'y.npy'), npy('8,', bytesOf(Float32Array.of(0, 1, 2, 3, 4, 5, Infinity, 7))));
    const error = await dataErrorOf(load(dir, config([]), { target: 'numbers' }));
    expect(error.message).toBe(`${dir}/y.npy: target Infinity of sample 6 (counted from 0) is not finite`);
  });
});
