/** The parameters of convolutions and of those run backwards, over sequences, images and volumes. */
import type * as z from 'zod';
import { atoms } from '../../config/index.js';
import { transposedPadding } from './transposed.js';
import { sizeTriple } from './volume.js';
import { weightedFields } from './weighted.js';
import { paddingMode, sizePair } from './window.js';

/** How a size is written for so many axes, and 1 where it is not; what the axes of a filter are called. */
const axes = {
  sequence: { size: atoms.positiveInt, one: atoms.positiveInt.default(1), ofFilter: 'length of a filter' },
  image: { size: sizePair, one: sizePair.default(1), ofFilter: 'height and width of a filter' },
  volume: { size: sizeTriple, one: sizeTriple.default(1), ofFilter: 'depth, height and width of a filter' },
};
type Axes<Size extends z.ZodType, One extends z.ZodType> = { size: Size; one: One; ofFilter: string };

/** How a filter moves. */
const filterFields = <Size extends z.ZodType, One extends z.ZodType>({ size, one, ofFilter }: Axes<Size, One>) => ({
  kernel_size: size.describe(ofFilter),
  strides: one.describe('step between neighbouring outputs'),
  padding: paddingMode.default('valid'),
  dilation: one.describe('distance between neighbouring elements of a filter'),
});

const convolutionFields = <Size extends z.ZodType, One extends z.ZodType>(of: Axes<Size, One>) => ({
  filters: atoms.positiveInt.describe('number of output channels'),
  ...filterFields(of),
  groups: atoms.positiveInt
    .default(1)
    .describe('channels and filters are split into this many groups, each convolved by itself'),
  ...weightedFields,
});

const transposedFields = <Size extends z.ZodType, One extends z.ZodType>(of: Axes<Size, One>) => ({
  ...convolutionFields(of),
  strides: of.one.describe('how many outputs apart neighbouring inputs are painted'),
  padding: transposedPadding,
});

export const imageFilterFields = filterFields(axes.image);

export const conv1dFields = convolutionFields(axes.sequence);
export const conv2dFields = convolutionFields(axes.image);
export const conv3dFields = convolutionFields(axes.volume);

export const conv1dTransposeFields = transposedFields(axes.sequence);
export const conv2dTransposeFields = transposedFields(axes.image);
export const conv3dTransposeFields = transposedFields(axes.volume);
