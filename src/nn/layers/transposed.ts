/** Shared by transposed convolutions of sequences, images and volumes. */
import * as z from 'zod';
import { samePadding } from '../../tensor/index.js';

export const transposedPadding = z
  .enum(['valid', 'same'])
  .default('valid')
  .describe('valid: all that is painted; same: size * stride outputs, the edge cut off');

/** Size of the output along an axis, and the padding of the convolution that leads back from it. */
export function transposedAxis(
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: z.output<typeof transposedPadding>,
): { size: number; padding: [number, number] } {
  if (padding === 'valid') return { size: (size - 1) * stride + dilation * (kernel - 1) + 1, padding: [0, 0] };
  const enlarged = size * stride;
  return { size: enlarged, padding: samePadding(enlarged, kernel, stride, dilation) };
}
