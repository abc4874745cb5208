/** Augmentations that move all pixels of an image together: maps of the plane, about the centre of the image. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { cast, cos, minimum, type Node, sin, sqrt, sub } from '../../tensor/index.js';
import { aroundOne, aroundZero, type AugmentContext, geometric, probability, type Range, rangeAround } from './augmentation.js'; // prettier-ignore
import { type Matrix, minus, over, plus, type Quantity, squareToQuadrilateral, times } from './matrix.js';

/** Source positions when the image is moved right and down by so many pixels, or enlarged by these factors. */
export const moved = (x: Quantity, y: Quantity): Matrix => [1, 0, minus(0, x), 0, 1, minus(0, y), 0, 0, 1];
export const scaled = (x: Quantity, y: Quantity): Matrix => [over(1, x), 0, 0, 0, over(1, y), 0, 0, 0, 1];
const trigonometric = (x: Quantity, f: (x: number) => number, ofNode: (x: Node) => Node): Quantity =>
  typeof x === 'number' ? f(x) : ofNode(x);

/** Source positions when the image is turned counter-clockwise by an angle in radians (y goes down). */
export function rotation(angle: Quantity): Matrix {
  const c = trigonometric(angle, Math.cos, cos);
  const s = trigonometric(angle, Math.sin, sin);
  return [c, minus(0, s), 0, s, c, 0, 0, 0, 1];
}

const RADIANS = Math.PI / 180;

/** A random deviation from 0 or 1 that some samples have. */
const draw = (
  context: AugmentContext,
  part: string,
  range: Range,
  { share, neutral }: { readonly share: number; readonly neutral: number },
): Quantity => context.sometimes(share, context.between(part, range), neutral);

export const rotate = geometric({
  description: 'Rotates images about their centre.',
  schema: z.object({
    degrees: aroundZero.default(15).describe('largest angle to both sides, or [from, to]; positive is counter-clockwise'), // prettier-ignore
    probability: probability(1),
  }),
  exact: false,
  matrix(context, { degrees, probability: share }) {
    const angle = draw(context, 'angle', rangeAround(0, degrees), { share, neutral: 0 });
    return rotation(times(angle, RADIANS));
  },
});

export const translate = geometric({
  description: 'Moves images.',
  schema: z.object({
    horizontal: aroundZero
      .default(0.1)
      .describe('largest distance to both sides as a share of the width, or [from, to]'),
    vertical: aroundZero.default(0.1).describe('largest distance up and down as a share of the height, or [from, to]; positive is down'), // prettier-ignore
    probability: probability(1),
  }),
  exact: false,
  matrix(context, { horizontal, vertical, probability: share }, { height, width }) {
    const options = { share, neutral: 0 };
    const x = draw(context, 'horizontal', rangeAround(0, horizontal), options);
    const y = draw(context, 'vertical', rangeAround(0, vertical), options);
    return moved(times(x, width), times(y, height));
  },
});

export const scale = geometric({
  description: 'Makes images larger or smaller about their centre.',
  schema: z.object({
    factor: aroundOne.default(0.1).describe('largest deviation from 1, or [from, to]; above 1 is larger'),
    aspect: aroundOne.default(0).describe('factor on the width alone: largest deviation from 1, or [from, to]'),
    probability: probability(1),
  }),
  exact: false,
  matrix(context, { factor, aspect, probability: share }) {
    const options = { share, neutral: 1 };
    const size = draw(context, 'factor', rangeAround(1, factor), options);
    return scaled(times(size, draw(context, 'aspect', rangeAround(1, aspect), options)), size);
  },
});

export const shear = geometric({
  description: 'Slants images (skew).',
  schema: z.object({
    horizontal: aroundZero.default(10).describe('largest angle in degrees by which upright lines lean, or [from, to]'),
    vertical: aroundZero.default(0).describe('largest angle in degrees by which level lines lean, or [from, to]'),
    probability: probability(1),
  }),
  exact: false,
  matrix(context, { horizontal, vertical, probability: share }) {
    const options = { share, neutral: 0 };
    const slope = (part: string, range: Range): Quantity => {
      const angle = times(draw(context, part, range, options), RADIANS);
      return over(trigonometric(angle, Math.sin, sin), trigonometric(angle, Math.cos, cos));
    };
    const x = slope('horizontal', rangeAround(0, horizontal));
    const y = slope('vertical', rangeAround(0, vertical));
    return [1, x, 0, y, plus(1, times(x, y)), 0, 0, 0, 1];
  },
});

