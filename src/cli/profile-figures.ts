/** Figures of a profile in words, for its table and its page. */
import type { ProfiledKernel, StepProfile } from '../train/index.js';

/** `12.3 GFLOP/s`, or `8.5 GB/s` where it is memory that counts; nothing for a kernel that only prepares. */
export function speedOf({ flops, bytes, milliseconds }: ProfiledKernel): string {
  if (milliseconds === 0 || (flops === 0 && bytes === 0)) return '';
  const perSecond = (amount: number): string => (amount / milliseconds / 1e6).toFixed(1);
  return flops > 0 ? `${perSecond(flops)} GFLOP/s` : `${perSecond(bytes)} GB/s`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Of what a large matrix product reaches, or memory where it is that which counts; beyond 100 % where a cache holds it all. */
export function shareOfLimit(
  { flops, bytes, milliseconds }: ProfiledKernel,
  { limit, bandwidth }: Pick<StepProfile, 'limit' | 'bandwidth'>,
): string {
  if (milliseconds === 0 || (flops === 0 && bytes === 0)) return '';
  return percent(flops > 0 ? flops / milliseconds / 1e6 / limit : bytes / milliseconds / 1e6 / bandwidth);
}

export const limitOf = ({ limit, bandwidth }: StepProfile): string =>
  `limit on one thread: ${limit.toFixed(1)} GFLOP/s, a matrix product of 512 x 512; ${bandwidth.toFixed(1)} GB/s, a sum of two tensors from memory`;
