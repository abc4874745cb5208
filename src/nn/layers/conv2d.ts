import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { add, conv, ShapeError, showShape } from '../../tensor/index.js';
import { defineLayer, sampleShape, weightedFields } from '../layer.js';
import { paddingMode, pairOf, requireFit, requireImages, sizePair, windowPadding } from './window.js';

/** x [batch, height, width, channels] with weight [kh, kw, channels / groups, filters] plus bias [filters]. */
export const conv2d = defineLayer({
  description: 'The same small filters at every place of an image.',
  schema: z.object({
    filters: atoms.positiveInt.describe('number of output channels'),
    kernel_size: sizePair.describe('height and width of a filter'),
    strides: sizePair.default(1).describe('step between neighbouring outputs'),
    padding: paddingMode.default('valid'),
    dilation: sizePair.default(1).describe('distance between neighbouring elements of a filter'),
    groups: atoms.positiveInt
      .default(1)
      .describe('channels and filters are cut into this many parts that do not see each other'),
    ...weightedFields,
  }),
  build(context, config, x) {
    requireImages(x);
    const { filters, groups, init } = config;
    const channels = x.shape[3];
    if (channels % groups !== 0 || filters % groups !== 0) {
      throw new ShapeError(
        `groups (${groups}) must divide the input's channels (${channels} of ${showShape(sampleShape(x))}) and the filters (${filters})`,
      );
    }
    const [kernel, strides, dilation] = [config.kernel_size, config.strides, config.dilation].map(pairOf);
    const padding = windowPadding(config.padding, x.shape, kernel, strides, dilation);
    requireFit('kernel', x, kernel, padding, dilation);
    const places = kernel[0] * kernel[1];
    const fans = { fanIn: (places * channels) / groups, fanOut: (places * filters) / groups };
    const shape = [...kernel, channels / groups, filters];
    const weight = context.parameter('weight', shape, { kind: 'weight', ...fans, init: init?.weights });
    const maps = conv(x, weight, { strides, padding, dilation, groups });
    if (!config.use_bias) return context.activate(config.activation, maps);
    const bias = context.parameter('bias', [filters], { kind: 'bias', ...fans, init: init?.bias });
    return context.activate(config.activation, add(maps, bias));
  },
});
