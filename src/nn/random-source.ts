/** Random numbers inside a graph. They are a function of (key, stream, element), so threads, order and resuming change nothing. */
import {
  abs,
  add,
  bitAnd,
  cast,
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
  sub,
} from '../tensor/index.js';

/** Bits of a uniform number: as many as a float32 holds exactly. */
const RESOLUTION = 2 ** 24;

/** Largest n that `below` takes. */
const MOST_VALUES = 2 ** 16;

/** Distributions of whole numbers in [0, 2^24) that `counter` numbers. */
abstract class Draws {
  constructor(readonly key: Node) {}

  /** A u32 counter per element of a tensor of this shape. */
  protected abstract counter(shape: Shape): Node;

  /** Uniform whole numbers in [0, 2^24), as u32. Equal streams give equal numbers. */
  private words(stream: string, shape: Shape): Node {
    return shiftRight(randomBits(this.key, this.counter(shape), streamId(stream)), 8);
  }

  /** The halves of the words of `stream`: two independent tensors of whole numbers in [0, 2^16), at the cost of one. */
  private halves(stream: string, shape: Shape): readonly [Node, Node] {
    const bits = randomBits(this.key, this.counter(shape), streamId(stream));
    return [cast(shiftRight(bits, 16), 'f32'), cast(bitAnd(bits, 0xffff), 'f32')];
  }

  /** Two independent tensors, uniform in (0, 1): odd multiples of 2^-17. */
  uniformPair(stream: string, shape: Shape): readonly [Node, Node] {
    const [a, b] = this.halves(stream, shape);
    return [mul(add(a, 0.5), 2 ** -16), mul(add(b, 0.5), 2 ** -16)];
  }

  /** Two independent standard normal tensors with tails up to 4.85: cheaper than twice `normal`. */
  normalPair(stream: string, shape: Shape): readonly [Node, Node] {
    const [u, v] = this.uniformPair(stream, shape);
    const radius = sqrt(mul(log(u), -2));
    return [mul(radius, cosineOfTurn(v)), mul(radius, cosineOfTurn(abs(sub(v, 0.25))))];
  }

  /** Uniform in [0, 1), a multiple of 2^-24. */
  uniform(stream: string, shape: Shape): Node {
    return mul(cast(this.words(stream, shape), 'f32'), 1 / RESOLUTION);
  }

  /** True with the given probability, decided on integers so that every backend agrees on each element. */
  bernoulli(stream: string, shape: Shape, probability: number): Node {
    return lt(this.words(stream, shape), Math.round(probability * RESOLUTION));
  }

  /** Uniform whole numbers in [0, n) as i32, n at most 2^16; each has its share to within 2^-16. */
  below(stream: string, shape: Shape, n: number): Node {
    if (!(n >= 1 && n <= MOST_VALUES)) throw new RangeError(`no whole number below ${n}`);
    return cast(shiftRight(mul(shiftRight(this.words(stream, shape), 8), n), 16), 'i32');
  }

  /** Standard normal (Box and Muller 1958); the tails end at 5.9. */
  normal(stream: string, shape: Shape): Node {
    const u = mul(add(cast(this.words(`${stream}.radius`, shape), 'f32'), 0.5), 1 / RESOLUTION);
    const v = this.uniform(`${stream}.angle`, shape);
    return mul(sqrt(mul(log(u), -2)), cosineOfTurn(v));
  }
}

/** sin(2 pi t) for |t| up to a quarter: coefficients of t, t^3, ..., the smallest largest error (3.3e-9) of that degree. */
const SINE_OF_TURN = [6.283185160088892, -41.34165503126528, 81.60100406311882, -76.5497820463967, 39.53670408874423];

/** cos(2 pi v) for v from 0 to 1, which needs no reduction of the angle. */
function cosineOfTurn(v: Node): Node {
  const t = sub(abs(sub(v, 0.5)), 0.25);
  const square = mul(t, t);
  const [first, ...rest] = [...SINE_OF_TURN].reverse().map((c): Node | number => c);
  return mul(
    rest.reduce((sum: Node | number, c) => add(mul(square, sum), c), first),
    t,
  );
}

/** Numbers for the elements of any tensor, by their position in it. */
export class RandomSource extends Draws {
  /** Its key is an input of two words that the host renews before every step; all users of the source share it. */
  constructor() {
    super(input('rng', [2], 'u32'));
  }

  protected counter(shape: Shape): Node {
    return reshape(iota([sizeOf(shape)], 0), shape);
  }
}

/**
 * Numbers that belong to samples: tensors are [batch, ...], and a sample's numbers do not depend on its place in
 * the batch. With a step's key they are a function of (seed, step, stream, sample, element).
 */
export class SampleRandom extends Draws {
  /** `samples` (i32, [batch]) names the samples. */
  constructor(
    key: Node,
    private readonly samples: Node,
  ) {
    super(key);
  }

  protected counter(shape: Shape): Node {
    const [batch, ...sample] = shape;
    const size = sizeOf(sample);
    const first = mul(cast(this.samples, 'u32'), size);
    if (size === 1) return reshape(first, shape);
    return add(reshape(first, [batch, ...sample.map(() => 1)]), reshape(iota([size], 0), [1, ...sample]));
  }
}
