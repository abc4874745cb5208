/** The augmentations by the name that a config uses. */
import * as z from 'zod';
import { atoms, component, type ComponentConfig } from '../../config/index.js';
import { type Augmentation, filling } from './augmentation.js';
import { brightness, contrast, gamma, hue, saturation } from './colour.js';
import { elastic } from './elastic.js';
import { featureMask, featureNoise, jitter } from './features.js';
import {
  crop, flipHorizontal, flipVertical, perspective, resizedCrop, rotate, scale, shear, translate,
} from './geometric.js'; // prettier-ignore
import { labelNoise, targetNoise } from './labels.js';
import { cutmix, mixup } from './mixing.js';
import { blur, cutout, erase, noise } from './pixels.js';
import { amplitude, timeMask, timeShift } from './sequences.js';

const fill = filling({
  description: 'How the area outside of rotated, shifted or warped images is filled: at most once in the list.',
  schema: z.object({
    mode: z
      .enum(['constant', 'nearest', 'reflect'])
      .default('constant')
      .describe('one value everywhere, the pixel at the border, or the image mirrored (d c b a | a b c d | d c b a)'),
    value: atoms.probability.default(0).describe('for constant: 0 is black, 1 is white'),
  }),
});

export const augmentations = {
  rotate,
  translate,
  scale,
  shear,
  perspective,
  flip_horizontal: flipHorizontal,
  flip_vertical: flipVertical,
  crop,
  resized_crop: resizedCrop,
  elastic,
  fill,
  brightness,
  contrast,
  gamma,
  saturation,
  hue,
  blur,
  noise,
  cutout,
  erase,
  feature_noise: featureNoise,
  feature_mask: featureMask,
  time_shift: timeShift,
  amplitude,
  jitter,
  time_mask: timeMask,
  mixup,
  cutmix,
  label_noise: labelNoise,
  target_noise: targetNoise,
} as const satisfies Record<string, Augmentation>;

export type AugmentationConfig = ComponentConfig<typeof augmentations>;
export const augmentSchema = z
  .array(component(augmentations))
  .default([])
  .describe('random changes of the training samples, anew in every step; validation and test see none');

/** The registry's entry, its parameters' types forgotten: they are those of `config`, which that entry's schema parsed. */
export const augmentationOf = (config: AugmentationConfig): Augmentation => augmentations[config.type];
