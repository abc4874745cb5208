import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { avgPool, div, maxPool, type Node, type PoolAttrs, reduceMax, reduceSum } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { asImages, asSequences, paddingMode, requireFit, windowPadding } from './window.js';

const pooling = (description: string, pool: (x: Node, attrs: PoolAttrs) => Node) =>
  defineLayer({
    description,
    traits: ['pools'],
    schema: z.object({
      pool_size: atoms.positiveInt.default(2).describe('length of the window'),
      strides: atoms.positiveInt.optional().describe('step between neighbouring windows; by default the pool size'),
      padding: paddingMode.default('valid'),
    }),
    build(_context, config, x) {
      const image = asImages(x);
      const window: [number, number] = [1, config.pool_size];
      const strides: [number, number] = [1, config.strides ?? config.pool_size];
      const padding = windowPadding(config.padding, image.shape, window, strides);
      requireFit('pool', image, window, padding);
      return asSequences(pool(image, { window, strides, padding }));
    },
  });

export const maxPool1d = pooling('The largest value of each window of a sequence.', maxPool);
export const avgPool1d = pooling('The mean of each window of a sequence; padding is not counted.', avgPool);

const overLength = (description: string, reduce: (image: Node) => Node) =>
  defineLayer({
    description,
    traits: ['pools'],
    schema: z.object({}),
    build: (_context, _config, x) => reduce(asImages(x)),
  });

export const globalAvgPool1d = overLength('The mean of each channel over the whole sequence.', (image) =>
  div(reduceSum(image, [1, 2]), image.shape[2]),
);
export const globalMaxPool1d = overLength('The largest value of each channel of the whole sequence.', (image) =>
  reduceMax(image, [1, 2]),
);
