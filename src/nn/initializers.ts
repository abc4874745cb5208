/**
 * Initial values of parameters. Every initializer is a function of the shape, the fans and a stream of random numbers. Weights are
 * [in, out] for dense and [height, width, in, out] for convolutional layers: the last axis is always the output's.
 */
import * as z from 'zod';
import { atoms, component, type ComponentConfig } from '../config/index.js';
import { type HostRandom, type Shape, sizeOf } from '../tensor/index.js';

export interface Initializer<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  /** Not defined for vectors. */
  readonly needsMatrix?: true;
  /**
   * `fanIn` and `fanOut`: how many inputs an output sees, and how many outputs an input reaches. Outputs are numbered along
   * `outputAxis`, by default the last.
   */
  values(
    shape: Shape,
    fanIn: number,
    fanOut: number,
    random: HostRandom,
    params: z.output<S>,
    outputAxis?: number,
  ): Float32Array;
}

const initializer = <S extends z.ZodObject>(entry: Initializer<S>): Initializer<S> => entry;

/** A tensor with elements drawn in row-major order. */
function filled(shape: Shape, next: () => number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = next();
  return values;
}

const uniformBetween = (shape: Shape, low: number, high: number, random: HostRandom): Float32Array =>
  filled(shape, () => low + (high - low) * random.uniform());

/** Random weights of a given variance; a uniform distribution on [-a, a] has the variance a^2 / 3. */
function scaled(paper: string, formula: string, variance: (fanIn: number, fanOut: number) => number) {
  return {
    normal: initializer({
      description: `Normal with variance ${formula} (${paper}).`,
      schema: z.object({}),
      values(shape, fanIn, fanOut, random) {
        const std = Math.sqrt(variance(fanIn, fanOut));
        return filled(shape, () => std * random.normal());
      },
    }),
    uniform: initializer({
      description: `Uniform around 0 with variance ${formula} (${paper}).`,
      schema: z.object({}),
      values(shape, fanIn, fanOut, random) {
        const limit = Math.sqrt(3 * variance(fanIn, fanOut));
        return uniformBetween(shape, -limit, limit, random);
      },
    }),
  };
}

const he = scaled('He et al. 2015, for relu', '2 / fan_in', (fanIn) => 2 / fanIn);
const glorot = scaled(
  'Glorot and Bengio 2010, for tanh',
  '2 / (fan_in + fan_out)',
  (fanIn, fanOut) => 2 / (fanIn + fanOut),
);
const lecun = scaled('LeCun et al. 1998, for selu', '1 / fan_in', (fanIn) => 1 / fanIn);

const gain = z.number().default(1).describe('factor of all values');
const mean = z.number().default(0).describe('mean of the values');
const std = atoms.nonNegative.default(0.05).describe('standard deviation of the values');

const dot = (a: Float64Array, b: Float64Array): number => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
};

/**
 * `count` orthonormal vectors of `length` >= count, uniformly distributed: Gram-Schmidt on normal vectors, done twice, which leaves
 * them orthogonal to rounding ("twice is enough": Giraud et al. 2005).
 */
function orthonormal(count: number, length: number, random: HostRandom): Float64Array[] {
  const basis: Float64Array[] = [];
  while (basis.length < count) {
    const v = Float64Array.from({ length }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) {
      for (const b of basis) {
        const along = dot(v, b);
        for (let i = 0; i < length; i++) v[i] -= along * b[i];
      }
    }
    const norm = Math.sqrt(dot(v, v));
    basis.push(v.map((x) => x / norm));
  }
  return basis;
}

/** Offset of the [in, out] matrix at the centre of a kernel; 0 for a matrix that has no spatial axes. */
function centreOf(shape: Shape): number {
  const place = shape.slice(0, -2).reduce((at, size) => at * size + Math.floor((size - 1) / 2), 0);
  return place * sizeOf(shape.slice(-2));
}

/** rows x columns, row-major; orthonormal columns, or rows where these are fewer. */
function orthogonalMatrix(rows: number, columns: number, random: HostRandom): Float64Array {
  const basis = orthonormal(Math.min(rows, columns), Math.max(rows, columns), random);
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    return rows >= columns ? basis[column][row] : basis[row][column];
  });
}

const orthogonal = initializer({
  description: 'A random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014).',
  schema: z.object({ gain }),
  needsMatrix: true,
  values(shape, _fanIn, _fanOut, random, params) {
    const columns = shape[shape.length - 1];
    const matrix = orthogonalMatrix(sizeOf(shape) / columns, columns, random);
    return Float32Array.from(matrix, (value) => params.gain * value);
  },
});

