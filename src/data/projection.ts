/**
 * Principal components (Pearson 1901) and whitening of the numeric features, fitted on the training split after all per-feature maps.
 * A projection is a mean and a matrix, and goes into the checkpoint.
 */
import * as z from 'zod';
import { nonNegative } from '../config/atoms.js';
import { DataError } from './data-error.js';
import { symmetricEigen } from './eigen.js';

/** The covariance takes quadratic memory, its eigenvectors cubic time. */
const MOST_FEATURES = 1024;
/** Below this share of the largest, the variance of a component is rounding noise. */
const NO_VARIANCE = 1e-12;

export const pcaSchema = z.object({
  components: z
    .union([z.number().gt(0).lt(1), z.int().positive()])
    .optional()
    .describe('how many components, or the share of the variance to keep; by default all with nonzero variance'),
  whiten: z.boolean().default(true).describe('whether every component is scaled to variance 1'),
  epsilon: nonNegative.default(0).describe('added to the variances before whitening divides by them, so that weak components stay small'), // prettier-ignore
});
export const zcaSchema = z.object({
  epsilon: nonNegative
    .default(1e-5)
    .describe('added to the variances before dividing by them, so that noise is not amplified'),
});
export type ProjectionConfig =
  ({ readonly type: 'pca' } & z.output<typeof pcaSchema>) | ({ readonly type: 'zca' } & z.output<typeof zcaSchema>);

/** Float64 numbers, little-endian, in base64: a third of the size of decimal digits. */
const packedNumbers = z.base64();

/** As stored in a checkpoint. */
export const projectionSchema = z
  .strictObject({
    /** The entries of a sample that are projected. */
    inputs: z.array(z.int().nonnegative()).min(1),
    components: z.int().positive(),
    /** Whether the result replaces the inputs in place (ZCA); else it precedes the unchanged entries. */
    in_place: z.boolean(),
    mean: packedNumbers,
    /** [components, inputs]. */
    matrix: packedNumbers,
  })
  .refine(
    ({ inputs, components, in_place, mean, matrix }) =>
      unpack(mean).length === inputs.length &&
      unpack(matrix).length === components * inputs.length &&
      (!in_place || components === inputs.length),
    { path: ['matrix'], message: 'has the wrong number of values' },
  );
export type Projection = z.output<typeof projectionSchema>;

function pack(numbers: Float64Array): string {
  const bytes = Buffer.alloc(8 * numbers.length);
  numbers.forEach((number, i) => bytes.writeDoubleLE(number, 8 * i));
  return bytes.toString('base64');
}

function unpack(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  return Float64Array.from({ length: bytes.length >> 3 }, (_, i) => bytes.readDoubleLE(8 * i));
}

/**
 * Fits on the samples that `blocks` yields in each pass: `width` numbers each, of which `inputs` are projected. Throws DataError for
 * too many inputs, or for more components than have variance.
 */
export async function fitProjection(
  config: ProjectionConfig,
  blocks: () => Iterable<Float64Array>,
  width: number,
  inputs: readonly number[],
  file: string,
): Promise<Projection> {
  const n = inputs.length;
  const refuse = (problem: string, hint: string): never => {
    throw new DataError(`data.preprocess: ${config.type}: ${problem}`, { file, hint });
  };
  if (n === 0) refuse('there are no numeric features', 'remove it');
  if (n > MOST_FEATURES) {
    refuse(`${n} features exceed the limit of ${MOST_FEATURES}`, 'make images smaller (data.source size), or leave columns out'); // prettier-ignore
  }
  const { mean, covariance } = covarianceOf(blocks, width, inputs);
  const { values, vectors } = await symmetricEigen(covariance, n);
  const rank = values.filter((value) => value > NO_VARIANCE * values[0]).length;
  if (rank === 0) refuse('no feature varies in the training split', 'remove it');
  const isWhite = config.type === 'zca' || config.whiten;
  const scaleOf = (i: number): number => (i >= rank && config.epsilon === 0 ? 0 : 1 / Math.sqrt(Math.max(0, values[i]) + config.epsilon)); // prettier-ignore
  if (config.type === 'zca') {
    // V diag(s) V^T, whose rows match the features.
    const matrix = new Float64Array(n * n);
    for (let c = 0; c < n; c++) {
      const vector = vectors.subarray(c * n, (c + 1) * n);
      const scale = scaleOf(c);
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) matrix[i * n + j] += scale * vector[i] * vector[j];
    }
    return { inputs: [...inputs], components: n, in_place: true, mean: pack(mean), matrix: pack(matrix) };
  }
  const components = componentsOf(config.components, values, rank);
  if (components > rank) {
    refuse(`${components} components requested, but only ${rank} have any variance`, `set components to ${rank} or less, or leave it out`); // prettier-ignore
  }
  const matrix = vectors.slice(0, components * n);
  if (isWhite) matrix.forEach((value, at) => (matrix[at] = value * scaleOf(Math.floor(at / n))));
  return { inputs: [...inputs], components, in_place: false, mean: pack(mean), matrix: pack(matrix) };
}

