/** Random numbers inside a graph. They are a function of (key, stream, element), so threads, order and resuming change nothing. */
import {
  add,
  cast,
  cos,
  input,
  iota,
  log,
  lt,
  mul,
  type Node,
  randomBits,
  reshape,
  type Shape,
  shiftRight,
  sizeOf,
  sqrt,
  streamId,
} from '../tensor/index.js';

/** Bits of a uniform number: as many as a float32 holds exactly. */
const RESOLUTION = 2 ** 24;

export class RandomSource {
  /** Two words that the host renews before every step. */
  readonly key: Node = input('rng', [2], 'u32');

  /** Uniform whole numbers in [0, 2^24), as u32. Equal streams give equal numbers. */
  private words(stream: string, shape: Shape): Node {
    const counter = reshape(iota([sizeOf(shape)], 0), shape);
    return shiftRight(randomBits(this.key, counter, streamId(stream)), 8);
  }

  /** Uniform in [0, 1), a multiple of 2^-24. */
  uniform(stream: string, shape: Shape): Node {
    return mul(cast(this.words(stream, shape), 'f32'), 1 / RESOLUTION);
  }

  /** True with the given probability, decided on integers so that every backend agrees on each element. */
  bernoulli(stream: string, shape: Shape, probability: number): Node {
    return lt(this.words(stream, shape), Math.round(probability * RESOLUTION));
  }

  /** Standard normal (Box and Muller 1958); the tails end at 5.9. */
  normal(stream: string, shape: Shape): Node {
    const u = mul(add(cast(this.words(`${stream}.radius`, shape), 'f32'), 0.5), 1 / RESOLUTION);
    const v = this.uniform(`${stream}.angle`, shape);
    return mul(sqrt(mul(log(u), -2)), cos(mul(v, 2 * Math.PI)));
  }
}
