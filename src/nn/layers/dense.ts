import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, matmul, ShapeError, showShape } from '../../tensor/index.js';
import { defineLayer, sampleShape, weightedFields } from '../layer.js';

/** x [batch, in] times weight [in, units] plus bias [units]. */
export const dense = defineLayer({
  description: 'Every output is a weighted sum of all inputs.',
  schema: z.object({
    units: atoms.positiveInt.describe('number of outputs'),
    ...weightedFields,
  }),
  build(context, { units, activation, use_bias, init }, x) {
    if (x.shape.length !== 2) {
      const before = x.shape.length > 2 ? 'flatten' : 'reshape: {shape: [1]}';
      throw new ShapeError(
        `needs a vector per sample, got ${showShape(sampleShape(x))}; put a ${before} layer before it`,
      );
    }
    const fans = { fanIn: x.shape[1], fanOut: units };
    const weight = context.parameter('weight', [x.shape[1], units], { kind: 'weight', ...fans, init: init?.weights });
    const product = matmul(x, weight);
    if (!use_bias) return context.activate(activation, product);
    const bias = context.parameter('bias', [units], { kind: 'bias', ...fans, init: init?.bias });
    return context.activate(activation, add(product, bias));
  },
});
