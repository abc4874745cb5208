/** Augmentations of brightness and colour, as torchvision defines them: planes of values from 0 to 1, which stay in this range. */
import * as z from 'zod';
import { add, div, eq, exp, floor, le, log, maximum, minimum, mul, type Node, reduceSum, select, sub } from '../../tensor/index.js'; // prettier-ignore
import { aroundOne, aroundOneOrZero, aroundZero, type AugmentContext, perSample, pixelwise, type Planes, probability, type Range, rangeAround } from './augmentation.js'; // prettier-ignore
import type { Quantity } from './matrix.js';

/** Rec. 601 luma. */
const LUMA = [0.299, 0.587, 0.114];

const clamp = (x: Node): Node => minimum(maximum(x, 0), 1);
const blend = (x: Node, other: Node, share: Quantity): Node => add(mul(x, share), mul(other, sub(1, share)));

/** Luma of red, green and blue; of anything else the mean of the channels. */
function grayOf(planes: Planes): Node {
  if (planes.length === 1) return planes[0];
  const weights = planes.length === 3 ? LUMA : planes.map(() => 1 / planes.length);
  return planes.map((plane, c) => mul(plane, weights[c])).reduce((a, b) => add(a, b));
}

/** The value of each sample for planes [batch, height, width]. */
const forPlanes = (value: Quantity): Quantity => perSample(value, 3);

export const adjustBrightness = (planes: Planes, factor: Quantity): Node[] =>
  planes.map((plane) => clamp(mul(plane, forPlanes(factor))));

export function adjustContrast(planes: Planes, factor: Quantity): Node[] {
  const [, height, width] = planes[0].shape;
  const mean = mul(reduceSum(grayOf(planes), [1, 2]), 1 / (height * width));
  return planes.map((plane) => clamp(blend(plane, perSample(mean, 3), forPlanes(factor))));
}

/** Stands in for black, whose logarithm is not finite. */
const DARKEST = 1e-30;

/** By exponential and logarithm, which cost less than a power that has to bear any operand. Black stays black. */
export const adjustGamma = (planes: Planes, gamma: Quantity): Node[] =>
  planes.map((plane) => select(le(plane, 0), 0, exp(mul(log(maximum(plane, DARKEST)), forPlanes(gamma)))));

export function adjustSaturation(planes: Planes, factor: Quantity): Node[] {
  const gray = grayOf(planes);
  return planes.map((plane) => clamp(blend(plane, gray, forPlanes(factor))));
}

/** Turns the hue by `shift` of the colour circle (hue of HSV); value and saturation stay. */
export function adjustHue([red, green, blue]: Planes, shift: Quantity): Node[] {
  const value = maximum(maximum(red, green), blue);
  const chroma = sub(value, minimum(minimum(red, green), blue));
  const divisor = select(eq(chroma, 0), 1, chroma);
  const sector = select(
    eq(value, red),
    div(sub(green, blue), divisor),
    select(eq(value, green), add(div(sub(blue, red), divisor), 2), add(div(sub(red, green), divisor), 4)),
  );
  const hue = add(sector, forPlanes(typeof shift === 'number' ? 6 * shift : mul(shift, 6)));
  // Smith's hexcone: V - C max(0, min(k, 4 - k, 1)) with k = (n + hue) mod 6, n = 5, 3, 1 for red, green, blue.
  return [5, 3, 1].map((n) => {
    const turned = add(hue, n);
    const k = sub(turned, mul(floor(mul(turned, 1 / 6)), 6));
    return sub(value, mul(chroma, clamp(minimum(k, sub(4, k)))));
  });
}

/** Changes the selected samples and leaves the planes of the others unchanged. */
function changed(
  context: AugmentContext,
  { probability: share, range }: { readonly probability: number; readonly range: Range },
  planes: Planes,
  change: (planes: Planes, value: Quantity) => Node[],
): Node[] {
  const after = change(planes, context.between('value', range));
  if (share === 1) return after;
  const happens = perSample(context.happens(share), 3);
  return planes.map((plane, c) => select(happens, after[c], plane));
}

const aroundOneFactor = aroundOneOrZero.default(0.2).describe('largest deviation of the factor from 1, or [from, to]');

export const brightness = pixelwise({
  description: 'Makes images brighter or darker: values times a factor.',
  schema: z.object({ factor: aroundOneFactor, probability: probability(1) }),
  bounded: true,
  apply: (context, { factor, probability: p }, planes) =>
    changed(context, { probability: p, range: rangeAround(1, factor) }, planes, adjustBrightness),
});

export const contrast = pixelwise({
  description: 'Makes the differences of values from the mean grey of the image larger or smaller.',
  schema: z.object({ factor: aroundOneFactor, probability: probability(1) }),
  bounded: true,
  apply: (context, { factor, probability: p }, planes) =>
    changed(context, { probability: p, range: rangeAround(1, factor) }, planes, adjustContrast),
});

export const gamma = pixelwise({
  description: 'Raises values to a power: below 1 lights the shadows, above 1 darkens them.',
  schema: z.object({
    gamma: aroundOne.default(0.2).describe('largest deviation of the exponent from 1, or [from, to]'),
    probability: probability(1),
  }),
  bounded: true,
  apply: (context, { gamma: exponent, probability: p }, planes) =>
    changed(context, { probability: p, range: rangeAround(1, exponent) }, planes, adjustGamma),
});

export const saturation = pixelwise({
  description: 'Makes colours stronger or paler: differences from grey times a factor.',
  schema: z.object({ factor: aroundOneFactor, probability: probability(1) }),
  coloured: true,
  bounded: true,
  apply: (context, { factor, probability: p }, planes) =>
    changed(context, { probability: p, range: rangeAround(1, factor) }, planes, adjustSaturation),
});

export const hue = pixelwise({
  description: 'Shifts all colours along the colour circle.',
  schema: z.object({
    shift: aroundZero.default(0.05).describe('largest turn to both sides as a share of the circle, or [from, to]'),
    probability: probability(1),
  }),
  coloured: true,
  bounded: true,
  apply: (context, { shift, probability: p }, planes) =>
    changed(context, { probability: p, range: rangeAround(0, shift) }, planes, adjustHue),
});
