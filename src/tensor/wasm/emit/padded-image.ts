/** Images with a border of zeros, and zeros between pixels where a gradient is spread by strides. */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter, I32, I32Local } from '../assembler.js';

/** The geometry of an image that a unit reads: the source image with a border, and zeros between pixels where it is spread. */
export interface PaddedImage {
  readonly base: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Distance of neighbouring source pixels in the padded image (the strides of a spread gradient). */
  readonly spread: readonly [number, number];
  /** Position of the first source pixel in the padded image. */
  readonly origin: readonly [number, number];
  readonly paddedHeight: number;
  readonly paddedWidth: number;
}

/** Bytes of a pixel, and of a padded row. */
export const pixelBytes = ({ channels }: PaddedImage): number => 4 * channels;
export const rowBytes = (image: PaddedImage): number => image.paddedWidth * pixelBytes(image);

export const needsCopy = (image: PaddedImage): boolean =>
  image.paddedHeight !== image.height ||
  image.paddedWidth !== image.width ||
  image.origin.some((o) => o !== 0) ||
  image.spread.some((s) => s !== 1);

/** The images [batch, height, width, channels] at `base`, unchanged. */
function unpadded(base: number, [, height, width, channels]: readonly number[]): PaddedImage {
  return { base, height, width, channels, spread: [1, 1], origin: [0, 0], paddedHeight: height, paddedWidth: width };
}

/** The image at `base` that a convolution slides its kernel over. */
export function paddedInput(root: NodeOf<'conv'>, base: number): PaddedImage {
  const [[top, bottom], [left, right]] = root.attrs.padding;
  const image = unpadded(base, root.inputs[0].shape);
  const paddedHeight = image.height + top + bottom;
  return { ...image, origin: [top, left], paddedHeight, paddedWidth: image.width + left + right };
}

/** The output gradient at `base`, spread by the strides, that the input gradient slides the turned kernel over. */
export function spreadGradient(root: NodeOf<'conv_input'>, base: number): PaddedImage {
  const { strides, padding, dilation } = root.attrs;
  const [down, across] = [0, 1].map((d) => dilation[d] * (root.inputs[1].shape[d] - 1));
  const [, outHeight, outWidth] = root.shape;
  return {
    ...unpadded(base, root.inputs[0].shape),
    spread: strides,
    origin: [down - padding[0][0], across - padding[1][0]],
    paddedHeight: outHeight + down,
    paddedWidth: outWidth + across,
  };
}

/** The image at `base` whose products with the output gradient are summed to the weight gradient, and whether it must be copied. */
export function correlatedInput(
  root: NodeOf<'conv_weight_parts'>,
  base: number,
): { image: PaddedImage; copies: boolean } {
  const { strides, padding, dilation } = root.attrs;
  const [, outHeight, outWidth] = root.inputs[1].shape;
  const [, kh, kw] = root.shape;
  const whole = unpadded(base, root.inputs[0].shape);
  const image: PaddedImage = {
    ...whole,
    origin: [padding[0][0], padding[1][0]],
    paddedHeight: (outHeight - 1) * strides[0] + dilation[0] * (kh - 1) + 1,
    paddedWidth: Math.max(
      (outWidth - 1) * strides[1] + dilation[1] * (kw - 1) + 1,
      whole.width + padding[1][0] + padding[1][1],
    ),
  };
  // Unread rows at the bottom do not force a copy.
  return { image, copies: needsCopy({ ...image, paddedHeight: Math.max(image.paddedHeight, whole.height) }) };
}

