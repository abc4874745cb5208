/**
 * Generated data sets: small problems that show what a network can and cannot do. They are a function of
 * their own seed, so that an experiment's seed changes the network and not the data.
 */
import * as z from 'zod';
import { nonNegative, positive, positiveInt, seed } from '../../config/atoms.js';
import { type HostRandom, hostRandom } from '../../tensor/random.js';
import { sizeOf } from '../../tensor/shape.js';
import { DataError } from '../data-error.js';
import { samplesOfPair } from '../arrays/samples.js';
import type { ArraysEncoding } from '../encoding.js';
import type { DataSource } from '../source.js';

const common = {
  samples: positiveInt.max(10_000_000).default(1000).describe('number of samples'),
  seed: seed.default(0).describe('seed of the data; the seed of the experiment does not change them'),
};
const noise = (defaultValue: number) =>
  nonNegative.default(defaultValue).describe('standard deviation of the added noise');

interface Common {
  readonly samples: number;
  readonly seed: number;
}
/** Writes the features of sample `i` into `x` and its target into `y`. */
type Sample = (i: number, x: Float64Array, random: HostRandom) => number;

/** Limit on samples x features: 2 GiB in float64. */
const MOST_NUMBERS = 2 ** 28;

/** A set named `name` of samples with features of the shape `shape(params)` each. */
function synthetic<S extends z.ZodObject, P extends Common>(
  name: string,
  schema: S & { readonly _zod: { readonly output: P } },
  description: string,
  shape: (params: P) => readonly number[],
  sampler: (params: P, random: HostRandom) => Sample,
) {
  return {
    schema,
    description,
    encoding: 'arrays',
    open(params, { target, roles }) {
      const random = hostRandom(params.seed, name);
      const sample = sampler(params, random);
      const [size, dims] = [params.samples, shape(params)];
      const features = sizeOf(dims);
      const file = `data.source.${name}`;
      if (size * features > MOST_NUMBERS) {
        const problem = `${size} samples of ${features} numbers each exceed the limit of ${MOST_NUMBERS} numbers`;
        throw new DataError(problem, { file, hint: `set samples: ${Math.floor(MOST_NUMBERS / features)} at most` });
      }
      const x = new Float64Array(size * features);
      const y = Float64Array.from({ length: size }, (_, i) =>
        sample(i, x.subarray(i * features, (i + 1) * features), random),
      );
      const place = { file };
      const samples = samplesOfPair(
        { type: 'f64', dims: [size, ...dims], values: x, place },
        target === 'none' ? undefined : { type: 'f64', dims: [size], values: y, place },
        target,
      );
      return Promise.resolve(roles.includes('train') ? { train: samples } : {});
    },
    ownFiles: () => ['train'],
    moveFiles: (params) => params,
  } as const satisfies DataSource<P, ArraysEncoding> & { schema: unknown };
}

const two = (): readonly number[] => [2];
/** Angles from 0 to `end` for the samples of a class, evenly spread: sample `i` is the (i / classes)-th of its class. */
const spread = (i: number, classes: number, samples: number): number =>
  Math.floor(i / classes) / Math.max(1, Math.ceil(samples / classes) - 1);

const moons = synthetic(
  'moons',
  z.object({ ...common, noise: noise(0.1) }),
  'two interleaving half circles, two classes',
  two,
  ({ samples, noise }) =>
    (i, x, random) => {
      const label = i % 2;
      const angle = Math.PI * spread(i, 2, samples);
      x[0] = (label === 0 ? Math.cos(angle) : 1 - Math.cos(angle)) + noise * random.normal();
      x[1] = (label === 0 ? Math.sin(angle) : 0.5 - Math.sin(angle)) + noise * random.normal();
      return label;
    },
);

const circles = synthetic(
  'circles',
  z.object({
    ...common,
    noise: noise(0.05),
    factor: positive.lt(1).default(0.5).describe('radius of the inner circle; the outer one has radius 1'),
  }),
  'a circle around a smaller one, two classes',
  two,
  ({ samples, noise, factor }) =>
    (i, x, random) => {
      const label = i % 2;
      const angle = (2 * Math.PI * Math.floor(i / 2)) / Math.ceil(samples / 2);
      const radius = label === 0 ? 1 : factor;
      x[0] = radius * Math.cos(angle) + noise * random.normal();
      x[1] = radius * Math.sin(angle) + noise * random.normal();
      return label;
    },
);

const spirals = synthetic(
  'spirals',
  z.object({
    ...common,
    noise: noise(0.05),
    classes: positiveInt.min(2).max(100).default(2).describe('arms, one class each'),
    turns: positive.default(1.5).describe('turns of an arm around the centre'),
  }),
  'arms that wind around each other from the centre to radius 1, one class each',
  two,
  ({ samples, noise, classes, turns }) =>
    (i, x, random) => {
      const label = i % classes;
      const radius = spread(i, classes, samples);
      const angle = 2 * Math.PI * (turns * radius + label / classes);
      x[0] = radius * Math.cos(angle) + noise * random.normal();
      x[1] = radius * Math.sin(angle) + noise * random.normal();
      return label;
    },
);

const xor = synthetic(
  'xor',
  z.object({ ...common, noise: noise(0) }),
  'points of the square from -1 to 1; the class is 1 if the coordinates have different signs',
  two,
  ({ noise }) =>
    (_, x, random) => {
      const [a, b] = [2 * random.uniform() - 1, 2 * random.uniform() - 1];
      x[0] = a + noise * random.normal();
      x[1] = b + noise * random.normal();
      return a < 0 === b < 0 ? 0 : 1;
    },
);

