import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { conv, type Node } from '../../tensor/index.js';
import { type BuildContext, defineLayer } from '../layer.js';
import { imageFilterFields } from './convolution-fields.js';
import { biasAndActivation, type Fans, weightedFields, type WeightedConfig, weightOf } from './weighted.js';
import { pairOf, requireFit, requireImages, windowPadding } from './window.js';

const geometry = {
  ...imageFilterFields,
  depth_multiplier: atoms.positiveInt.default(1).describe('filters for each channel'),
};
type Geometry = z.output<z.ZodObject<typeof geometry>>;

/** x [batch, height, width, channels] with the weight `name` [kh, kw, 1, channels * depth_multiplier]. */
function depthwise(
  context: BuildContext,
  config: Geometry & WeightedConfig,
  x: Node,
  name: string,
): { maps: Node; fans: Fans } {
  requireImages(x);
  const groups = x.shape[3];
  const [kernel, strides, dilation] = [config.kernel_size, config.strides, config.dilation].map(pairOf);
  const padding = windowPadding(config.padding, x.shape, kernel, strides, dilation);
  requireFit('kernel', x, kernel, padding, dilation);
  const places = kernel[0] * kernel[1];
  const fans = { fanIn: places, fanOut: places * config.depth_multiplier };
  const weight = weightOf(context, config, [...kernel, 1, groups * config.depth_multiplier], fans, name);
  return { maps: conv(x, weight, { strides, padding, dilation, groups }), fans };
}

export const depthwiseConv2d = defineLayer({
  description: 'Separate filters for each channel.',
  traits: ['factorizes'],
  schema: z.object({ ...geometry, ...weightedFields }),
  build(context, config, x) {
    const { maps, fans } = depthwise(context, config, x, 'weight');
    return biasAndActivation(context, config, maps, fans);
  },
});

/** Chollet 2017 ("Xception"): `depthwise_weight` [kh, kw, 1, channels * depth_multiplier], then `weight` [1, 1, ..., filters]. */
export const separableConv2d = defineLayer({
  description: 'Separate filters for each channel, then weighted sums of the channels at every position.',
  traits: ['factorizes'],
  schema: z.object({
    filters: atoms.positiveInt.describe('number of output channels'),
    ...geometry,
    ...weightedFields,
  }),
  build(context, config, x) {
    const { maps } = depthwise(context, config, x, 'depthwise_weight');
    const channels = maps.shape[3];
    const fans = { fanIn: channels, fanOut: config.filters };
    const weight = weightOf(context, config, [1, 1, channels, config.filters], fans);
    const still = { strides: [1, 1], padding: [[0, 0], [0, 0]], dilation: [1, 1], groups: 1 } as const; // prettier-ignore
    return biasAndActivation(context, config, conv(maps, weight, still), fans);
  },
});
