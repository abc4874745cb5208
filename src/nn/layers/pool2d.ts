import * as z from 'zod';
import { avgPool, div, maxPool, type Node, type PoolAttrs, reduceMax, reduceSum } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { paddingMode, pairOf, requireFit, requireImages, sizePair, windowPadding } from './window.js';

const pooling = (description: string, pool: (x: Node, attrs: PoolAttrs) => Node) =>
  defineLayer({
    description,
    traits: ['pools'],
    schema: z.object({
      pool_size: sizePair.default(2).describe('height and width of the window'),
      strides: sizePair.optional().describe('step between neighbouring windows; by default the pool size'),
      padding: paddingMode.default('valid'),
    }),
    build(_context, config, x) {
      requireImages(x);
      const window = pairOf(config.pool_size);
      const strides = pairOf(config.strides ?? config.pool_size);
      const padding = windowPadding(config.padding, x.shape, window, strides);
      requireFit('pool', x, window, padding);
      return pool(x, { window, strides, padding });
    },
  });

export const maxPool2d = pooling('The largest value of each window.', maxPool);
export const avgPool2d = pooling('The mean of each window; padding is not counted.', avgPool);

export const globalAvgPool2d = defineLayer({
  description: 'The mean of each channel over the whole image.',
  traits: ['pools'],
  schema: z.object({}),
  build(_context, _config, x) {
    requireImages(x);
    return div(reduceSum(x, [1, 2]), x.shape[1] * x.shape[2]);
  },
});

export const globalMaxPool2d = defineLayer({
  description: 'The largest value of each channel of the whole image.',
  traits: ['pools'],
  schema: z.object({}),
  build(_context, _config, x) {
    requireImages(x);
    return reduceMax(x, [1, 2]);
  },
});
