import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { reshape as reshapeNode, ShapeError, showShape, sizeOf } from '../../tensor/index.js';
import { defineLayer, sampleShape } from '../layer.js';

export const reshape = defineLayer({
  description: 'Gives a sample another shape; its values stay in row-major order.',
  traits: ['moves_values'],
  schema: z.object({
    shape: z
      .array(z.union([atoms.positiveInt, z.literal(-1)]))
      .describe('shape of one sample; one size may be -1, which is inferred'),
  }),
  build(_context, { shape }, x) {
    const from = sampleShape(x);
    const given = sizeOf(shape.filter((size) => size !== -1));
    const open = shape.filter((size) => size === -1).length;
    if (open > 1) throw new ShapeError(`only one size of ${showShape(shape)} may be -1`);
    const fits = open === 1 ? sizeOf(from) % given === 0 : sizeOf(from) === given;
    if (!fits) {
      const relation = open === 1 ? `a multiple of ${given}` : `${given}`;
      throw new ShapeError(
        `${showShape(from)} cannot become ${showShape(shape)}: a sample has ${sizeOf(from)} values, the shape needs ${relation}`,
      );
    }
    return reshapeNode(x, [x.shape[0], ...shape.map((size) => (size === -1 ? sizeOf(from) / given : size))]);
  },
});
