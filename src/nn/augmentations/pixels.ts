/** Augmentations of pixel values by place: blur, noise, and rectangles that are erased. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import {
  abs, add, bitAnd, cast, div, exp, iota, le, lt, matmul, maximum, minimum, mul, type Node, reduceSum, reshape, select, sqrt, sub, transpose,
} from '../../tensor/index.js'; // prettier-ignore
import { amount, aroundOne, type AugmentContext, perSample, pixelwise, type Planes, probability, rangeAround, rangeOf } from './augmentation.js'; // prettier-ignore
import { type Quantity, over, times } from './matrix.js';

/** Standard deviations after which the Gaussian of a blur ends. */
const TRUNCATE = 3;

/**
 * [batch, size, size]: element (b, i, j) is the share of value j in the Gaussian mean about i, with the standard deviation of
 * sample b. Beyond its ends a line continues mirrored: c b | a b c | b a.
 */
function mirroredBand(sigma: Quantity, batch: number, size: number, radius: number): Node {
  const shape = [batch, size, size];
  const index = (axis: number): Node => cast(iota(shape, axis, 'i32'), 'f32');
  const [i, j] = [index(1), index(2)];
  const precision = perSample(over(0.5, times(sigma, sigma)), 3);
  const weight = (distance: Node): Node =>
    select(le(abs(distance), radius), exp(mul(mul(mul(distance, distance), precision), -1)), 0);
  // The ends themselves are not repeated, so they have no mirror image on their own side.
  const before = select(lt(0, j), weight(add(i, j)), 0);
  const after = select(lt(j, size - 1), weight(sub(add(i, j), 2 * (size - 1))), 0);
  const sum = add(weight(sub(i, j)), add(before, after));
  return div(sum, reshape(reduceSum(sum, 2), [batch, size, 1]));
}

/** Planes smoothed by a Gaussian of `sigma` pixels (at most `largest`), which differs between samples. */
export function gaussianBlur(planes: Planes, sigma: Quantity, largest: number): Node[] {
  const [batch, height, width] = planes[0].shape;
  const band = (size: number): Node =>
    mirroredBand(sigma, batch, size, Math.min(Math.ceil(TRUNCATE * largest), size - 1));
  const [vertical, horizontal] = [band(height), transpose(band(width), [0, 2, 1])];
  return planes.map((plane) => matmul(vertical, matmul(plane, horizontal)));
}

export const blur = pixelwise({
  description: 'Blurs images by a Gaussian.',
  schema: z.object({
    sigma: z
      .tuple([atoms.positive, atoms.positive])
      .refine(([low, high]) => low <= high, 'the first of the two must not be larger')
      .default([0.1, 1])
      .describe('standard deviation in pixels, from and to'),
    probability: probability(0.5),
  }),
  bounded: false,
  apply(context, { sigma, probability: share }, planes) {
    const blurred = gaussianBlur(planes, context.between('sigma', sigma), sigma[1]);
    if (share === 1) return blurred;
    const happens = perSample(context.happens(share), 3);
    return planes.map((plane, c) => select(happens, blurred[c], plane));
  },
});

export const noise = pixelwise({
  description: 'Adds independent normal noise to every value of images, which stay from 0 to 1.',
  schema: z.object({
    std: amount.default([0, 0.05]).describe('standard deviation, or [from, to], where black is 0 and white is 1'),
    probability: probability(1),
  }),
  bounded: true,
  apply(context, { std, probability: share }, planes) {
    const strength = perSample(context.sometimes(share, context.between('std', rangeOf(std)), 0), 3);
    const normals = Array.from({ length: Math.ceil(planes.length / 2) }, (_, pair) =>
      context.random.normalPair(context.stream(`noise.${pair}`), planes[0].shape),
    ).flat();
    return planes.map((plane, c) => minimum(maximum(add(plane, mul(normals[c], strength)), 0), 1));
  },
});

/** A rectangle for each sample: where its centre is and half its sides, in pixels. */
interface Rectangle {
  readonly x: Quantity;
  readonly y: Quantity;
  readonly halfWidth: Quantity;
  readonly halfHeight: Quantity;
}

/** bool of `shape` [batch, height, width, ...]: the pixels whose centre is in the rectangle. */
export function insideOf({ x, y, halfWidth, halfHeight }: Rectangle, shape: readonly number[]): Node {
  const within = (axis: number, centre: Quantity, half: Quantity): Node => {
    const position = add(cast(iota(shape, axis, 'i32'), 'f32'), 0.5);
    return lt(abs(sub(position, perSample(centre, shape.length))), perSample(half, shape.length));
  };
  return bitAnd(within(2, x, halfWidth), within(1, y, halfHeight));
}

/** Erases a rectangle of `width` and `height` pixels (0 for none) whose centre is anywhere in the image. */
function eraseAnywhere(
  context: AugmentContext,
  planes: Planes,
  { width, height, value }: { readonly width: Quantity; readonly height: Quantity; readonly value: number },
): Node[] {
  const { shape } = planes[0];
  const centre = (axis: string, size: number): Node =>
    mul(context.random.uniform(context.stream(axis), [context.batch]), size);
  const rectangle = {
    x: centre('x', shape[2]),
    y: centre('y', shape[1]),
    halfWidth: times(width, 0.5),
    halfHeight: times(height, 0.5),
  };
  const erased = insideOf(rectangle, shape);
  return planes.map((plane) => select(erased, value, plane));
}

const fillValue = atoms.probability.default(0).describe('fill value: 0 is black, 1 is white');

/** DeVries, Taylor: "Improved regularization of convolutional neural networks with cutout", 2017. */
export const cutout = pixelwise({
  description: 'Fills a square at a random place with one grey level; it may extend beyond the border.',
  schema: z.object({
    size: atoms.positiveInt.default(8).describe('side of the square in pixels'),
    value: fillValue,
    probability: probability(1),
  }),
  bounded: false,
  apply(context, { size, value, probability: share }, planes) {
    const side = context.sometimes(share, size, 0);
    return eraseAnywhere(context, planes, { width: side, height: side, value });
  },
});

/** Zhong et al.: "Random erasing data augmentation", 2020. */
export const erase = pixelwise({
  description: 'Fills a rectangle of random size and place with one grey level (random erasing).',
  schema: z.object({
    area: z
      .tuple([atoms.probability, atoms.probability])
      .refine(([low, high]) => low <= high, 'the first of the two must not be larger')
      .default([0.02, 0.2])
      .describe('share of the image, from and to'),
    aspect: aroundOne.default([0.3, 3.3]).describe('width by height: largest deviation from 1, or [from, to]'),
    value: fillValue,
    probability: probability(0.5),
  }),
  bounded: false,
  apply(context, { area, aspect, value, probability: share }, planes) {
    const [, rows, columns] = planes[0].shape;
    const pixels = times(context.sometimes(share, context.between('area', area), 0), rows * columns);
    const ratio = context.between('aspect', rangeAround(1, aspect));
    const side = (square: Quantity): Quantity => (typeof square === 'number' ? Math.sqrt(square) : sqrt(square));
    return eraseAnywhere(context, planes, {
      width: side(times(pixels, ratio)),
      height: side(over(pixels, ratio)),
      value,
    });
  },
});
