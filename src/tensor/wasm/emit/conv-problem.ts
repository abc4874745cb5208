/**
 * Convolutions and their input gradients as problems of one form: a kernel that slides over an image.
 *
 * The input gradient is the same loop over the output gradient (spread by the strides, padded) with the kernel turned by 180
 * degrees and channels and filters swapped.
 */
import type { NodeOf } from '../../graph.js';
import { type PaddedImage, paddedInput, spreadGradient } from './padded-image.js';
import type { PackSource } from './pack.js';

/** A forward-shaped problem: out[y, x, f] = sum over (r, s, c) of image[y * sy + r * dy, x * sx + s * dx, c] * weight. */
export interface ConvProblem {
  readonly image: PaddedImage;
  readonly batch: number;
  readonly outHeight: number;
  readonly outWidth: number;
  /** Where these outputs lie among all pixels of the result: every `step`th row and column from `start` on. */
  readonly place: {
    readonly height: number;
    readonly width: number;
    readonly start: readonly [number, number];
    readonly step: readonly [number, number];
  };
  readonly strides: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly groups: number;
  /** Channels and filters of one group. */
  readonly channels: number;
  readonly filters: number;
  /** Where the weights of a group begin, and how to read them in the order (r, s, c). */
  readonly weights: { readonly base: (group: number) => number; readonly source: PackSource };
}

export function problemsOf(root: NodeOf<'conv'> | NodeOf<'conv_input'>, left: number, right: number): ConvProblem[] {
  if (root.op === 'conv') return [forward(root, left, right)];
  return phases(root, left, right) ?? [inputGradient(root, left, right)];
}

const everyPixel = ([, height, width]: readonly number[]): ConvProblem['place'] => ({
  height,
  width,
  start: [0, 0],
  step: [1, 1],
});

function forward(root: NodeOf<'conv'>, x: number, w: number): ConvProblem {
  const { strides, dilation, groups } = root.attrs;
  const [batch] = root.inputs[0].shape;
  const [kh, kw, groupChannels, filters] = root.inputs[1].shape;
  return {
    image: paddedInput(root, x),
    batch,
    outHeight: root.shape[1],
    outWidth: root.shape[2],
    place: everyPixel(root.shape),
    strides,
    dilation,
    kernel: [kh, kw],
    groups,
    channels: groupChannels,
    filters: filters / groups,
    weights: {
      base: (group) => w + (4 * group * filters) / groups,
      source: { sums: [{ count: kh * kw * groupChannels, stride: 4 * filters }], columnStride: 4 },
    },
  };
}

function inputGradient(root: NodeOf<'conv_input'>, g: number, w: number): ConvProblem {
  const { dilation, groups } = root.attrs;
  const [batch, , , filters] = root.inputs[0].shape;
  const [kh, kw, groupChannels] = root.inputs[1].shape;
  const [, outHeight, outWidth] = root.shape;
  return {
    image: spreadGradient(root, g),
    batch,
    outHeight,
    outWidth,
    place: everyPixel(root.shape),
    strides: [1, 1],
    dilation,
    kernel: [kh, kw],
    groups,
    channels: filters / groups,
    filters: groupChannels,
    weights: {
      // The last kernel element first, walking backwards.
      base: (group) => w + 4 * ((kh * kw - 1) * groupChannels * filters + (group * filters) / groups),
      source: {
        sums: [
          { count: kh * kw, stride: -4 * groupChannels * filters },
          { count: filters / groups, stride: 4 },
        ],
        columnStride: 4 * filters,
      },
    },
  };
}

/**
 * The input gradient of a convolution with strides as one problem for each remainder of row and column by the strides: those of
 * its pixels meet the same part of the kernel, and no zeros between the gradient's pixels need be multiplied. Undefined where
 * there are no strides, or where pixels of a remainder meet no part of the kernel.
 */
function phases(root: NodeOf<'conv_input'>, g: number, w: number): ConvProblem[] | undefined {
  const { strides, padding, dilation, groups } = root.attrs;
  const [batch, height, width, filters] = root.inputs[0].shape;
  const [kh, kw, groupChannels] = root.inputs[1].shape;
  if (strides.every((s) => s === 1) || dilation.some((d) => d !== 1)) return undefined;
  const taps = [kh, kw];
  const along = [0, 1].map((d) => {
    const [stride, low, size] = [strides[d], padding[d][0], root.shape[d + 1]];
    return Array.from({ length: stride }, (_, remainder) => {
      // The first pixel with (pixel + low) % stride = remainder, and the gradient's pixel that its first tap meets.
      const from = Math.ceil((low - remainder) / stride);
      const start = stride * from + remainder - low;
      const count = Math.max(0, Math.ceil((size - start) / stride));
      return {
        remainder,
        from,
        start,
        count,
        taps: Math.max(0, Math.ceil((taps[d] - remainder) / stride)),
      };
    }).filter(({ count }) => count > 0);
  });
  if (along.flat().some((phase) => phase.taps === 0)) return undefined;
  const tapBytes = 4 * groupChannels * filters;
  const problems = along[0].flatMap((y) =>
    along[1].map((x): ConvProblem => {
      const last = [y, x].map((p, d) => p.remainder + strides[d] * (p.taps - 1));
      return {
        image: {
          base: g,
          height,
          width,
          channels: filters,
          spread: [1, 1],
          origin: [y.taps - 1 - y.from, x.taps - 1 - x.from],
          paddedHeight: y.count + y.taps - 1,
          paddedWidth: x.count + x.taps - 1,
        },
        batch,
        outHeight: y.count,
        outWidth: x.count,
        place: {
          height: root.shape[1],
          width: root.shape[2],
          start: [y.start, x.start],
          step: strides,
        },
        strides: [1, 1],
        dilation: [1, 1],
        kernel: [y.taps, x.taps],
        groups,
        channels: filters / groups,
        filters: groupChannels,
        weights: {
          base: (group) => w + (last[0] * kw + last[1]) * tapBytes + (4 * group * filters) / groups,
          source: {
            sums: [
              { count: y.taps, stride: -strides[0] * kw * tapBytes },
              { count: x.taps, stride: -strides[1] * tapBytes },
              { count: filters / groups, stride: 4 },
            ],
            columnStride: 4 * filters,
          },
        },
      };
    }),
  );
  const work = (p: ConvProblem): number => p.outHeight * p.outWidth * p.kernel[0] * p.kernel[1];
  return problems.sort((a, b) => work(b) - work(a));
}
