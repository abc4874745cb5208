import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { ShapeError, showShape, transpose } from '../../tensor/index.js';
import { defineLayer, sampleShape } from '../layer.js';

export const permute = defineLayer({
  description: 'Reorders the axes of a sample.',
  traits: ['moves_values'],
  schema: z.object({
    axes: z
      .array(atoms.nonNegativeInt)
      .min(1)
      .describe('which axis of the input, counted from 0, each axis of the output is'),
  }),
  build(_context, { axes }, x) {
    const sample = sampleShape(x);
    const complete = axes.length === sample.length && sample.every((_, axis) => axes.includes(axis));
    if (!complete) {
      const all = sample.map((_, axis) => axis);
      throw new ShapeError(`axes ${showShape(axes)} must be ${showShape(all)} of ${showShape(sample)} in some order`);
    }
    return transpose(x, [0, ...axes.map((axis) => axis + 1)]);
  },
});
