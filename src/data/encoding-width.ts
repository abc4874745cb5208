/** How many numbers an encoding produces. */
import { sizeOf } from '../tensor/shape.js';
import type { Encoding } from './encoding.js';
import { widthOf } from './tables/columns.js';

/** Size of the last axis of a sample's features. */
export function lastAxis(encoding: Encoding): number {
  if (encoding.kind === 'arrays') return encoding.shape[encoding.shape.length - 1];
  return encoding.columns.reduce((sum, column) => sum + widthOf(column), 0);
}

/** Values per sample. */
export const widthOfSample = (encoding: Encoding): number =>
  encoding.kind === 'arrays' ? sizeOf(encoding.shape) : lastAxis(encoding);
