/** Shared by convolution and pooling: the geometry of a window that moves over the two spatial axes of an image. */
import * as z from 'zod';
import { atoms } from '../../config/index.js';
import { type Node, reshape, samePadding, type Shape, ShapeError, showShape } from '../../tensor/index.js';
import { sampleShape } from '../layer.js';

/** One number for both axes, or [vertical, horizontal]. */
export const sizePair = z.union([atoms.positiveInt, z.tuple([atoms.positiveInt, atoms.positiveInt])]);
export type SizePair = z.output<typeof sizePair>;

export const pairOf = (size: SizePair): [number, number] => (typeof size === 'number' ? [size, size] : size);

export const paddingMode = z
  .enum(['valid', 'same'])
  .describe('valid: only where the window fits; same: ceil(size / stride) outputs, the edge padded with zeros');

/** Zeros before and after both axes of an image of `shape` [batch, height, width, channels]. */
export function windowPadding(
  mode: z.output<typeof paddingMode>,
  shape: Shape,
  window: readonly [number, number],
  strides: readonly [number, number],
  dilation: readonly [number, number] = [1, 1],
): [[number, number], [number, number]] {
  if (mode === 'valid') return [[0, 0], [0, 0]]; // prettier-ignore
  return [
    samePadding(shape[1], window[0], strides[0], dilation[0]),
    samePadding(shape[2], window[1], strides[1], dilation[1]),
  ];
}

/** x [batch, length, channels] as images of height 1. Throws ShapeError for any other rank. */
export function asImages(x: Node): Node {
  if (x.shape.length !== 3) {
    const sample = sampleShape(x);
    const remedy = sample.length === 1 ? showShape([...sample, 1]) : '[length, channels]';
    throw new ShapeError(
      `needs [length, channels] per sample, got ${showShape(sample)}; put a layer reshape: {shape: ${remedy}} before it`,
    );
  }
  const [batch, length, channels] = x.shape;
  return reshape(x, [batch, 1, length, channels]);
}

/** The inverse of `asImages`. */
export const asSequences = (images: Node): Node => reshape(images, [images.shape[0], ...images.shape.slice(2)]);

/** Throws ShapeError unless `groups` divide the channels of x, its last axis, and the filters. */
export function requireGroups(x: Node, groups: number, filters: number): void {
  const channels = x.shape[x.shape.length - 1];
  if (channels % groups === 0 && filters % groups === 0) return;
  throw new ShapeError(
    `groups (${groups}) must divide the input's channels (${channels} of ${showShape(sampleShape(x))}) and the filters (${filters})`,
  );
}

/** Throws ShapeError unless x is [batch, height, width, channels]. */
export function requireImages(x: Node): void {
  if (x.shape.length === 4) return;
  const sample = sampleShape(x);
  const image = sample.length === 2 ? [...sample, 1] : undefined;
  const remedy = image ? `reshape: {shape: ${showShape(image)}}` : 'reshape: {shape: [height, width, channels]}';
  throw new ShapeError(
    `needs [height, width, channels] per sample, got ${showShape(sample)}; put a layer ${remedy} before it`,
  );
}

/** The common case of a window that is larger than the image, in the words of the config. */
export function requireFit(
  what: string,
  x: Node,
  window: readonly [number, number],
  padding: readonly (readonly [number, number])[],
  dilation: readonly [number, number] = [1, 1],
): void {
  const fits = [0, 1].every((d) => x.shape[d + 1] + padding[d][0] + padding[d][1] >= dilation[d] * (window[d] - 1) + 1);
  if (fits) return;
  if (x.shape[1] === 1 && window[0] === 1) {
    throw new ShapeError(
      `a ${what} of ${dilation[1] * (window[1] - 1) + 1} does not fit into a length of ${x.shape[2]}; ` +
        `it must be at most as long, or use padding: same`,
    );
  }
  const dilated = dilation.some((d) => d > 1) ? ` with dilation ${dilation.join('x')}` : '';
  throw new ShapeError(
    `a ${what} of ${window.join('x')}${dilated} does not fit into ${showShape(sampleShape(x))}; ` +
      `it must be at most ${x.shape[1]}x${x.shape[2]}, or use padding: same`,
  );
}
