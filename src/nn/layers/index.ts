/** All layers by the name that they have in a config. Every activation function is a layer, too: `- relu`. */
import type * as z from 'zod';
import { component } from '../../config/index.js';
import { type Activation, type ActivationConfig, activations } from '../activations.js';
import type { Layer, LayerConfig } from '../layer.js';
import { batchNorm } from './batch-norm.js';
import { blocks } from './blocks.js';
import { conv2d } from './conv2d.js';
import { dense } from './dense.js';
import { dropout, spatialDropout } from './dropout.js';
import { embedding } from './embedding.js';
import { flatten } from './flatten.js';
import { gaussianNoise } from './gaussian-noise.js';
import { groupNorm, instanceNorm } from './group-norm.js';
import { layerNorm } from './layer-norm.js';
import { permute } from './permute.js';
import { avgPool2d, globalAvgPool2d, globalMaxPool2d, maxPool2d } from './pool2d.js';
import { reshape } from './reshape.js';

const activationLayers = Object.fromEntries(
  Object.entries<Activation>(activations).map(([type, { description, schema }]): [string, Layer] => [
    type,
    {
      description,
      schema,
      build: (context, config, x) => context.activate({ type, ...config } as ActivationConfig, x),
    },
  ]),
);

/** One layer, as it is written in a config. */
export const layerSchema: z.ZodType<LayerConfig> = component(() => layers);

export const layers: Readonly<Record<string, Layer>> = {
  dense,
  conv2d,
  max_pool2d: maxPool2d,
  avg_pool2d: avgPool2d,
  global_avg_pool2d: globalAvgPool2d,
  global_max_pool2d: globalMaxPool2d,
  embedding,
  flatten,
  reshape,
  permute,
  dropout,
  spatial_dropout: spatialDropout,
  gaussian_noise: gaussianNoise,
  batch_norm: batchNorm,
  layer_norm: layerNorm,
  group_norm: groupNorm,
  instance_norm: instanceNorm,
  ...blocks(layerSchema),
  ...activationLayers,
};
