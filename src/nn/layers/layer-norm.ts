import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, div, mul, reduceSum, reshape, sqrt, sub } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { trainableAffine } from './trainable-affine.js';

/** Layer normalization (Ba et al. 2016) over the last axis: the same in training and evaluation, whatever the batch. */
export const layerNorm = defineLayer({
  description: 'Shifts and scales the channels of every position to mean 0 and variance 1, then by trainable amounts.',
  traits: ['per_position'],
  schema: z.object({ epsilon: atoms.positive.default(1e-5).describe('added to the variance') }),
  build(context, { epsilon }, x) {
    const { channels, apply } = trainableAffine(context, x);
    const axis = x.shape.length - 1;
    const column = [...x.shape.slice(0, -1), 1];
    const centred = sub(x, reshape(div(reduceSum(x, axis), channels), column));
    const variance = reshape(div(reduceSum(mul(centred, centred), axis), channels), column);
    return apply(mul(centred, div(1, sqrt(add(variance, epsilon)))));
  },
});
