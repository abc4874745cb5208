import { describe, expect, it } from 'vitest';
import { BatchAugmentation, mainTarget, mixedLosses, mixTargets, type BatchSamples } from '../../../src/nn/augmentations/batch.js'; // prettier-ignore
import { augmentations, augmentSchema } from '../../../src/nn/augmentations/index.js';
import { cast, constant, type DType, hostRandom, input, type Node, referenceBackend, reverse, type Shape, sizeOf, wasmBackend } from '../../../src/tensor/index.js'; // prettier-ignore
import { gatherBatch } from '../../../src/train/step/dataset.js';

const KEY = input('rng', [2], 'u32');
const SIZE = 12;

interface Data {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly values: number[];
  readonly affine?: BatchSamples['affine'];
  readonly columns?: BatchSamples['columns'];
}

const random = hostRandom(5, 'augment test');
const table = (shape: Shape, draw: () => number): number[] => Array.from({ length: SIZE * sizeOf(shape) }, draw);
const photos: Data = {
  shape: [6, 8, 3],
  dtype: 'u8',
  values: table([6, 8, 3], () => random.below(256)),
  affine: { scale: [0.02, 0.01, 0.03], shift: [-1, 0.5, -2] },
};
const drawings: Data = {
  shape: [7, 7, 1],
  dtype: 'u8',
  values: table([7, 7, 1], () => random.below(256)),
  affine: { scale: [1 / 255], shift: [0] },
};
const fractions: Data = { shape: [5, 6, 1], dtype: 'f32', values: table([5, 6, 1], () => random.uniform()) };
const sequences: Data = { shape: [9, 2], dtype: 'f32', values: table([9, 2], () => random.normal()) };
const rows: Data = { shape: [5], dtype: 'f32', values: table([5], () => random.normal()) };

/** The augmented samples `order` of `data`, and with `classes` their labels. */
async function augmented(
  data: Data,
  list: unknown[],
  options: { order?: number[]; key?: number[]; backend?: typeof referenceBackend; seedKey?: [number, number] } = {},
) {
  const { order = [3, 0, 7, 11, 4], key = [7, 8], backend = referenceBackend, seedKey = [1, 2] } = options;
  const features = input('features', [SIZE, ...data.shape], data.dtype);
  const labels = input('labels', [SIZE], 'i32');
  const indices = input('indices', [order.length], 'i32');
  const { x: plain, target } = gatherBatch({ features, targets: labels, affine: data.affine }, indices);
  const augmentation = new BatchAugmentation(augmentSchema.parse(list), KEY, seedKey, indices);
  const { x, mixture } = augmentation.features(
    { features, at: indices, affine: data.affine, columns: data.columns },
    () => plain,
  );
  const noisy = augmentation.targets(target, 4);
  const mixed = mixture === undefined ? [] : [mixture.share, mixture.partner];
  const session = backend.open({ threads: 1 });
  session.write(features, data.dtype === 'u8' ? Uint8Array.from(data.values) : Float32Array.from(data.values));
  session.write(labels, Int32Array.from({ length: SIZE }, (_, i) => i % 4)); // prettier-ignore
  session.write(indices, Int32Array.from(order));
  session.write(KEY, Uint32Array.from(key));
  const executable = session.compile({ name: 'augment', outputs: [x, plain, noisy, ...mixed], updates: [] });
  executable.run();
  const outputs = (await executable.read()).map((values) => [...values]);
  session.close();
  const [values, before, targets, share = [], partner = []] = outputs;
  return { values, before, targets, share, partner };
}

const largest = (a: readonly number[], b: readonly number[]): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]))); // prettier-ignore
const named = (name: string, parameters: object) => ({ [name]: parameters });
const stages = (...wanted: string[]): string[] =>
  Object.entries(augmentations).flatMap(([name, { stage }]) => (wanted.includes(stage) && name !== 'fill' ? [name] : [])); // prettier-ignore

const forImages = stages('geometry', 'displacement', 'pixels');
const fits: [string, Data][] = [
  ...forImages.map((name): [string, Data] => [name, photos]),
  ...stages('features').map((name): [string, Data] => [name, sequences]),
  ...stages('mixing').map((name): [string, Data] => [name, photos]),
];

