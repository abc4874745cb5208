/** Cuts images into the squares that Winograd's algorithm transforms; a square that crosses an edge reads zeros there. */
import { type FunctionEmitter, i32, type I32, type I32Local } from '../assembler.js';
import type { EmitContext } from './kernel.js';
import { PATCH, TILE, type Transform } from './winograd-matrices.js';
import { emitTransform, TRANSFORM_BUFFER } from './winograd-transform.js';

/** Images cut into squares, which may reach over their edges into zeros. */
export interface Squares {
  readonly base: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Pixels across a square. */
  readonly size: number;
  readonly padding: readonly [number, number];
  readonly tilesDown: number;
  readonly tilesAcross: number;
}

/** Bytes that defineSquareInput needs from `area` on. */
export const squareArea = ({ size, channels }: Squares): number => TRANSFORM_BUFFER + size * size * channels * 4;

/** The image of a tile (a number among those of all images), and its first row and column there. */
export function emitTilePlace(
  f: FunctionEmitter,
  { tilesDown, tilesAcross }: Pick<Squares, 'tilesDown' | 'tilesAcross'>,
  tile: I32,
): { image: I32; y: I32; x: I32 } {
  const x = tile.modulo(tilesAcross).times(TILE);
  const rest = f.let(tile.over(tilesAcross));
  return { image: rest.over(tilesDown), y: rest.modulo(tilesDown).times(TILE), x };
}

/**
 * Defines a function (tile, target, area) that transforms the square of a tile, its products `stride` bytes apart. `area` is the
 * address of squareArea bytes.
 */
export function defineSquareInput(
  context: EmitContext,
  squares: Squares,
  transform: Transform,
  stride: number,
): number {
  const { height, width, channels, size, padding } = squares;
  const pixel = 4 * channels;
  return context.module.function({ parameters: ['i32', 'i32', 'i32'] }, (f, tile, target, area) => {
    const place = emitTilePlace(f, squares, tile);
    const x = f.let(place.x.minus(padding[1]));
    const y = f.let(place.y.minus(padding[0]));
    // Address of the square's first pixel, which may not exist.
    const first = place.image.times(height).plus(y).times(width).plus(x).times(pixel).plus(squares.base); // prettier-ignore
    const row = f.let(first);
    const source = f.let(row);
    const pitch = f.let(width * pixel);
    const isInside = (start: I32, length: number): I32 => (length < size ? i32(0) : start.isBelow(length - size + 1));
    f.when(isInside(y, height).and(isInside(x, width)).isZero(), () => {
      f.assign(source, area.plus(TRANSFORM_BUFFER)).assign(pitch, size * pixel);
      emitEdgeCopy(f, squares, { y, x, row, copy: source });
    });
    emitTransform(
      f,
      context,
      transform,
      channels / 4,
      { address: source, row: pitch, column: pixel },
      { address: target, row: PATCH * stride, column: stride },
      area,
    );
  });
}

/** Copies a square, whose first pixel would lie at `row`, with zeros for pixels that do not exist. */
function emitEdgeCopy(
  f: FunctionEmitter,
  { height, width, channels, size }: Squares,
  { y, x, row, copy }: { y: I32; x: I32; row: I32; copy: I32Local },
): void {
  const pixel = 4 * channels;
  const to = f.let(copy);
  f.repeat((size * size * pixel) / 16, () => f.store('v128.store', to, () => f.splatInt(0)).bump(to, 16));
  // The columns first .. first + count of each row exist.
  const first = f.let(i32(0).minus(x).atLeast(0)); // prettier-ignore
  const count = f.let(i32(width).minus(x));
  f.assign(count, count.atMost(size).minus(first));
  f.when(count.isGreater(0), () => {
    const i = f.let(0);
    f.upTo(size, i, 1, () => {
      f.when(y.plus(i).isBelow(height), () => {
        const from = f.let(row.plus(i.times(width).plus(first).times(pixel)));
        f.assign(to, copy.plus(i.times(size).plus(first).times(pixel)));
        f.countDown(f.let(count.times(pixel / 16)), () => {
          f.store('v128.store', to, () => f.load('v128.load', from)).bump(to, 16).bump(from, 16); // prettier-ignore
        });
      });
    });
  });
}
