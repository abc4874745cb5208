/** Volumes, [batch, depth, height, width, channels]: convolution and pooling built from those of images. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { concat, conv, type Node, pad, reshape, ShapeError, showShape, slice, transpose, windowedSize } from '../../tensor/index.js'; // prettier-ignore
import { sampleShape } from '../layer.js';

/** One number for all axes, or [depth, height, width]. */
export const sizeTriple = z.union([
  atoms.positiveInt,
  z.tuple([atoms.positiveInt, atoms.positiveInt, atoms.positiveInt]),
]);

export type Triple<T = number> = readonly [T, T, T];

export const tripleOf = (size: z.output<typeof sizeTriple>): Triple =>
  typeof size === 'number' ? [size, size, size] : size;

/** `f` of the three axes. */
export const eachAxis = <T>(f: (axis: number) => T): Triple<T> => [f(0), f(1), f(2)];

/** How a window moves over a volume. */
export interface VolumeWindow {
  readonly window: Triple;
  readonly strides: Triple;
  readonly dilation: Triple;
  readonly padding: Triple<readonly [number, number]>;
}

/** Throws ShapeError unless x is [batch, depth, height, width, channels]. */
export function requireVolumes(x: Node): void {
  if (x.shape.length === 5) return;
  const sample = sampleShape(x);
  const remedy = sample.length === 3 ? showShape([...sample, 1]) : '[depth, height, width, channels]';
  throw new ShapeError(
    `needs [depth, height, width, channels] per sample, got ${showShape(sample)}; put a layer reshape: {shape: ${remedy}} before it`,
  );
}

/** Throws ShapeError where a window is larger than the volume. */
export function requireVolumeFit(what: string, x: Node, { window, dilation, padding }: VolumeWindow): void {
  const fits = eachAxis((d) => x.shape[d + 1] + padding[d][0] + padding[d][1] >= dilation[d] * (window[d] - 1) + 1);
  if (fits.every(Boolean)) return;
  const dilated = dilation.some((n) => n > 1) ? ` with dilation ${dilation.join('x')}` : '';
  throw new ShapeError(
    `a ${what} of ${window.join('x')}${dilated} does not fit into ${showShape(sampleShape(x))}; ` +
      `it must be at most ${x.shape.slice(1, 4).join('x')}, or use padding: same`,
  );
}

/**
 * Convolution of x with weights [kd, kh, kw, channels / groups, filters]. The slices that a filter sees at a depth are put side by
 * side as channels, so that all depths are images of one 2-D convolution.
 */
export function convolveVolumes(x: Node, weight: Node, geometry: VolumeWindow & { readonly groups: number }): Node {
  const { strides, dilation, padding, groups } = geometry;
  const [batch, depth, height, width, channels] = x.shape;
  const [kd, kh, kw, groupChannels, filters] = weight.shape;
  const padded = pad(x, [0, padding[0][0], 0, 0, 0], [0, padding[0][1], 0, 0, 0]);
  const outDepth = windowedSize(depth, kd, strides[0], padding[0], dilation[0]);
  const taps = Array.from({ length: kd }, (_, tap) => {
    const start = tap * dilation[0];
    const stop = start + (outDepth - 1) * strides[0] + 1;
    const seen = slice(padded, [0, start, 0, 0, 0], [batch, stop, height, width, channels], [1, strides[0], 1, 1, 1]);
    return reshape(seen, [batch * outDepth, height, width, groups, groupChannels]);
  });
  const images = reshape(concat(taps, 4), [batch * outDepth, height, width, kd * channels]);
  const kernels = reshape(transpose(weight, [1, 2, 0, 3, 4]), [kh, kw, kd * groupChannels, filters]);
  const plane = <T>([, vertical, horizontal]: Triple<T>): [T, T] => [vertical, horizontal];
  const maps = conv(images, kernels, {
    strides: plane(strides),
    dilation: plane(dilation),
    padding: [[...padding[1]], [...padding[2]]],
    groups,
  });
  return reshape(maps, [batch, outDepth, ...maps.shape.slice(1)]);
}