describe('every augmentation', () => {
  for (const [name, data] of fits) {
    it(`${name} changes samples, by the same numbers on both backends, wherever they stand in a batch`, async () => {
      const list = [named(name, { probability: 1 })];
      const reference = await augmented(data, list);
      const compiled = await augmented(data, list, { backend: wasmBackend });
      expect(largest(reference.values, reference.before)).toBeGreaterThan(1e-3);
      expect(largest(reference.values, compiled.values)).toBeLessThan(2e-4);
      // With probability 1 a flip is the same for every key.
      if (!name.startsWith('flip'))
        expect((await augmented(data, list, { key: [7, 9] })).values).not.toEqual(reference.values);
      if (augmentations[name as keyof typeof augmentations].stage === 'mixing') return;
      const size = sizeOf(data.shape);
      const moved = (await augmented(data, list, { order: [4, 3], backend: wasmBackend })).values;
      expect(moved.slice(size)).toEqual(compiled.values.slice(0, size));
      expect(moved.slice(0, size)).toEqual(compiled.values.slice(4 * size));
    });

    it(`${name} leaves samples alone with probability 0`, async () => {
      const { values, before } = await augmented(data, [named(name, { probability: 0 })], { backend: wasmBackend });
      expect(largest(values, before)).toBeLessThan(1e-5);
    });
  }
});

describe('a list of augmentations', () => {
  const all = (names: string[]): unknown[] => names.map((name) => named(name, { probability: 0.7 }));

  it('gives the same on both backends, on images of one channel and of three, bytes or numbers', async () => {
    const grey = forImages.filter((name) => name !== 'saturation' && name !== 'hue');
    for (const [data, names] of [
      [photos, forImages],
      [drawings, grey],
      [fractions, grey],
    ] as const) {
      for (const mode of ['constant', 'nearest', 'reflect']) {
        const list = [...all([...names]), { fill: { mode, value: mode === 'constant' ? 0.3 : 0 } }];
        const reference = await augmented(data, list);
        expect(largest(reference.values, (await augmented(data, list, { backend: wasmBackend })).values)).toBeLessThan(
          1e-3,
        );
      }
    }
  });

  it('does not change the numbers of the others when one is added', async () => {
    const list = [{ flip_horizontal: {} }, { cutout: { size: 2 } }];
    const alone = (await augmented(photos, list)).values;
    expect((await augmented(photos, [{ brightness: { factor: [1, 1] } }, ...list])).values).toEqual(alone);
  });

  it('draws anew for each of two of one kind', async () => {
    const twice = (await augmented(photos, [{ cutout: { size: 2, value: 1 } }, { cutout: { size: 2, value: 1 } }]))
      .values;
    expect(twice).not.toEqual((await augmented(photos, [{ cutout: { size: 2, value: 1 } }])).values);
  });
});