export const perspective = geometric({
  description: 'Shows images as if seen at an angle: their corners move.',
  schema: z.object({
    distortion: atoms.probability.default(0.2).describe('how far a corner may move, as a share of half the image'),
    probability: probability(0.5),
  }),
  exact: false,
  matrix(context, { distortion, probability: share }, { height, width }) {
    const [halfWidth, halfHeight] = [width / 2, height / 2];
    const corner = (name: string, x: number, y: number): [Quantity, Quantity] => {
      const shift = (axis: string, half: number): Quantity =>
        draw(context, `${name}.${axis}`, [-distortion * half, distortion * half], { share, neutral: 0 });
      return [plus(x, shift('x', halfWidth)), plus(y, shift('y', halfHeight))];
    };
    const corners = [
      corner('top_left', -halfWidth, -halfHeight),
      corner('top_right', halfWidth, -halfHeight),
      corner('bottom_right', halfWidth, halfHeight),
      corner('bottom_left', -halfWidth, halfHeight),
    ];
    return squareToQuadrilateral(corners, halfWidth, halfHeight);
  },
});

const flip = (axes: string, matrixOf: (sign: Quantity) => Matrix) =>
  geometric({
    description: `Swaps ${axes} of images.`,
    schema: z.object({ probability: probability(0.5) }),
    exact: true,
    matrix: (context, { probability: share }) => matrixOf(context.sometimes(share, -1, 1)),
  });

export const flipHorizontal = flip('left and right', (sign) => [sign, 0, 0, 0, 1, 0, 0, 0, 1]);
export const flipVertical = flip('top and bottom', (sign) => [1, 0, 0, 0, sign, 0, 0, 0, 1]);

export const crop = geometric({
  description: 'Pads images and cuts them to their size again at a random place: moves them by whole pixels.',
  schema: z.object({
    padding: atoms.positiveInt.max(1000).default(4).describe('pixels on every side'),
    probability: probability(1),
  }),
  exact: true,
  matrix(context, { padding, probability: share }) {
    const shift = (axis: string): Quantity => {
      const place = context.random.below(context.stream(axis), [context.batch], 2 * padding + 1);
      return context.sometimes(share, sub(cast(place, 'f32'), padding), 0);
    };
    return moved(shift('x'), shift('y'));
  },
});

/** Szegedy et al. 2015: parts of the image of random area and aspect ratio, which here always lie within it. */
export const resizedCrop = geometric({
  description: 'Cuts a random rectangle out of images and enlarges it to their size.',
  schema: z.object({
    area: z
      .tuple([atoms.positive.max(1), atoms.positive.max(1)])
      .refine(([low, high]) => low <= high, 'the first of the two must not be larger')
      .default([0.5, 1])
      .describe('share of the image, from and to'),
    aspect: aroundOne.default([0.75, 1.3333]).describe('width by height, as a factor on that of the image: largest deviation from 1, or [from, to]'), // prettier-ignore
    probability: probability(1),
  }),
  exact: false,
  matrix(context, { area, aspect, probability: share }, { height, width }) {
    const options = { share, neutral: 1 };
    const part = draw(context, 'area', area, options);
    const ratio = draw(context, 'aspect', rangeAround(1, aspect), options);
    const side = (square: Quantity): Quantity => atMostOne(trigonometric(square, Math.sqrt, sqrt));
    const across = side(times(part, ratio));
    const down = side(over(part, ratio));
    const place = (axis: string, size: number, extent: Quantity): Quantity =>
      times(times(context.between(axis, [-0.5, 0.5]), size), minus(1, extent));
    return [across, 0, place('x', width, across), 0, down, place('y', height, down), 0, 0, 1];
  },
});

/** min(x, 1) */
const atMostOne = (x: Quantity): Quantity => (typeof x === 'number' ? Math.min(x, 1) : minimum(x, 1));