/** Copies `count` rows of sample `sample`'s padded image from row `first` on, zeros included. */
export function emitPaddedCopy(
  f: FunctionEmitter,
  image: PaddedImage,
  sample: I32,
  first: I32,
  count: number,
  target: I32,
): void {
  const pixel = pixelBytes(image);
  const [spreadY] = image.spread;
  const [to, y, sourceRow, from] = f.i32Locals(4);
  f.assign(to, target).assign(y, first.minus(image.origin[0]));
  f.repeat(count, () => {
    // Row y of the padded image holds source row y / spread, where that divides and exists.
    const exists = y.isNotLess(0).and(y.isLess(image.height * spreadY));
    f.when(
      spreadY > 1 ? exists.and(y.modulo(spreadY).isZero()) : exists,
      () => {
        f.assign(sourceRow, y.over(spreadY));
        f.assign(from, sample.times(image.height).plus(sourceRow).times(image.width * pixel).plus(image.base)); // prettier-ignore
        emitPaddedRow(f, image, from, to);
        f.bump(to, rowBytes(image));
      },
      () => emitZeroFill(f, to, rowBytes(image)),
    );
    f.bump(y, 1);
  });
}

/** Copies the source row at `from`, which moves, to the padded row at `to`. */
function emitPaddedRow(f: FunctionEmitter, image: PaddedImage, from: I32Local, to: I32): void {
  const pixel = pixelBytes(image);
  const [, spread] = image.spread;
  const [, left] = image.origin;
  const last = Math.max(0, Math.min(image.width, Math.ceil((image.paddedWidth - left) / spread)));
  const skipped = left < 0 ? Math.ceil(-left / spread) : 0;
  const start = Math.max(0, left + skipped * spread);
  const pixels = Math.max(0, last - skipped);
  const startAt = start * pixel;
  if (spread > 1) {
    emitZeroFillAt(f, to, 0, rowBytes(image));
    const next = f.let(to.plus(startAt));
    f.bump(from, skipped * pixel);
    if (pixels > 0)
      f.repeat(pixels, () => {
        emitCopy(f, from, next, pixel);
        f.bump(from, pixel).bump(next, spread * pixel);
      });
    return;
  }
  emitZeroFillAt(f, to, 0, startAt);
  const next = f.let(to.plus(startAt));
  f.bump(from, skipped * pixel);
  emitCopy(f, from, next, pixels * pixel);
  const end = startAt + pixels * pixel;
  emitZeroFillAt(f, to, end, rowBytes(image) - end);
}

/**
 * Leaves the address of sample `sample`'s padded rows from `first` on, at most `count`: in the image itself, or in a copy at
 * `buffer`.
 */
export function emitImageRows(
  f: FunctionEmitter,
  image: PaddedImage,
  copies: boolean,
  { sample, first, count, buffer }: { sample: I32; first: I32; count: number; buffer: I32 },
): I32Local {
  const source = f.local('i32');
  if (copies) {
    f.assign(source, buffer);
    emitPaddedCopy(f, image, sample, first, count, source);
  } else f.assign(source, sample.times(image.height).plus(first).times(rowBytes(image)).plus(image.base));
  return source;
}

/** Zeros `bytes` bytes (whole floats) from the address in `at`, which ends after them. */
export function emitZeroFill(f: FunctionEmitter, at: I32Local, bytes: number): void {
  const vectors = bytes >> 4;
  if (vectors > 0) f.repeat(vectors, () => f.store('v128.store', at, () => f.splatInt(0)).bump(at, 16));
  for (let i = 0; i < (bytes & 15); i += 4) f.store('i32.store', at, () => f.i32(0), i);
  f.bump(at, bytes & 15);
}

/** Zeros `bytes` bytes from an offset on. */
export function emitZeroFillAt(f: FunctionEmitter, base: I32, offset: number, bytes: number): void {
  if (bytes > 0) emitZeroFill(f, f.let(base.plus(offset)), bytes);
}

/** Copies `bytes` bytes (whole floats). */
function emitCopy(f: FunctionEmitter, from: I32, to: I32, bytes: number): void {
  const vectors = bytes >> 4;
  const [source, target] = [f.let(from), f.let(to)];
  if (vectors > 0) {
    f.repeat(vectors, () => {
      f.store('v128.store', target, () => f.load('v128.load', source)).bump(source, 16).bump(target, 16); // prettier-ignore
    });
  }
  for (let i = 0; i < (bytes & 15); i += 4) f.store('i32.store', target, () => f.load('i32.load', source, i), i);
}