describe('single augmentations', () => {
  const image = (values: number[], b: number): number[] => values.slice(49 * b, 49 * (b + 1));

  it('flip_horizontal mirrors exactly', async () => {
    const { values, before } = await augmented(drawings, [{ flip_horizontal: { probability: 1 } }]);
    const row = (b: number, y: number, list: number[]) => image(list, b).slice(7 * y, 7 * y + 7);
    for (let y = 0; y < 7; y++) expect(row(1, y, values)).toEqual(row(1, y, before).reverse());
  });

  it('crop moves by whole pixels and fills with black', async () => {
    const { values, before } = await augmented(drawings, [{ crop: { padding: 2 } }], { backend: wasmBackend });
    for (let b = 0; b < 5; b++) {
      const shifted = (dx: number, dy: number): number[] =>
        Array.from({ length: 49 }, (_, i) => {
          const [x, y] = [(i % 7) + dx, Math.floor(i / 7) + dy];
          return x < 0 || x > 6 || y < 0 || y > 6 ? 0 : image(before, b)[7 * y + x];
        });
      const shifts = [-2, -1, 0, 1, 2].flatMap((dy) => [-2, -1, 0, 1, 2].map((dx) => shifted(dx, dy)));
      expect(shifts.filter((candidate) => largest(candidate, image(values, b)) < 1e-6)).toHaveLength(1);
    }
  });

  it('cutout erases at most its square', async () => {
    const { values, before } = await augmented(drawings, [{ cutout: { size: 3, value: 1 } }]);
    for (let b = 0; b < 5; b++) {
      const changed = image(values, b).filter((v, i) => Math.abs(v - image(before, b)[i]) > 1e-9).length;
      expect(changed).toBeLessThanOrEqual(9);
    }
  });

  it('feature_mask hides its share', async () => {
    const order = Array.from({ length: SIZE }, (_, i) => i);
    const drawn = await Promise.all(Array.from({ length: 40 }, (_, k) => augmented(rows, [{ feature_mask: { rate: 0.25, value: 9 } }], { order, key: [k, 0] }))); // prettier-ignore
    const values = drawn.flatMap((batch) => batch.values);
    // Four standard errors of 2,400 decisions.
    expect(Math.abs(values.filter((v) => v === 9).length / values.length - 0.25)).toBeLessThan(0.036);
  });

  describe('of rows with a number, a category of three, and a number', () => {
    const columns = [0, 1, 1, 1, 2].map((column) => ({ name: `c${column}`, column, isMeasure: column !== 1 }));
    const mixed: Data = { ...rows, values: rows.values.map((v, i) => (i % 5 === 0 || i % 5 === 4 ? v : 1)), columns };
    const order = Array.from({ length: SIZE }, (_, i) => i);
    const samples = async (list: readonly unknown[]): Promise<number[][]> =>
      (
        await Promise.all(
          Array.from(
            { length: 30 },
            async (_, k) => (await augmented(mixed, [...list], { order, key: [k, 0] })).values,
          ),
        )
      ).flatMap((values) => order.map((_, b) => values.slice(5 * b, 5 * b + 5)));

    it('feature_noise disturbs the numbers alone', async () => {
      (await samples([{ feature_noise: { std: 0.5 } }])).forEach((sample, i) => {
        expect(sample.slice(1, 4)).toEqual([1, 1, 1]);
        expect(sample[0]).not.toBe(mixed.values[5 * (i % SIZE)]);
        expect(sample[4]).not.toBe(mixed.values[5 * (i % SIZE) + 4]);
      });
    });

    it('feature_mask hides a category whole, with zeros, and columns at its rate', async () => {
      const hidden = [0, 0, 0];
      const all = await samples([{ feature_mask: { rate: 0.25, value: 9 } }]);
      for (const sample of all) {
        expect([
          [0, 0, 0],
          [1, 1, 1],
        ]).toContainEqual(sample.slice(1, 4));
        [sample[0] === 9, sample[1] === 0, sample[4] === 9].forEach((is, c) => (hidden[c] += Number(is)));
      }
      // Four standard errors of 360 decisions.
      for (const count of hidden) expect(Math.abs(count / all.length - 0.25)).toBeLessThan(0.092);
    });
  });

  it('time_shift moves all channels of a sequence together', async () => {
    for (const fill of ['constant', 'nearest', 'wrap'] as const) {
      const { values, before } = await augmented(sequences, [{ time_shift: { steps: 3, fill } }]);
      const sample = (list: number[], b: number): number[] => list.slice(18 * b, 18 * b + 18);
      for (let b = 0; b < 5; b++) {
        const shifted = (steps: number): number[] =>
          Array.from({ length: 18 }, (_, i) => {
            const t = Math.floor(i / 2) - steps;
            if (fill === 'constant' && (t < 0 || t > 8)) return 0;
            const from = fill === 'wrap' ? (t + 9) % 9 : Math.min(Math.max(t, 0), 8);
            return sample(before, b)[2 * from + (i % 2)];
          });
        const possible = [-3, -2, -1, 0, 1, 2, 3].map((steps) => largest(shifted(steps), sample(values, b)));
        expect(Math.min(...possible)).toBe(0);
      }
    }
  });

  it('time_mask hides one stretch', async () => {
    const { values, before } = await augmented(sequences, [{ time_mask: { steps: 4, value: 7 } }]);
    for (let b = 0; b < 5; b++) {
      const hidden = Array.from({ length: 9 }, (_, t) => values[18 * b + 2 * t] === 7 && values[18 * b + 2 * t + 1] === 7); // prettier-ignore
      const [first, last] = [hidden.indexOf(true), hidden.lastIndexOf(true)];
      const extent = hidden.filter(Boolean).length;
      expect(extent).toBeLessThanOrEqual(4);
      if (extent > 0) expect(last - first + 1).toBe(extent);
      hidden.forEach((is, t) => expect(is || values[18 * b + 2 * t] === before[18 * b + 2 * t]).toBe(true));
    }
  });
});

