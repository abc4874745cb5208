import * as z from 'zod';
import { atoms } from '../../config/index.js';
import {
  add,
  div,
  mul,
  type Node,
  reduceSum,
  reshape,
  ShapeError,
  showShape,
  sizeOf,
  sqrt,
  sub,
} from '../../tensor/index.js';
import { type BuildContext, defineLayer, sampleShape } from '../layer.js';
import { trainableAffine } from './trainable-affine.js';

const epsilon = atoms.positive.default(1e-5).describe('added to the variance');

/** Mean 0 and variance 1 over all positions and the channels of one of `groups` neighbouring groups, sample by sample. */
function normalizeGroups(context: BuildContext, x: Node, groupsOf: (channels: number) => number, eps: number): Node {
  const { channels, apply } = trainableAffine(context, x);
  const groups = groupsOf(channels);
  if (channels % groups !== 0) {
    throw new ShapeError(
      `groups (${groups}) must divide the input's channels (${channels} of ${showShape(sampleShape(x))})`,
    );
  }
  const [batch, width] = [x.shape[0], channels / groups];
  const positions = sizeOf(x.shape) / (batch * channels);
  const count = positions * width;
  const grouped = reshape(x, [batch, positions, groups, width]);
  const perGroup = (sums: Node): Node => reshape(div(sums, count), [batch, 1, groups, 1]);
  const centred = sub(grouped, perGroup(reduceSum(grouped, [1, 3])));
  const variance = perGroup(reduceSum(mul(centred, centred), [1, 3]));
  return apply(reshape(mul(centred, div(1, sqrt(add(variance, eps)))), x.shape));
}

/** Group normalization (Wu and He 2018). */
export const groupNorm = defineLayer({
  description:
    'Normalizes groups of channels over all positions of a sample, then shifts and scales by trainable amounts.',
  schema: z.object({ groups: atoms.positiveInt.describe('number of groups; must divide the channels'), epsilon }),
  build: (context, config, x) => normalizeGroups(context, x, () => config.groups, config.epsilon),
});

/** Instance normalization (Ulyanov et al. 2016): every channel is a group. */
export const instanceNorm = defineLayer({
  description: 'Normalizes each channel over all positions of a sample, then shifts and scales by trainable amounts.',
  schema: z.object({ epsilon }),
  build(context, config, x) {
    if (x.shape.length < 3) {
      throw new ShapeError(
        `needs channels at several positions per sample, got ${showShape(sampleShape(x))}: one value per channel is always normalized to 0`,
      );
    }
    return normalizeGroups(context, x, (channels) => channels, config.epsilon);
  },
});