const blobs = synthetic(
  'blobs',
  z.object({
    ...common,
    classes: positiveInt.min(2).max(1000).default(3).describe('blobs, one class each'),
    features: positiveInt.max(1000).default(2).describe('dimensions'),
    spread: positive.default(1).describe('standard deviation of a blob; the centres lie between -10 and 10'),
  }),
  'normally distributed points around random centres, one class each',
  ({ features }) => [features],
  ({ classes, features, spread }, random) => {
    const centres = Float64Array.from({ length: classes * features }, () => 20 * random.uniform() - 10);
    return (i, x) => {
      const label = i % classes;
      for (let k = 0; k < features; k++) x[k] = centres[label * features + k] + spread * random.normal();
      return label;
    };
  },
);

const sines = synthetic(
  'sines',
  z.object({
    ...common,
    noise: noise(0.1),
    noise_end: nonNegative
      .optional()
      .describe('standard deviation of the noise at x = 1, to which it grows or shrinks from `noise` at x = -1'),
    frequency: positive.default(1).describe('waves between x = -1 and x = 1'),
  }),
  'a noisy sine wave: y = sin(pi frequency x) for x between -1 and 1, for regression',
  () => [1],
  ({ noise, noise_end: end = noise, frequency }) =>
    (_, x, random) => {
      x[0] = 2 * random.uniform() - 1;
      const std = noise + ((end - noise) * (x[0] + 1)) / 2;
      return Math.sin(Math.PI * frequency * x[0]) + std * random.normal();
    },
);

const linear = synthetic(
  'linear',
  z.object({
    ...common,
    noise: noise(0.1),
    features: positiveInt.max(1000).default(1).describe('dimensions'),
    bias: z.number().default(0).describe('the target when all features are 0'),
  }),
  'a linear function of normal features with normal weights, and noise, for regression',
  ({ features }) => [features],
  ({ noise, features, bias }, random) => {
    const weights = Float64Array.from({ length: features }, () => random.normal());
    return (_, x) => {
      let y = bias;
      for (let k = 0; k < features; k++) {
        x[k] = random.normal();
        y += weights[k] * x[k];
      }
      return y + noise * random.normal();
    };
  },
);

const words = synthetic(
  'words',
  z.object({
    ...common,
    noise: noise(0.1),
    vocabulary: positiveInt.max(10_000).default(100).describe('vocabulary size; words are numbered from 0'),
    length: positiveInt.max(1000).default(8).describe('words per sequence'),
    one_hot: z.boolean().default(false).describe('whether words are one-hot vectors instead of indices'),
  }),
  'sequences of words, each with a hidden value; the target is their sum over the root of the length, plus noise, for regression', // prettier-ignore
  ({ vocabulary, length, one_hot: oneHot }) => (oneHot ? [length, vocabulary] : [length]),
  ({ noise, vocabulary, length, one_hot: oneHot }, random) => {
    const worth = Float64Array.from({ length: vocabulary }, () => random.normal());
    return (_, x) => {
      let sum = 0;
      for (let place = 0; place < length; place++) {
        const word = Math.floor(vocabulary * random.uniform());
        if (oneHot) x[place * vocabulary + word] = 1;
        else x[place] = word;
        sum += worth[word];
      }
      return sum / Math.sqrt(length) + noise * random.normal();
    };
  },
);

/**
 * Bodies |x|_p <= radius: how far their corners reach, as a multiple of the radius of a ball of the same volume, which is 4/3 pi r^3;
 * an octahedron's is 4/3 r^3, a cube's 8 r^3.
 */
const BODIES = [
  { reach: 1, norm: (a: number, b: number, c: number) => Math.hypot(a, b, c) },
  { reach: (Math.PI / 6) ** (1 / 3), norm: (a: number, b: number, c: number) => Math.max(a, b, c) },
  { reach: Math.PI ** (1 / 3), norm: (a: number, b: number, c: number) => a + b + c },
] as const;
const LARGEST_REACH = Math.max(...BODIES.map(({ reach }) => reach));

const bodies = synthetic(
  'bodies',
  z.object({
    ...common,
    noise: noise(0.3),
    size: positiveInt.min(6).max(64).default(12).describe('voxels per side'),
  }),
  'a ball, a cube or an octahedron of the same volume somewhere in a noisy cube of voxels [size, size, size, 1], three classes',
  ({ size }) => [size, size, size, 1],
  ({ noise, size }) =>
    (i, x, random) => {
      const { reach, norm } = BODIES[i % BODIES.length];
      // The largest octahedron just fits.
      const radius = ((size / 2) * (0.65 + 0.35 * random.uniform())) / LARGEST_REACH;
      const room = size / 2 - LARGEST_REACH * radius;
      const [depth, height, width] = [0, 1, 2].map(() => (size - 1) / 2 + room * (2 * random.uniform() - 1));
      for (let voxel = 0; voxel < x.length; voxel++) {
        const [d, h, w] = [Math.floor(voxel / size ** 2), Math.floor(voxel / size) % size, voxel % size];
        const isInside = norm(Math.abs(d - depth), Math.abs(h - height), Math.abs(w - width)) <= reach * radius;
        x[voxel] = (isInside ? 1 : 0) + noise * random.normal();
      }
      return i % BODIES.length;
    },
);

export const syntheticSources = { moons, circles, spirals, xor, blobs, sines, linear, words, bodies };
