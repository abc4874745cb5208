/** Which numbers of output units fit which targets; the alternative to a list is why none does. */
import type { TargetInfo } from '../target.js';

/** One unit per class. */
export function unitPerClass({ classes, size }: TargetInfo, loss: string): readonly number[] | string {
  if (classes !== undefined) return [classes];
  return `${loss} needs one class label per sample, and the data has ${size} number${size === 1 ? '' : 's'} per sample`;
}

/** One unit for two classes, k units for k yes-or-no labels. */
export function unitPerLabel({ classes, size }: TargetInfo, loss: string): readonly number[] | string {
  if (classes === undefined) return [size];
  if (classes === 2) return [1];
  return `${loss} needs 2 classes, and the data has ${classes}; softmax_cross_entropy takes any number`;
}

/** One unit per class or per label; two classes can do with one unit. */
export function unitPerClassOrLabel({ classes, size }: TargetInfo): readonly number[] {
  return classes === undefined ? [size] : classes === 2 ? [1, 2] : [classes];
}
