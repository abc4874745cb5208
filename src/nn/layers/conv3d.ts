import * as z from 'zod';
import { grad, input, samePadding } from '../../tensor/index.js';
import { defineLayer } from '../layer.js';
import { conv3dFields, conv3dTransposeFields } from './convolution-fields.js';
import { transposedAxis } from './transposed.js';
import { convolveVolumes, eachAxis, requireVolumeFit, requireVolumes, type Triple, tripleOf } from './volume.js';
import { biasAndActivation, weightOf } from './weighted.js';
import { requireGroups } from './window.js';

const product = ([a, b, c]: Triple): number => a * b * c;

/** x [batch, depth, height, width, channels] with weight [kd, kh, kw, channels / groups, filters] plus bias [filters]. */
export const conv3d = defineLayer({
  description: 'The same small filters at every place of a volume, such as a scan or a stack of video frames.',
  schema: z.object(conv3dFields),
  build(context, config, x) {
    requireVolumes(x);
    const { filters, groups } = config;
    requireGroups(x, groups, filters);
    const channels = x.shape[4];
    const [window, strides, dilation] = [config.kernel_size, config.strides, config.dilation].map(tripleOf);
    const padding = eachAxis((d): [number, number] =>
      config.padding === 'valid' ? [0, 0] : samePadding(x.shape[d + 1], window[d], strides[d], dilation[d]),
    );
    const geometry = { window, strides, dilation, padding, groups };
    requireVolumeFit('kernel', x, geometry);
    const fans = { fanIn: (product(window) * channels) / groups, fanOut: (product(window) * filters) / groups };
    const weight = weightOf(context, config, [...window, channels / groups, filters], fans);
    return biasAndActivation(context, config, convolveVolumes(x, weight, geometry), fans);
  },
});

/** As conv2d_transpose: x [batch, depth, height, width, channels], weight [kd, kh, kw, filters / groups, channels]. */
export const conv3dTranspose = defineLayer({
  description: 'A convolution of volumes run backwards: strides enlarge the volume.',
  schema: z.object(conv3dTransposeFields),
  build(context, config, x) {
    requireVolumes(x);
    const { filters, groups } = config;
    requireGroups(x, groups, filters);
    const channels = x.shape[4];
    const [window, strides, dilation] = [config.kernel_size, config.strides, config.dilation].map(tripleOf);
    const overlap = product(eachAxis((d) => Math.max(1, window[d] / strides[d])));
    const fans = { fanIn: (overlap * channels) / groups, fanOut: (product(window) * filters) / groups };
    const weight = weightOf(context, config, [...window, filters / groups, channels], fans, 'weight', 3);
    const axes = eachAxis((d) => transposedAxis(x.shape[d + 1], window[d], strides[d], dilation[d], config.padding));
    // The cotangent of the input of the convolution whose output is x; it is linear, so that the input itself does not matter.
    const sizes = axes.map(({ size }) => size);
    const painted = input(`${context.name}.painted`, [x.shape[0], ...sizes, filters]);
    const geometry = { window, strides, dilation, padding: eachAxis((d) => axes[d].padding), groups };
    const [output] = grad(convolveVolumes(painted, weight, geometry), [painted], x);
    return biasAndActivation(context, config, output, fans);
  },
});
