import * as z from 'zod';
import { avgPool, div, maxPool, type Node, type PoolAttrs, reduceMax, reduceSum, reshape, samePadding } from '../../tensor/index.js'; // prettier-ignore
import { defineLayer } from '../layer.js';
import { eachAxis, requireVolumeFit, requireVolumes, sizeTriple, tripleOf } from './volume.js';
import { paddingMode } from './window.js';

/** Windows are boxes, so that they can be pooled over height and width first and then over depth. */
const pooling = (description: string, pool: (x: Node, attrs: PoolAttrs) => Node) =>
  defineLayer({
    description,
    traits: ['pools'],
    schema: z.object({
      pool_size: sizeTriple.default(2).describe('depth, height and width of the window'),
      strides: sizeTriple.optional().describe('step between neighbouring windows; by default the pool size'),
      padding: paddingMode.default('valid'),
    }),
    build(_context, config, x) {
      requireVolumes(x);
      const window = tripleOf(config.pool_size);
      const strides = tripleOf(config.strides ?? config.pool_size);
      const padding = eachAxis((d): [number, number] =>
        config.padding === 'valid' ? [0, 0] : samePadding(x.shape[d + 1], window[d], strides[d]),
      );
      requireVolumeFit('pool', x, { window, strides, padding, dilation: [1, 1, 1] });
      const [batch, depth, height, width, channels] = x.shape;
      const planes = pool(reshape(x, [batch * depth, height, width, channels]), {
        window: [window[1], window[2]],
        strides: [strides[1], strides[2]],
        padding: [padding[1], padding[2]],
      });
      const [, rows, columns] = planes.shape;
      const pooled = pool(reshape(planes, [batch, depth, rows * columns, channels]), {
        window: [window[0], 1],
        strides: [strides[0], 1],
        padding: [padding[0], [0, 0]],
      });
      return reshape(pooled, [batch, pooled.shape[1], rows, columns, channels]);
    },
  });

export const maxPool3d = pooling('The largest value of each window of a volume.', maxPool);
export const avgPool3d = pooling('The mean of each window of a volume; padding is not counted.', avgPool);

const overVolume = (description: string, reduce: (x: Node) => Node) =>
  defineLayer({
    description,
    traits: ['pools'],
    schema: z.object({}),
    build(_context, _config, x) {
      requireVolumes(x);
      return reduce(x);
    },
  });

export const globalAvgPool3d = overVolume('The mean of each channel over the whole volume.', (x) =>
  div(reduceSum(x, [1, 2, 3]), x.shape[1] * x.shape[2] * x.shape[3]),
);
export const globalMaxPool3d = overVolume('The largest value of each channel of the whole volume.', (x) =>
  reduceMax(x, [1, 2, 3]),
);
