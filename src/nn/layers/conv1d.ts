import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { conv, reshape } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { biasAndActivation, weightedFields, weightOf } from './weighted.js';
import { asImages, asSequences, paddingMode, requireFit, requireGroups, windowPadding } from './window.js';

/** x [batch, length, channels] with weight [kernel_size, channels / groups, filters] plus bias [filters]. */
export const conv1d = defineLayer({
  description: 'The same small filters at every place of a sequence.',
  schema: z.object({
    filters: atoms.positiveInt.describe('number of output channels'),
    kernel_size: atoms.positiveInt.describe('length of a filter'),
    strides: atoms.positiveInt.default(1).describe('step between neighbouring outputs'),
    padding: paddingMode.default('valid'),
    dilation: atoms.positiveInt.default(1).describe('distance between neighbouring elements of a filter'),
    groups: atoms.positiveInt
      .default(1)
      .describe('channels and filters are cut into this many parts that do not see each other'),
    ...weightedFields,
  }),
  build(context, config, x) {
    const image = asImages(x);
    const { filters, kernel_size: size, groups } = config;
    const channels = x.shape[2];
    requireGroups(x, groups, filters);
    const [kernel, strides, dilation] = [size, config.strides, config.dilation].map((n): [number, number] => [1, n]);
    const padding = windowPadding(config.padding, image.shape, kernel, strides, [1, config.dilation]);
    requireFit('kernel', image, kernel, padding, [1, config.dilation]);
    const fans = { fanIn: (size * channels) / groups, fanOut: (size * filters) / groups };
    const weight = weightOf(context, config, [size, channels / groups, filters], fans);
    const kernels = reshape(weight, [1, ...weight.shape]);
    const maps = asSequences(conv(image, kernels, { strides, padding, dilation, groups }));
    return biasAndActivation(context, config, maps, fans);
  },
});
