/** Whether augmentations can take the samples of a data set. */
import { type Shape, showShape } from '../../tensor/index.js';
import { type ReferenceKind, referenceNames } from '../target.js';
import type { Augmentation } from './augmentation.js';
import { type AugmentationConfig, augmentationOf } from './index.js';

export interface SampleInfo {
  /** Of one sample's features. */
  readonly shape: Shape;
  /** What the network's output is compared with. */
  readonly kind: ReferenceKind;
  /** The smallest and the largest feature after preprocessing, unless they are bytes. */
  readonly range: () => readonly [number, number] | undefined;
}

/** Rounding of a range of 0 to 1. */
const TOLERANCE = 1e-5;

/** Why the augmentation `name` cannot take such samples; undefined where it can. */
function mismatchOf(name: string, entry: Augmentation, { shape, kind, range }: SampleInfo): string | undefined {
  const sample = `and a sample of the data is ${showShape(shape)}`;
  const forImages = `${name} is for images [height, width, channels], ${sample}`;
  switch (entry.stage) {
    case 'geometry':
    case 'displacement':
    case 'fill':
      return shape.length === 3 ? undefined : forImages;
    case 'pixels': {
      if (shape.length !== 3) return forImages;
      if (entry.coloured && shape[2] !== 3) return `${name} needs the 3 channels red, green and blue, ${sample}`;
      const limits = entry.bounded ? range() : undefined;
      if (limits === undefined || (limits[0] >= -TOLERANCE && limits[1] <= 1 + TOLERANCE)) return undefined;
      const [low, high] = limits.map((value) => Number(value.toPrecision(4)));
      return `${name} needs values from 0 to 1, and after preprocessing the images have ${low} to ${high}; scale them to 0 to 1, or give images as bytes`;
    }
    case 'features':
      if (!entry.sequential || shape.length === 1 || shape.length === 2) return undefined;
      return `${name} is for sequences [length] or [length, channels], ${sample}`;
    case 'mixing':
    case 'targets':
      if (!entry.targets.includes(kind)) {
        const needed = entry.targets.map((target) => referenceNames[target]).join(' or ');
        return `${name} needs ${needed} as targets, not ${referenceNames[kind]}`;
      }
      return entry.stage === 'mixing' && entry.images && shape.length !== 3 ? forImages : undefined;
  }
}

/** What is wrong with the augmentations for such samples, each with its place in the list. */
export function augmentationProblems(
  configs: readonly AugmentationConfig[],
  info: SampleInfo,
): { readonly index: number; readonly message: string }[] {
  return configs.flatMap((config, index) => {
    const isSecondFill = config.type === 'fill' && configs.findIndex(({ type }) => type === 'fill') < index;
    const message = isSecondFill
      ? 'fill is listed twice: all images are resampled once, with one filling'
      : mismatchOf(config.type, augmentationOf(config), info);
    return message === undefined ? [] : [{ index, message }];
  });
}