/** The fewest components that keep more than the share, as in scikit-learn. */
function componentsOf(asked: number | undefined, values: Float64Array, rank: number): number {
  if (asked === undefined) return rank;
  if (asked >= 1) return asked;
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  let kept = 0;
  for (let i = 0; i < rank; i++) {
    kept += values[i] / total;
    if (kept > asked) return i + 1;
  }
  return rank;
}

/** Mean and sample covariance (divided by n - 1), in two passes. */
function covarianceOf(
  blocks: () => Iterable<Float64Array>,
  width: number,
  inputs: readonly number[],
): { readonly mean: Float64Array; readonly covariance: Float64Array } {
  const n = inputs.length;
  const mean = new Float64Array(n);
  let count = 0;
  for (const values of blocks()) {
    for (let start = 0; start < values.length; start += width, count++) {
      for (let i = 0; i < n; i++) mean[i] += values[start + inputs[i]];
    }
  }
  for (let i = 0; i < n; i++) mean[i] /= count;
  const covariance = new Float64Array(n * n);
  // Four samples at a time: one load and store of a sum for four products.
  const [a, b, c, d] = Array.from({ length: 4 }, () => new Float64Array(n));
  const four = [a, b, c, d];
  let held = 0;
  const add = (): void => {
    for (const rest of four.slice(held)) rest.fill(0);
    held = 0;
    for (let i = 0; i < n; i++) {
      const [ai, bi, ci, di] = [a[i], b[i], c[i], d[i]];
      for (let j = i; j < n; j++) covariance[i * n + j] += ai * a[j] + bi * b[j] + ci * c[j] + di * d[j];
    }
  };
  for (const values of blocks()) {
    for (let start = 0; start < values.length; start += width) {
      const sample = four[held++];
      for (let i = 0; i < n; i++) sample[i] = values[start + inputs[i]] - mean[i];
      if (held === 4) add();
    }
  }
  if (held > 0) add();
  for (let i = 0; i < n; i++) {
    for (let j = i; j < n; j++) covariance[j * n + i] = covariance[i * n + j] /= Math.max(1, count - 1);
  }
  return { mean, covariance };
}

/** Width of a sample of `width` numbers after the projection. */
export const projectedWidth = ({ inputs, components }: Projection, width: number): number =>
  components + width - inputs.length;

/** The unpacked numbers of a projection. */
const unpacked = new WeakMap<Projection, { readonly mean: Float64Array; readonly matrix: Float64Array }>();

/** Samples of `width` numbers projected, in float64, then rounded to float32. */
export function project(values: Float64Array, width: number, projection: Projection): Float32Array {
  const { inputs, components, in_place } = projection;
  let numbers = unpacked.get(projection);
  if (numbers === undefined) {
    numbers = { mean: unpack(projection.mean), matrix: unpack(projection.matrix) };
    unpacked.set(projection, numbers);
  }
  const { mean, matrix } = numbers;
  const n = inputs.length;
  const isInput = new Uint8Array(width);
  for (const entry of inputs) isInput[entry] = 1;
  const others = Array.from({ length: width }, (_, entry) => entry).filter((entry) => isInput[entry] === 0);
  const outWidth = projectedWidth(projection, width);
  const out = new Float32Array((values.length / width) * outWidth);
  const centred = new Float64Array(n);
  for (let start = 0, to = 0; start < values.length; start += width, to += outWidth) {
    for (let i = 0; i < n; i++) centred[i] = values[start + inputs[i]] - mean[i];
    for (let c = 0; c < components; c++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += matrix[c * n + i] * centred[i];
      out[to + (in_place ? inputs[c] : c)] = sum;
    }
    others.forEach((entry, i) => (out[to + (in_place ? entry : components + i)] = values[start + entry]));
  }
  return out;
}
