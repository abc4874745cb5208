/**
 * Random shapes and values for property tests. All values are exact in float32, so that a float32 backend starts from the very
 * numbers that the float64 reference sees.
 */
import { type DType, type HostRandom, type Shape, sizeOf } from '../../../src/tensor/index.js';

/** Seeds of a property test: `count` of them (times NN_FUZZ) from NN_SEED on. A failing test names its seed; rerun it with NN_SEED. */
export function seeds(count: number): number[] {
  const first = Number(process.env.NN_SEED ?? 1);
  const total = process.env.NN_SEED === undefined ? count * Number(process.env.NN_FUZZ ?? 1) : 1;
  return Array.from({ length: total }, (_, i) => first + i);
}

/** A whole number in [low, high]. */
export const whole = (random: HostRandom, low: number, high: number): number => low + random.below(high - low + 1);

export const chance = (random: HostRandom, probability: number): boolean => random.uniform() < probability;

export const pick = <T>(random: HostRandom, list: readonly T[]): T => list[random.below(list.length)];

export const between = (random: HostRandom, low: number, high: number): number =>
  Math.fround(low + (high - low) * random.uniform());

/** Ones, primes, powers of two and their neighbours: where vector code goes wrong. */
const SIZES = [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 19, 23, 31, 32, 33, 37, 63, 64, 65];

/** One axis of at most `limit`. */
export const randomSize = (random: HostRandom, limit: number): number =>
  pick(
    random,
    SIZES.filter((s) => s <= Math.max(1, limit)),
  );

/** A shape of the given rank (random from `low` to `high`) and at most `budget` elements. */
export function randomShape(random: HostRandom, budget: number, low = 0, high = 4): number[] {
  const shape: number[] = [];
  let left = budget;
  for (let d = whole(random, low, high); d > 0; d--) {
    const size = randomSize(random, left);
    shape.push(size);
    left = Math.floor(left / size);
  }
  const order = random.permutation(shape.length);
  return shape.map((_, i) => shape[order[i]]);
}

/** `shape` with some axes made 1 and some leading axes left out: it broadcasts to `shape`. */
export function shapeBroadcastingTo(random: HostRandom, shape: Shape): number[] {
  const dropped = chance(random, 0.3) ? whole(random, 0, shape.length) : 0;
  return shape.slice(dropped).map((size) => (chance(random, 0.4) ? 1 : size));
}

const fill = (shape: Shape, next: (i: number) => number): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => next(i));

export const uniformValues = (random: HostRandom, shape: Shape, low = -2, high = 2): number[] =>
  fill(shape, () => between(random, low, high));

/** All different, at least 2^-8 apart (up to 2000 elements), in random order. */
export function separatedValues(random: HostRandom, shape: Shape): number[] {
  const order = random.permutation(sizeOf(shape));
  const gap = order.length <= 64 ? 2 ** -5 : 2 ** -8;
  return fill(shape, (i) => (order[i] - order.length / 2 + 0.25) * gap);
}

/** At least 0.1 away from every whole number. */
export const betweenIntegers = (random: HostRandom, shape: Shape): number[] =>
  fill(shape, () => Math.fround(whole(random, -3, 2) + between(random, 0.1, 0.9)));

/** Few different whole numbers, so that there are ties. */
export const tiedValues = (random: HostRandom, shape: Shape, low = -2, high = 2): number[] =>
  fill(shape, () => whole(random, low, high));

/** Values of any type, the integer ones over (nearly) their whole range where `wide`. */
export function valuesOf(random: HostRandom, shape: Shape, dtype: DType, wide = false): number[] {
  switch (dtype) {
    case 'f32':
      return uniformValues(random, shape);
    case 'i32':
      return wide ? fill(shape, () => random.bits() | 0) : tiedValues(random, shape, -9, 9);
    case 'u32':
      return wide ? fill(shape, () => random.bits()) : tiedValues(random, shape, 0, 9);
    case 'u8':
      return tiedValues(random, shape, 0, 255);
    case 'bool':
      return tiedValues(random, shape, 0, 1);
  }
}
