import * as z from 'zod';
import { conv, reshape } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { conv1dFields } from './convolution-fields.js';
import { biasAndActivation, weightOf } from './weighted.js';
import { asImages, asSequences, requireFit, requireGroups, windowPadding } from './window.js';

/** x [batch, length, channels] with weight [kernel_size, channels / groups, filters] plus bias [filters]. */
export const conv1d = defineLayer({
  description: 'The same small filters at every place of a sequence.',
  schema: z.object(conv1dFields),
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
