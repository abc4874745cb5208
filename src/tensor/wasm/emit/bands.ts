/** Images cut into bands of rows, so that there is work for every thread where a batch is small. */
import { type FunctionEmitter, i32, type I32, type I32Local } from '../assembler.js';

/** Units that a batch is cut into at least, where its images have as many rows. */
const UNITS = 8;

export interface Bands {
  readonly height: number;
  /** Rows of a band; the last one may have fewer. */
  readonly rows: number;
  /** Bands of an image. */
  readonly count: number;
}

/** The bands of at most `rows` rows. */
export const bandsOf = (height: number, rows: number): Bands => ({ height, rows, count: Math.ceil(height / rows) });

/** Bands no lower than it takes to give work to every thread. */
export const evenBands = (batch: number, height: number): Bands =>
  bandsOf(height, Math.ceil(height / Math.max(1, Math.min(height, Math.ceil(UNITS / batch)))));

/** Rows of an image that so many rows of a convolution's result read along one axis. */
export const inputRows = (rows: number, stride: number, dilation: number, kernel: number): number =>
  (rows - 1) * stride + dilation * (kernel - 1) + 1;

/** A unit's image, its first row there, and how many rows it has. */
export interface Band {
  readonly sample: I32Local;
  readonly first: I32Local;
  readonly rows: I32Local;
}

export function emitBand(f: FunctionEmitter, unit: I32, { height, rows, count }: Bands): Band {
  const sample = f.let(unit.over(count));
  const first = f.let(unit.modulo(count).times(rows));
  const left = f.let(i32(height).minus(first));
  f.assign(left, left.atMost(rows));
  return { sample, first, rows: left };
}
