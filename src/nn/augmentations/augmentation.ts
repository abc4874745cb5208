/**
 * What an augmentation is: a schema, and a random change of the training samples as a function of nodes. Each belongs to a stage,
 * and a step goes through the stages in this order: geometry (all of it one resampling), pixels, features, mixing.
 */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import type { FeatureColumn } from '../../data/index.js';
import { add, mul, type Node, reshape, select } from '../../tensor/index.js';
import type { SampleRandom } from '../random-source.js';
import type { ReferenceKind } from '../target.js';
import type { Matrix, Quantity } from './matrix.js';

export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** What an augmentation needs to know of the batch, and its random numbers. */
export class AugmentContext {
  /** `name` keeps its random numbers distinct from those of others. */
  constructor(
    private readonly name: string,
    readonly random: SampleRandom,
    readonly batch: number,
  ) {}

  /** The name of the random stream for `part`. */
  stream(part: string): string {
    return `augment.${this.name}.${part}`;
  }

  /** A number for every sample, [batch], uniform between the ends of a range. */
  between(part: string, [low, high]: Range): Quantity {
    if (low === high) return low;
    return add(mul(this.random.uniform(this.stream(part), [this.batch]), high - low), low);
  }

  /** `value` for the share `probability` of the samples, [batch], and `neutral` for the others. */
  sometimes(probability: number, value: Quantity, neutral: number): Quantity {
    if (probability === 1 || value === neutral) return value;
    return select(this.happens(probability), value, neutral);
  }

  /** Which samples the augmentation changes: bool [batch], the share `probability` of them. */
  happens(probability: number): Node {
    return this.random.bernoulli(this.stream('happens'), [this.batch], probability);
  }
}

/** The number of each sample, [batch], in the rank of what it is to be combined with. */
export function perSample(value: Node, rank: number): Node;
export function perSample(value: Quantity, rank: number): Quantity;
export function perSample(value: Quantity, rank: number): Quantity {
  return typeof value === 'number' ? value : reshape(value, [value.shape[0], ...new Array<number>(rank - 1).fill(1)]);
}

interface Entry<S extends z.ZodObject> {
  /** One line for `nn list` and the editor. */
  readonly description: string;
  readonly schema: S;
}

/** Moves pixels: all of them together, and one displacement, make one resampling. */
export interface Geometric<S extends z.ZodObject = z.ZodObject> extends Entry<S> {
  readonly stage: 'geometry';
  /** Whole pixels go to whole pixels, so nothing has to be interpolated. */
  readonly exact: boolean;
  /** The source position of each pixel, in pixels from the centre. */
  matrix(context: AugmentContext, params: z.output<S>, size: ImageSize): Matrix;
}

/** Moves every pixel on its own. */
export interface Displacing<S extends z.ZodObject = z.ZodObject> extends Entry<S> {
  readonly stage: 'displacement';
  /** How many pixels further right and down each pixel comes from: two tensors [batch, height, width]. */
  field(context: AugmentContext, params: z.output<S>, size: ImageSize): { readonly x: Node; readonly y: Node };
}

/** Sets how images are filled beyond their border. */
export interface Filling<S extends z.ZodObject = z.ZodObject> extends Entry<S> {
  readonly stage: 'fill';
}

/** The channels of images, each [batch, height, width]. */
export type Planes = readonly Node[];

/** Changes the values of images: planes [batch, height, width], one a channel, from 0 to 1. */
export interface Pixelwise<S extends z.ZodObject = z.ZodObject> extends Entry<S> {
  readonly stage: 'pixels';
  /** Needs red, green and blue. */
  readonly coloured?: boolean;
  /** Needs values from 0 to 1. */
  readonly bounded: boolean;
  apply(context: AugmentContext, params: z.output<S>, planes: Planes): Planes;
}