describe('mixing', () => {
  it('mixup blends a sample with the one before it in the batch by its share', async () => {
    const { values, before, share, partner } = await augmented(rows, [{ mixup: { alpha: 1 } }]);
    expect(partner).toEqual([4, 0, 1, 2, 3]);
    values.forEach((value, i) => {
      const [b, feature] = [Math.floor(i / 5), i % 5];
      const expected = share[b] * before[i] + (1 - share[b]) * before[5 * partner[b] + feature];
      expect(value).toBeCloseTo(expected, 10);
    });
  });

  it('cutmix pastes a rectangle, whose area is what it leaves of the share', async () => {
    const { values, before, share, partner } = await augmented(drawings, [{ cutmix: { probability: 1 } }]);
    const size = 49;
    for (let b = 0; b < 5; b++) {
      const pasted = Array.from({ length: size }, (_, i) => values[size * b + i] !== before[size * b + i]);
      pasted.forEach((is, i) => expect(values[size * b + i]).toBe(before[size * (is ? partner[b] : b) + i]));
      expect(share[b]).toBeCloseTo(1 - pasted.filter(Boolean).length / size, 6);
    }
  });

  it('takes one of several at random', async () => {
    const order = Array.from({ length: SIZE }, (_, i) => i);
    const both = await augmented(drawings, [{ mixup: {} }, { cutmix: { probability: 1 } }], { order });
    const [mixup, cutmix] = (await Promise.all([{ mixup: {} }, { cutmix: { probability: 1 } }].map((one) => augmented(drawings, [one], { order })))); // prettier-ignore
    const size = 49;
    const sources = order.map(
      (b) =>
      [mixup, cutmix].map((one) => largest(one.values.slice(size * b, size * (b + 1)), both.values.slice(size * b, size * (b + 1))) === 0), // prettier-ignore
    );
    expect(sources.every(([first, second]) => first || second)).toBe(true);
    expect(sources.some(([first]) => first) && sources.some(([, second]) => second)).toBe(true);
  });

  const [share, labels, numbers] = [input('share', [2]), input('labels', [2], 'i32'), input('numbers', [2, 1])];
  const values = async (node: Node): Promise<number[]> => {
    const session = referenceBackend.open({ threads: 1 });
    session.write(share, [0.75, 0.4]);
    session.write(labels, Int32Array.of(5, 8));
    session.write(numbers, [10, 20]);
    const executable = session.compile({ name: 'mixing', outputs: [node], updates: [] });
    executable.run();
    return [...(await executable.read())[0]];
  };
  it('weighs the losses of both labels, and judges by the larger share', async () => {
    const targets = { target: labels, other: { target: reverse(labels, [0]), share } };
    const losses = mixedLosses(targets, (target) => cast(target, 'f32'));
    expect(await values(losses)).toEqual([0.75 * 5 + 0.25 * 8, 0.4 * 8 + 0.6 * 5]);
    expect(await values(mainTarget(targets))).toEqual([5, 5]);
  });

  it('blends the targets of a regression', async () => {
    const { target, other } = mixTargets(numbers, { partner: constant([1, 0], [2], 'i32'), share });
    expect(other).toBeUndefined();
    expect(await values(target)).toEqual([0.75 * 10 + 0.25 * 20, 0.4 * 20 + 0.6 * 10]);
  });
});

describe('noise on targets', () => {
  const order = Array.from({ length: SIZE }, (_, i) => i);
  const labels = async (list: unknown[], key: number[], seedKey: [number, number] = [1, 2]): Promise<number[]> =>
    (await augmented(rows, list, { order, key, seedKey })).targets;
  const truth = order.map((i) => i % 4);

  it('makes about its share of the labels wrong, each wrong class alike', async () => {
    const drawn = await Promise.all(
      Array.from({ length: 200 }, (_, k) => labels([{ label_noise: { share: 0.3 } }], [k, 1])),
    );
    const steps = drawn.flatMap((list) => list.map((label, i) => (label - truth[i] + 4) % 4));
    const share = (step: number): number => steps.filter((s) => s === step).length / steps.length;
    // Four standard errors of 2,400 draws.
    expect(Math.abs(share(0) - 0.7)).toBeLessThan(0.038);
    for (const step of [1, 2, 3]) expect(Math.abs(share(step) - 0.1)).toBeLessThan(0.025);
  });

  it('is the same in every step where it is fixed, and another for another seed', async () => {
    const fixed = [{ label_noise: { share: 0.5, fixed: true } }];
    expect(await labels(fixed, [1, 1])).toEqual(await labels(fixed, [2, 2]));
    expect(await labels(fixed, [1, 1])).not.toEqual(await labels(fixed, [1, 1], [3, 4]));
    expect(await labels(fixed, [1, 1])).not.toEqual(truth);
  });
});
