import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, mul } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';

export const gaussianNoise = defineLayer({
  description: 'In training, adds independent normal noise to every value.',
  traits: ['per_position'],
  schema: z.object({ std: atoms.nonNegative.describe('standard deviation of the noise') }),
  build(context, { std }, x) {
    if (!context.stochastic || std === 0) return x;
    return add(x, mul(context.random.normal(context.name, x.shape), std));
  },
});