/** Changes preprocessed samples [batch, ...]. */
export interface Featurewise<S extends z.ZodObject = z.ZodObject> extends Entry<S> {
  readonly stage: 'features';
  /** Takes sequences [length] or [length, channels] only. */
  readonly sequential: boolean;
  /** `columns` says what each feature of a table's row is. */
  apply(context: AugmentContext, params: z.output<S>, x: Node, columns?: readonly FeatureColumn[]): Node;
}

/** Mixes every sample with another one. */
export interface Mixing<S extends z.ZodObject = z.ZodObject> extends Entry<S> {
  readonly stage: 'mixing';
  readonly targets: readonly ReferenceKind[];
  /** Takes images only. */
  readonly images: boolean;
  /** x [batch, ...] mixed with `other`, and the share of x in each sample, [batch]. */
  apply(context: AugmentContext, params: z.output<S>, x: Node, other: Node): { readonly x: Node; readonly share: Node };
}

/** Changes targets. */
export interface Relabelling<S extends z.ZodObject = z.ZodObject> extends Entry<S> {
  readonly stage: 'targets';
  readonly targets: readonly ReferenceKind[];
  /** The same targets in every step: random numbers that depend on the sample alone. */
  fixed(params: z.output<S>): boolean;
  /** `classes` is the number of them where `target` is class labels (i32 [batch]). */
  apply(context: AugmentContext, params: z.output<S>, target: Node, classes: number): Node;
}

export type Augmentation = Geometric | Displacing | Filling | Pixelwise | Featurewise | Mixing | Relabelling;

type Untyped<A> = Omit<A, 'stage'>;

/** Each checks an augmentation of one stage against its schema and keeps its type. */
export const geometric = <S extends z.ZodObject>(entry: Untyped<Geometric<S>>): Geometric<S> => ({ stage: 'geometry', ...entry }); // prettier-ignore
export const displacing = <S extends z.ZodObject>(entry: Untyped<Displacing<S>>): Displacing<S> => ({ stage: 'displacement', ...entry }); // prettier-ignore
export const filling = <S extends z.ZodObject>(entry: Untyped<Filling<S>>): Filling<S> => ({ stage: 'fill', ...entry });
export const pixelwise = <S extends z.ZodObject>(entry: Untyped<Pixelwise<S>>): Pixelwise<S> => ({ stage: 'pixels', ...entry }); // prettier-ignore
export const featurewise = <S extends z.ZodObject>(entry: Untyped<Featurewise<S>>): Featurewise<S> => ({ stage: 'features', ...entry }); // prettier-ignore
export const mixing = <S extends z.ZodObject>(entry: Untyped<Mixing<S>>): Mixing<S> => ({ stage: 'mixing', ...entry });
export const relabelling = <S extends z.ZodObject>(entry: Untyped<Relabelling<S>>): Relabelling<S> => ({ stage: 'targets', ...entry }); // prettier-ignore

export type Range = readonly [number, number];

const ordered = (value: z.ZodNumber) =>
  z.tuple([value, value]).refine(([low, high]) => low <= high, 'the first of the two must not be larger');

/** A largest deviation from 0 to both sides, or a range. */
export const aroundZero = z.union([atoms.nonNegative, ordered(atoms.finite)]);
/** A largest deviation from 1 to both sides, or a range. */
export const aroundOne = z.union([atoms.properFraction, ordered(atoms.positive)]);
/** The same for factors that may be 0. */
export const aroundOneOrZero = z.union([atoms.probability, ordered(atoms.nonNegative)]);
/** One number, or a range. */
export const amount = z.union([atoms.nonNegative, ordered(atoms.nonNegative)]);

export const rangeAround = (centre: number, value: number | Range): Range =>
  typeof value === 'number' ? [centre - value, centre + value] : value;
export const rangeOf = (value: number | Range): Range => (typeof value === 'number' ? [value, value] : value);

export const probability = (defaultValue: number) =>
  atoms.probability.default(defaultValue).describe('share of the samples that it changes');
