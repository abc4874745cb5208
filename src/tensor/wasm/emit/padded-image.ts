/** Images with a border of zeros, and zeros between pixels where a gradient is spread by strides. */
import type { NodeOf } from '../../graph.js';
import type { FunctionEmitter } from '../assembler.js';

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

export const needsCopy = (image: PaddedImage): boolean =>
  image.paddedHeight !== image.height ||
  image.paddedWidth !== image.width ||
  image.origin.some((o) => o !== 0) ||
  image.spread.some((s) => s !== 1);

/** The image at `base` that a convolution slides its kernel over. */
export function paddedInput(root: NodeOf<'conv'>, base: number): PaddedImage {
  const { padding } = root.attrs;
  const [, height, width, channels] = root.inputs[0].shape;
  return {
    base,
    height,
    width,
    channels,
    spread: [1, 1],
    origin: [padding[0][0], padding[1][0]],
    paddedHeight: height + padding[0][0] + padding[0][1],
    paddedWidth: width + padding[1][0] + padding[1][1],
  };
}

/** The output gradient at `base`, spread by the strides, that the input gradient slides the turned kernel over. */
export function spreadGradient(root: NodeOf<'conv_input'>, base: number): PaddedImage {
  const { strides, padding, dilation } = root.attrs;
  const [, height, width, channels] = root.inputs[0].shape;
  const [kh, kw] = root.inputs[1].shape;
  const [, outHeight, outWidth] = root.shape;
  return {
    base,
    height,
    width,
    channels,
    spread: strides,
    origin: [dilation[0] * (kh - 1) - padding[0][0], dilation[1] * (kw - 1) - padding[1][0]],
    paddedHeight: outHeight + dilation[0] * (kh - 1),
    paddedWidth: outWidth + dilation[1] * (kw - 1),
  };
}

/** The image at `base` whose products with the output gradient are summed to the weight gradient, and whether it must be copied. */
export function correlatedInput(
  root: NodeOf<'conv_weight_parts'>,
  base: number,
): { image: PaddedImage; copies: boolean } {
  const { strides, padding, dilation } = root.attrs;
  const [, height, width, channels] = root.inputs[0].shape;
  const [, outHeight, outWidth] = root.inputs[1].shape;
  const [, kh, kw] = root.shape;
  const image: PaddedImage = {
    base,
    height,
    width,
    channels,
    spread: [1, 1],
    origin: [padding[0][0], padding[1][0]],
    paddedHeight: (outHeight - 1) * strides[0] + dilation[0] * (kh - 1) + 1,
    paddedWidth: Math.max(
      (outWidth - 1) * strides[1] + dilation[1] * (kw - 1) + 1,
      width + padding[1][0] + padding[1][1],
    ),
  };
  // Rows below those that are read may stay where they are.
  return { image, copies: needsCopy({ ...image, paddedHeight: Math.max(image.paddedHeight, height) }) };
}

/**
 * Copies rows first..first + count of the padded image of sample `sample` to the address in local `target`, zeros included.
 * `first` is a local.
 */
export function emitPaddedCopy(
  f: FunctionEmitter,
  image: PaddedImage,
  sample: number,
  first: number,
  count: number,
  target: number,
): void {
  const pixel = 4 * image.channels;
  const rowBytes = image.paddedWidth * pixel;
  const [at, y, sourceRow, from, end] = Array.from({ length: 5 }, () => f.local('i32'));
  const [spreadY, spreadX] = image.spread;
  const fillZero = (): void => {
    f.get(at).i32(rowBytes).op('i32.add').set(end);
    emitZeroFill(f, at, rowBytes);
  };
  f.get(target).set(at).get(first).i32(image.origin[0]).op('i32.sub').set(y);
  f.countedLoop(count, () => {
    // Row y of the padded image holds source row y / spread, where that divides and exists.
    f.get(y)
      .i32(0)
      .op('i32.ge_s')
      .get(y)
      .i32(image.height * spreadY)
      .op('i32.lt_s', 'i32.and');
    if (spreadY > 1) f.get(y).i32(spreadY).op('i32.rem_u').op('i32.eqz', 'i32.and');
    f.if(() => {
      f.get(y).i32(spreadY).op('i32.div_u').set(sourceRow);
      f.get(sample)
        .i32(image.height)
        .op('i32.mul')
        .get(sourceRow)
        .op('i32.add')
        .i32(image.width * pixel)
        .op('i32.mul');
      f.i32(image.base).op('i32.add').set(from);
      const leftEdge = image.origin[1];
      const copied = Math.max(0, Math.min(image.width, Math.ceil((image.paddedWidth - leftEdge) / spreadX)));
      const skipped = leftEdge < 0 ? Math.ceil(-leftEdge / spreadX) : 0;
      const start = Math.max(0, leftEdge + skipped * spreadX);
      const pixels = Math.max(0, copied - skipped);
      if (spreadX > 1) {
        emitZeroFillAt(f, at, 0, rowBytes);
        const to = f.local('i32');
        f.get(at)
          .i32(start * pixel)
          .op('i32.add')
          .set(to);
        f.bump(from, skipped * pixel);
        if (pixels > 0)
          f.countedLoop(pixels, () => {
            emitCopy(f, from, to, pixel);
            f.bump(from, pixel).bump(to, spreadX * pixel);
          });
        f.bump(at, rowBytes);
        return;
      }
      emitZeroFillAt(f, at, 0, start * pixel);
      const to = f.local('i32');
      f.get(at)
        .i32(start * pixel)
        .op('i32.add')
        .set(to);
      f.bump(from, skipped * pixel);
      emitCopy(f, from, to, pixels * pixel);
      emitZeroFillAt(f, at, (start + pixels) * pixel, rowBytes - (start + pixels) * pixel);
      f.bump(at, rowBytes);
    }, fillZero);
    f.bump(y, 1);
  });
}

/** Zeros `bytes` bytes (whole floats) from the address in `at`, which ends behind them. */
export function emitZeroFill(f: FunctionEmitter, at: number, bytes: number): void {
  const vectors = bytes >> 4;
  if (vectors > 0) f.countedLoop(vectors, () => f.get(at).splatInt(0).mem('v128.store').bump(at, 16));
  for (let i = 0; i < (bytes & 15); i += 4) f.get(at).i32(0).mem('i32.store', i);
  f.bump(at, bytes & 15);
}

function emitZeroFillAt(f: FunctionEmitter, base: number, offset: number, bytes: number): void {
  if (bytes <= 0) return;
  const at = f.local('i32');
  f.get(base).i32(offset).op('i32.add').set(at);
  emitZeroFill(f, at, bytes);
}

/** Copies `bytes` bytes (whole floats) between the addresses in two locals, which stay. */
function emitCopy(f: FunctionEmitter, from: number, to: number, bytes: number): void {
  const vectors = bytes >> 4;
  const source = f.local('i32');
  const target = f.local('i32');
  f.get(from).set(source).get(to).set(target);
  if (vectors > 0) {
    f.countedLoop(vectors, () =>
      f.get(target).get(source).mem('v128.load').mem('v128.store').bump(source, 16).bump(target, 16),
    );
  }
  for (let i = 0; i < (bytes & 15); i += 4) f.get(target).get(source).mem('i32.load', i).mem('i32.store', i);
}
