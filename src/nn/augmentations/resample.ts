/** One resampling of images: the source position of each pixel, interpolated between the four pixels around it. */
import {
  add, bitAnd, cast, floor, gather, ge, iota, le, maximum, minimum, mul, type Node, reshape, select, slice, sub, div,
} from '../../tensor/index.js'; // prettier-ignore
import { type ImageSize, perSample } from './augmentation.js';
import { isAffine, type Matrix } from './matrix.js';

/** How images are filled beyond their border. */
export interface Fill {
  readonly mode: 'constant' | 'nearest' | 'reflect';
  /** For `constant`. */
  readonly value: number;
}

/** Images as rows of channels: pixel (x, y) of sample b is row first[b] + y * width + x. */
export interface PixelRows {
  /** [rows, channels]. */
  readonly rows: Node;
  /** i32 [batch]. */
  readonly first: Node;
}

/** Positions in an image, in pixels from the centre of the top left pixel: two tensors [batch, height, width]. */
export interface Positions {
  readonly x: Node;
  readonly y: Node;
}

/** Denominators of projective maps stay above this: what is behind the viewer is not seen. */
const NEAREST_DEPTH = 1e-3;

/** From where the pixels of [batch, height, width] come. `displacement` is added to what `matrix` says. */
export function sourcesOf(
  matrix: Matrix,
  batch: number,
  { height, width }: ImageSize,
  displacement?: Positions,
): Positions {
  const shape = [batch, height, width];
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const u = sub(cast(iota(shape, 2, 'i32'), 'f32'), centreX);
  const v = sub(cast(iota(shape, 1, 'i32'), 'f32'), centreY);
  const row = (r: number): Node => {
    const [a, b, c] = [0, 1, 2].map((k) => perSample(matrix[3 * r + k], 3));
    return add(add(mul(u, a), mul(v, b)), c);
  };
  const depth = isAffine(matrix) ? undefined : maximum(row(2), NEAREST_DEPTH);
  const [x, y] = [row(0), row(1)].map((position) => (depth === undefined ? position : div(position, depth)));
  const moved = (position: Node, centre: number, further: Node | undefined): Node =>
    add(further === undefined ? position : add(position, further), centre);
  return { x: moved(x, centreX, displacement?.x), y: moved(y, centreY, displacement?.y) };
}

/** Two neighbouring pixels along an axis, and the share of each in the value between them. */
interface Taps {
  readonly low: Node;
  readonly high: Node;
  readonly lowShare: Node;
  readonly highShare: Node;
}

const clamp = (x: Node, low: number, high: number): Node => minimum(maximum(x, low), high);

/** A position along an axis of `size` pixels, folded back into it: | a b c d | continues as d c b a before and after. */
function reflected(t: Node, size: number): Node {
  const period = 2 * size;
  const shifted = add(t, 0.5);
  const within = sub(shifted, mul(floor(div(shifted, period)), period));
  return sub(minimum(within, sub(period, within)), 0.5);
}

/** `t` moved to where the mode defines a value. */
const inside = (t: Node, size: number, { mode }: Fill): Node =>
  mode === 'constant' ? clamp(t, -1, size) : clamp(mode === 'reflect' ? reflected(t, size) : t, 0, size - 1);

function tapsOf(t: Node, size: number, fill: Fill): Taps {
  const position = inside(t, size, fill);
  const below = floor(position);
  const part = sub(position, below);
  const index = cast(below, 'i32');
  const low = fill.mode === 'constant' ? minimum(maximum(index, 0), size - 1) : index;
  const high = minimum(add(index, 1), size - 1);
  if (fill.mode !== 'constant') return { low, high, lowShare: sub(1, part), highShare: part };
  return {
    low,
    high,
    lowShare: select(bitAnd(ge(below, 0), le(below, size - 1)), sub(1, part), 0),
    highShare: select(le(below, size - 2), part, 0),
  };
}

/** The channels of [batch, height, width, channels] as tensors [batch, height, width]. */
export function planesOf(images: Node): Node[] {
  const [batch, height, width, channels] = images.shape;
  return Array.from({ length: channels }, (_, c) =>
    reshape(slice(images, [0, 0, 0, c], [batch, height, width, c + 1]), [batch, height, width]),
  );
}

/** The planes of `pixels` at the row numbers `at` (i32 [batch, height, width]), as f32. */
const fetch = ({ rows }: PixelRows, at: Node): Node[] => planesOf(gather(rows, at)).map((plane) => cast(plane, 'f32'));

const rowAt = ({ first }: PixelRows, y: Node, x: Node, width: number): Node =>
  add(add(reshape(first, [first.shape[0], 1, 1]), mul(y, width)), x);

/** The images at `sources`, bilinear between pixels: a plane [batch, height, width] for each channel. */
export function interpolate(pixels: PixelRows, sources: Positions, { height, width }: ImageSize, fill: Fill): Node[] {
  const vertical = tapsOf(sources.y, height, fill);
  const horizontal = tapsOf(sources.x, width, fill);
  const corners = (['low', 'high'] as const).flatMap((v) =>
    (['low', 'high'] as const).map((h) => ({
      planes: fetch(pixels, rowAt(pixels, vertical[v], horizontal[h], width)),
      share: mul(vertical[`${v}Share`], horizontal[`${h}Share`]),
    })),
  );
  const covered = mul(add(vertical.lowShare, vertical.highShare), add(horizontal.lowShare, horizontal.highShare));
  return corners[0].planes.map((_, c) => {
    const value = corners.map(({ planes, share }) => mul(planes[c], share)).reduce((a, b) => add(a, b));
    return fill.mode === 'constant' ? add(value, mul(sub(1, covered), fill.value)) : value;
  });
}

/** The images at `sources`, each value that of the nearest pixel. */
export function pick(pixels: PixelRows, sources: Positions, { height, width }: ImageSize, fill: Fill): Node[] {
  const [y, x] = ([['y', height], ['x', width]] as const).map(([axis, size]) =>
    floor(add(inside(sources[axis], size, fill), 0.5)),
  ); // prettier-ignore
  const index = (t: Node, size: number): Node => cast(clamp(t, 0, size - 1), 'i32');
  const planes = fetch(pixels, rowAt(pixels, index(y, height), index(x, width), width));
  if (fill.mode !== 'constant') return planes;
  const isInside = bitAnd(bitAnd(ge(y, 0), le(y, height - 1)), bitAnd(ge(x, 0), le(x, width - 1)));
  return planes.map((plane) => select(isInside, plane, fill.value));
}
