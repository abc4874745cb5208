import * as z from 'zod';
import { conv } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { conv2dFields } from './convolution-fields.js';
import { biasAndActivation, weightOf } from './weighted.js';
import { pairOf, requireFit, requireGroups, requireImages, windowPadding } from './window.js';

/** x [batch, height, width, channels] with weight [kh, kw, channels / groups, filters] plus bias [filters]. */
export const conv2d = defineLayer({
  description: 'The same small filters at every place of an image.',
  schema: z.object(conv2dFields),
  build(context, config, x) {
    requireImages(x);
    const { filters, groups } = config;
    const channels = x.shape[3];
    requireGroups(x, groups, filters);
    const [kernel, strides, dilation] = [config.kernel_size, config.strides, config.dilation].map(pairOf);
    const padding = windowPadding(config.padding, x.shape, kernel, strides, dilation);
    requireFit('kernel', x, kernel, padding, dilation);
    const places = kernel[0] * kernel[1];
    const fans = { fanIn: (places * channels) / groups, fanOut: (places * filters) / groups };
    const weight = weightOf(context, config, [...kernel, channels / groups, filters], fans);
    return biasAndActivation(context, config, conv(x, weight, { strides, padding, dilation, groups }), fans);
  },
});
