import * as z from 'zod';
import { convInput, reshape } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { conv1dTransposeFields } from './convolution-fields.js';
import { transposedAxis } from './transposed.js';
import { biasAndActivation, weightOf } from './weighted.js';
import { asImages, asSequences, requireGroups } from './window.js';

/** As conv2d_transpose: x [batch, length, channels], weight [kernel_size, filters / groups, channels]. */
export const conv1dTranspose = defineLayer({
  description: 'A convolution of sequences run backwards: strides make the sequence longer.',
  schema: z.object(conv1dTransposeFields),
  build(context, config, x) {
    const image = asImages(x);
    const { filters, groups, kernel_size: kernel, strides, dilation } = config;
    requireGroups(x, groups, filters);
    const [batch, length, channels] = x.shape;
    const fans = {
      fanIn: (Math.max(1, kernel / strides) * channels) / groups,
      fanOut: (kernel * filters) / groups,
    };
    const weight = weightOf(context, config, [kernel, filters / groups, channels], fans, 'weight', 1);
    const { size, padding } = transposedAxis(length, kernel, strides, dilation, config.padding);
    const painted = convInput(image, reshape(weight, [1, ...weight.shape]), [batch, 1, size, filters], {
      strides: [1, strides],
      padding: [[0, 0], padding],
      dilation: [1, dilation],
      groups,
    });
    return biasAndActivation(context, config, asSequences(painted), fans);
  },
});
