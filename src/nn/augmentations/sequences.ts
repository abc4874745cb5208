/** Augmentations of sequences, [length] or [length, channels], after preprocessing. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import {
  add, bitAnd, cast, gather, ge, iota, lt, maximum, minimum, mul, type Node, reshape, select, sub,
} from '../../tensor/index.js'; // prettier-ignore
import { aroundOne, type AugmentContext, featurewise, perSample, probability, rangeAround } from './augmentation.js';

/** A whole number from 0 to n - 1 for every sample, [batch]. */
const below = (context: AugmentContext, part: string, n: number): Node =>
  context.random.below(context.stream(part), [context.batch], n);

/**
 * x [batch, length, ...] with every sample `steps` (i32 [batch]) later. What comes in at the ends is zeros (`constant`) or the
 * value at the end (`nearest`), or what went out at the other one (`wrap`).
 */
export function shiftInTime(x: Node, steps: Node, mode: 'constant' | 'nearest' | 'wrap'): Node {
  const [batch, length, ...channels] = x.shape;
  const position = sub(iota([batch, length], 1, 'i32'), reshape(steps, [batch, 1]));
  const wrapped = (t: Node): Node => select(lt(t, 0), add(t, length), select(ge(t, length), sub(t, length), t));
  const source = mode === 'wrap' ? wrapped(position) : minimum(maximum(position, 0), length - 1);
  const row = add(mul(iota([batch, length], 0, 'i32'), length), source);
  const moved = reshape(gather(reshape(x, [batch * length, ...channels]), row), x.shape);
  if (mode !== 'constant') return moved;
  const isInside = bitAnd(ge(position, 0), lt(position, length));
  return select(reshape(isInside, [batch, length, ...channels.map(() => 1)]), moved, 0);
}

export const timeShift = featurewise({
  description: 'Moves sequences in time by whole steps.',
  schema: z.object({
    steps: atoms.positiveInt.max(10000).default(2).describe('largest distance to both sides'),
    fill: z
      .enum(['constant', 'nearest', 'wrap'])
      .default('constant')
      .describe('what comes in at the end: zeros, the value at the end, or what went out at the other one'),
    probability: probability(1),
  }),
  sequential: true,
  apply(context, { steps, fill, probability: share }, x) {
    const farthest = Math.min(steps, x.shape[1] - 1);
    const drawn = sub(below(context, 'steps', 2 * farthest + 1), farthest);
    const shift = share === 1 ? drawn : select(context.happens(share), drawn, 0);
    return shiftInTime(x, shift, fill);
  },
});

export const amplitude = featurewise({
  description: 'Multiplies all values of a sequence with one factor.',
  schema: z.object({
    factor: aroundOne.default(0.1).describe('largest deviation from 1, or [from, to]'),
    probability: probability(1),
  }),
  sequential: true,
  apply(context, { factor, probability: share }, x) {
    const drawn = context.sometimes(share, context.between('factor', rangeAround(1, factor)), 1);
    return mul(x, perSample(drawn, x.shape.length));
  },
});

/** The time masks of SpecAugment (Park et al. 2019). */
export const timeMask = featurewise({
  description: 'Replaces a random stretch of a sequence by a fixed value.',
  schema: z.object({
    steps: atoms.positiveInt.max(10000).default(4).describe('longest stretch; each is as likely as a shorter one'),
    value: atoms.finite.default(0).describe('fill value; 0 is the mean of standardized features'),
    probability: probability(1),
  }),
  sequential: true,
  apply(context, { steps, value, probability: share }, x) {
    const [batch, length] = x.shape;
    const drawn = below(context, 'length', Math.min(steps, length) + 1);
    const extent = share === 1 ? drawn : select(context.happens(share), drawn, 0);
    // Any place at which the stretch lies within the sequence.
    const places = cast(add(sub(length, extent), 1), 'f32');
    const start = cast(mul(context.random.uniform(context.stream('start'), [batch]), places), 'i32');
    const time = iota([batch, length], 1, 'i32');
    const column = (n: Node): Node => reshape(n, [batch, 1]);
    const masked = bitAnd(ge(time, column(start)), lt(time, column(add(start, extent))));
    return select(reshape(masked, [batch, length, ...x.shape.slice(2).map(() => 1)]), value, x);
  },
});
