/**
 * Resizing of images by a separable filter, as in Pillow and in PyTorch with `antialias=True`: when the image shrinks, the
 * filter widens, so that every pixel contributes.
 */
import type { Image } from './bitmap.js';

interface ResamplingKernel {
  /** Radius in pixels. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Keys 1981 with a = -1/2. */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

export const filters = ['bilinear', 'bicubic', 'lanczos'] as const;
export type Filter = (typeof filters)[number];
const KERNELS: Record<Filter, ResamplingKernel> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** For every output pixel: its first input pixel, and the weights of that and the following ones. */
type Weights = readonly { readonly first: number; readonly weights: Float64Array }[];

function weightsOf(from: number, to: number, { support, weight }: ResamplingKernel): Weights {
  const scale = Math.max(1, from / to);
  return Array.from({ length: to }, (_, i) => {
    const centre = ((i + 0.5) * from) / to;
    const first = Math.max(0, Math.floor(centre - support * scale + 0.5));
    const end = Math.min(from, Math.floor(centre + support * scale + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, k) => weight((first + k + 0.5 - centre) / scale));
    const sum = weights.reduce((all, one) => all + one, 0);
    return { first, weights: weights.map((one) => one / sum) };
  });
}

const known = new Map<string, Weights>();

/** Cached: usually the same for all images of a folder. */
function cachedWeights(from: number, to: number, filter: Filter): Weights {
  const key = `${from} ${to} ${filter}`;
  let weights = known.get(key);
  if (weights === undefined) {
    if (known.size > 100) known.clear();
    known.set(key, (weights = weightsOf(from, to, KERNELS[filter])));
  }
  return weights;
}

/** `image` as `height` x `width` pixels, rounded to bytes at the end. */
export function resized(image: Image, height: number, width: number, filter: Filter): Image {
  const { channels } = image;
  if (image.width === width && image.height === height) return image;
  const across = cachedWeights(image.width, width, filter);
  const rows = new Float64Array(image.height * width * channels);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = across[x];
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) {
          sum += weights[k] * image.values[(y * image.width + first + k) * channels + c];
        }
        rows[(y * width + x) * channels + c] = sum;
      }
    }
  }
  // Rounds to the nearest byte and clamps the overshoot of filters with negative lobes.
  const values = new Uint8ClampedArray(height * width * channels);
  const rowSize = width * channels;
  cachedWeights(image.height, height, filter).forEach(({ first, weights }, y) => {
    for (let i = 0; i < rowSize; i++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * rows[(first + k) * rowSize + i];
      values[y * rowSize + i] = sum;
    }
  });
  return { width, height, channels, values: new Uint8Array(values.buffer) };
}
