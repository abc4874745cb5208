/** All layers by the name that they have in a config. Every activation function is a layer, too: `- relu`. */
import type * as z from 'zod';
import { component } from '../../config/index.js';
import { type Activation, type ActivationConfig, activations } from '../activations.js';
import { commonFields, type Layer, type LayerConfig } from '../layer.js';
import { activityRegularization } from './activity-regularization.js';
import { batchNorm } from './batch-norm.js';
import { blocks } from './blocks.js';
import { conv1d } from './conv1d.js';
import { conv1dTranspose } from './conv1d-transpose.js';
import { conv2d } from './conv2d.js';
import { conv2dTranspose } from './conv2d-transpose.js';
import { conv3d, conv3dTranspose } from './conv3d.js';
import { dense } from './dense.js';
import { depthwiseConv2d, separableConv2d } from './depthwise-conv2d.js';
import { alphaDropout, dropout, spatialDropout, stochasticDepth } from './dropout.js';
import { embedding } from './embedding.js';
import { flatten } from './flatten.js';
import { gaussianNoise } from './gaussian-noise.js';
import { groupNorm, instanceNorm } from './group-norm.js';
import { layerNorm } from './layer-norm.js';
import { add, concat, multiply } from './merge.js';
import { permute } from './permute.js';
import { avgPool1d, globalAvgPool1d, globalMaxPool1d, maxPool1d } from './pool1d.js';
import { avgPool2d, globalAvgPool2d, globalMaxPool2d, maxPool2d } from './pool2d.js';
import { avgPool3d, globalAvgPool3d, globalMaxPool3d, maxPool3d } from './pool3d.js';
import { reshape } from './reshape.js';
import { upsample1d, upsample2d, zeroPad2d } from './resize2d.js';

const activationLayers = Object.fromEntries(
  Object.entries<Activation>(activations).map(([type, { description, schema }]): [string, Layer] => [
    type,
    {
      description,
      traits: ['per_position'],
      schema,
      build: (context, config, x) => context.activate({ type, ...config } as ActivationConfig, x),
    },
  ]),
);

/** One layer, as it is written in a config. */
export const layerSchema: z.ZodType<LayerConfig> = component(() => layers);

const ownFields: Readonly<Record<string, Layer>> = {
  dense,
  conv1d,
  conv2d,
  conv3d,
  conv1d_transpose: conv1dTranspose,
  conv2d_transpose: conv2dTranspose,
  conv3d_transpose: conv3dTranspose,
  depthwise_conv2d: depthwiseConv2d,
  separable_conv2d: separableConv2d,
  max_pool1d: maxPool1d,
  avg_pool1d: avgPool1d,
  global_avg_pool1d: globalAvgPool1d,
  global_max_pool1d: globalMaxPool1d,
  max_pool2d: maxPool2d,
  avg_pool2d: avgPool2d,
  global_avg_pool2d: globalAvgPool2d,
  global_max_pool2d: globalMaxPool2d,
  max_pool3d: maxPool3d,
  avg_pool3d: avgPool3d,
  global_avg_pool3d: globalAvgPool3d,
  global_max_pool3d: globalMaxPool3d,
  upsample1d,
  upsample2d,
  zero_pad2d: zeroPad2d,
  embedding,
  flatten,
  reshape,
  permute,
  dropout,
  spatial_dropout: spatialDropout,
  alpha_dropout: alphaDropout,
  stochastic_depth: stochasticDepth,
  gaussian_noise: gaussianNoise,
  activity_regularization: activityRegularization,
  batch_norm: batchNorm,
  layer_norm: layerNorm,
  group_norm: groupNorm,
  instance_norm: instanceNorm,
  ...blocks(layerSchema),
  add,
  multiply,
  concat,
  ...activationLayers,
};

export const layers: Readonly<Record<string, Layer>> = Object.fromEntries(
  Object.entries(ownFields).map(([type, layer]) => [type, { ...layer, schema: layer.schema.safeExtend(commonFields) }]),
);
