import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { defineLayer } from '../layer.js';

/** Keras's ActivityRegularization, for layers that have no regularizer of their own. */
export const activityRegularization = defineLayer({
  description: 'Passes its input on and adds a penalty on it to the loss, averaged over the samples.',
  traits: ['only_penalizes'],
  schema: z.object({
    l1: atoms.nonNegative.default(0).describe('factor of the sum of |x|'),
    l2: atoms.nonNegative.default(0).describe('factor of the sum of x^2'),
  }),
  build(context, { l1, l2 }, x) {
    context.penalize({ type: 'elastic', l1, l2 }, x);
    return x;
  },
});