export const initializers = {
  zeros: initializer({
    description: 'All 0.',
    schema: z.object({}),
    values: (shape) => new Float32Array(sizeOf(shape)),
  }),
  ones: initializer({
    description: 'All 1.',
    schema: z.object({}),
    values: (shape) => new Float32Array(sizeOf(shape)).fill(1),
  }),
  constant: initializer({
    description: 'All equal to one value.',
    schema: z.object({ value: z.number().describe('every value') }),
    values: (shape, _fanIn, _fanOut, _random, { value }) => new Float32Array(sizeOf(shape)).fill(value),
  }),
  uniform: initializer({
    description: 'Uniform in [low, high).',
    schema: z.object({
      low: z.number().default(-0.05).describe('smallest value'),
      high: z.number().default(0.05).describe('bound above all values'),
    }),
    values: (shape, _fanIn, _fanOut, random, { low, high }) => uniformBetween(shape, low, high, random),
  }),
  normal: initializer({
    description: 'Normal with the given mean and standard deviation.',
    schema: z.object({ mean, std }),
    values: (shape, _fanIn, _fanOut, random, params) => filled(shape, () => params.mean + params.std * random.normal()),
  }),
  truncated_normal: initializer({
    description: 'Truncated normal: values beyond two standard deviations are redrawn.',
    schema: z.object({ mean, std }),
    values: (shape, _fanIn, _fanOut, random, params) =>
      filled(shape, () => {
        for (;;) {
          const value = random.normal();
          if (Math.abs(value) <= 2) return params.mean + params.std * value;
        }
      }),
  }),
  he_normal: he.normal,
  he_uniform: he.uniform,
  glorot_normal: glorot.normal,
  glorot_uniform: glorot.uniform,
  lecun_normal: lecun.normal,
  lecun_uniform: lecun.uniform,
  orthogonal,
  delta_orthogonal: initializer({
    description: 'Orthogonal at the centre of a kernel and 0 elsewhere (Xiao et al. 2018).',
    schema: z.object({ gain }),
    needsMatrix: true,
    values(shape, _fanIn, _fanOut, random, params) {
      const [inputs, outputs] = shape.slice(-2);
      const values = new Float32Array(sizeOf(shape));
      values.set(
        orthogonalMatrix(inputs, outputs, random).map((value) => params.gain * value),
        centreOf(shape),
      );
      return values;
    },
  }),
  /** What is drawn here is where it begins: training scales it once the data are there (`src/train/lsuv.ts`). */
  lsuv: initializer({
    description:
      'Orthogonal, then scaled layer by layer until the products with a training batch have variance 1 (Mishkin and Matas 2016).',
    schema: z.object({
      tolerance: atoms.positive.default(0.1).describe('how far from 1 the variance may stay'),
      max_iterations: atoms.positiveInt.default(10).describe('how often the weights of a layer are scaled at most'),
    }),
    needsMatrix: true,
    values: (shape, fanIn, fanOut, random) => orthogonal.values(shape, fanIn, fanOut, random, { gain: 1 }),
  }),
  sparse: initializer({
    description: 'Each output sees only a few inputs, with normal weights (Martens 2010).',
    schema: z.object({
      connections: atoms.positiveInt.default(15).describe('inputs that an output sees'),
      std: atoms.nonNegative.default(1).describe('standard deviation of the values that are not 0'),
    }),
    needsMatrix: true,
    values(shape, _fanIn, _fanOut, random, params, outputAxis = shape.length - 1) {
      const outputs = shape[outputAxis];
      const inputs = sizeOf(shape) / outputs;
      // Elements that follow each other within one output.
      const run = sizeOf(shape.slice(outputAxis + 1));
      const values = new Float32Array(sizeOf(shape));
      for (let output = 0; output < outputs; output++) {
        for (const at of random.permutation(inputs).subarray(0, params.connections)) {
          const [before, after] = [Math.floor(at / run), at % run];
          values[(before * outputs + output) * run + after] = params.std * random.normal();
        }
      }
      return values;
    },
  }),
  identity: initializer({
    description: 'Passes input i to output i; a convolution does so at the centre of its kernel.',
    schema: z.object({ gain }),
    needsMatrix: true,
    values(shape, _fanIn, _fanOut, _random, params) {
      const [inputs, outputs] = shape.slice(-2);
      const centre = centreOf(shape);
      const values = new Float32Array(sizeOf(shape));
      for (let i = 0; i < Math.min(inputs, outputs); i++) values[centre + i * outputs + i] = params.gain;
      return values;
    },
  }),
};

export const initializerSchema = component(initializers);
export type InitializerConfig = ComponentConfig<typeof initializers>;

const checkpointPath = atoms.text.describe('a checkpoint of nn, relative to the config');

/** The `init` section: how weights and biases start unless a layer says otherwise. */
export const initSchema = z.strictObject({
  weights: initializerSchema.prefault('he_normal').describe('initial weights of every layer'),
  bias: initializerSchema.prefault('zeros').describe('initial biases of every layer'),
  checkpoint: z
    .union([
      checkpointPath,
      z.strictObject({
        path: checkpointPath,
        parameters: z
          .array(atoms.text)
          .min(1)
          .optional()
          .describe('names of those that it gives, * for any characters: [layers.0.*, "*.bias"]; all by default'),
      }),
    ])
    .optional()
    .describe(
      'weights and running statistics of a trained network to begin with: a path, or one with the names of some',
    ),
});
export type InitConfig = z.output<typeof initSchema>;

/** `init.checkpoint`, the short form written out. */
export const checkpointOf = ({ checkpoint }: InitConfig): { path: string; parameters?: string[] } | undefined =>
  typeof checkpoint === 'string' ? { path: checkpoint } : checkpoint;
