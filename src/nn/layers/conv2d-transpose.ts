import * as z from 'zod';
import { convInput } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { conv2dTransposeFields } from './convolution-fields.js';
import { transposedAxis } from './transposed.js';
import { biasAndActivation, weightOf } from './weighted.js';
import { pairOf, requireGroups, requireImages } from './window.js';

/**
 * The map from cotangents to inputs of a convolution of the same geometry (Zeiler et al. 2010), so strides enlarge the image:
 * x [batch, height, width, channels] with weight [kh, kw, filters / groups, channels] plus bias [filters].
 */
export const conv2dTranspose = defineLayer({
  description: 'A convolution run backwards: every pixel paints a small filter, strides enlarge the image.',
  schema: z.object(conv2dTransposeFields),
  build(context, config, x) {
    requireImages(x);
    const { filters, groups } = config;
    requireGroups(x, groups, filters);
    const [batch, height, width, channels] = x.shape;
    const [kernel, strides, dilation] = [config.kernel_size, config.strides, config.dilation].map(pairOf);
    // An output sees as many inputs as filters overlap in it.
    const overlap = [0, 1].reduce((n, d) => n * Math.max(1, kernel[d] / strides[d]), 1);
    const fans = { fanIn: (overlap * channels) / groups, fanOut: (kernel[0] * kernel[1] * filters) / groups };
    const weight = weightOf(context, config, [...kernel, filters / groups, channels], fans, 'weight', 2);
    const axes = [height, width].map((size, d) =>
      transposedAxis(size, kernel[d], strides[d], dilation[d], config.padding),
    );
    const padding: [[number, number], [number, number]] = [axes[0].padding, axes[1].padding];
    const painted = convInput(x, weight, [batch, axes[0].size, axes[1].size, filters], {
      strides,
      padding,
      dilation,
      groups,
    });
    return biasAndActivation(context, config, painted, fans);
  },
});
