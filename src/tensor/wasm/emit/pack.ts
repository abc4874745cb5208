/** Packs the right operand of a product into panels of a tile's width: [panel][k][4 vectors], so that tiles read it in order. */
import type { FunctionEmitter, I32, I32Local, Vector } from '../assembler.js';

/** The summed index of the source as nested loops (outermost first); strides in bytes. */
export interface PackSource {
  readonly sums: readonly { readonly count: number; readonly stride: number }[];
  /** Bytes between neighbouring columns. */
  readonly columnStride: number;
}

/**
 * Copies `columns` columns (rounded up to whole vectors) from `source` to `target`, which ends after the panel. Lanes past the
 * last column hold anything.
 */
export function emitPackPanel(
  f: FunctionEmitter,
  { sums, columnStride }: PackSource,
  source: I32,
  target: I32Local,
  columns: number,
): void {
  const vectors = Math.ceil(columns / 4);
  const eachVector = (body: (vector: number) => void): void => {
    for (let v = 0; v < vectors; v++) body(v);
  };
  const innermost = (pointer: I32Local, { count, stride }: PackSource['sums'][number]): void => {
    const next = (): unknown => f.bump(pointer, stride).bump(target, 16 * vectors);
    if (columnStride === 4) {
      f.repeat(count, () => {
        eachVector((v) => f.store('v128.store', target, () => f.load('v128.load', pointer, 16 * v), 16 * v));
        next();
      });
      return;
    }
    const transposed = stride === 4 ? Math.floor(count / 4) : 0;
    if (transposed > 0) {
      f.repeat(transposed, () => {
        eachVector((v) => emitTranspose(f, { pointer, target, columnStride, columns, first: 4 * v, pitch: 16 * vectors })); // prettier-ignore
        f.bump(pointer, 16).bump(target, 64 * vectors);
      });
    }
    const rest = count - 4 * transposed;
    if (rest > 0) {
      f.repeat(rest, () => {
        eachVector((v) => emitGatherColumns(f, { pointer, target, columnStride, columns, first: 4 * v }));
        next();
      });
    }
  };
  const nest = (depth: number, start: I32): void => {
    const loop = sums[depth];
    const pointer = f.let(start);
    if (depth === sums.length - 1) return innermost(pointer, loop);
    f.repeat(loop.count, () => {
      nest(depth + 1, pointer);
      f.bump(pointer, loop.stride);
    });
  };
  nest(0, source);
}

/** Four columns from number `first` on; they lie `columnStride` bytes apart. */
interface Columns {
  readonly pointer: I32;
  readonly target: I32;
  readonly columnStride: number;
  readonly columns: number;
  readonly first: number;
}

/** One element of each of four columns. */
function emitGatherColumns(f: FunctionEmitter, { pointer, target, columnStride, columns, first }: Columns): void {
  const source = f.let(pointer.plus(first * columnStride));
  f.value(target).load('v128.load32_splat', source);
  for (let l = 1; l < Math.min(4, columns - first); l++) {
    const vector = f.local('v128');
    f.set(vector).value(source.plus(l * columnStride)).get(vector).laneMem('v128.load32_lane', l); // prettier-ignore
  }
  f.mem('v128.store', 4 * first);
}

/** Four elements of each of four columns; in the target they lie `pitch` bytes apart. */
function emitTranspose(
  f: FunctionEmitter,
  { pointer, target, columnStride, columns, first, pitch }: Columns & { readonly pitch: number },
): void {
  const [a, b, c, d] = [0, 1, 2, 3].map((l) => {
    const column = f.local('v128');
    // Columns that do not exist repeat the last one, which is at least readable.
    const index = Math.min(first + l, columns - 1);
    f.load('v128.load', pointer.plus(index * columnStride)).set(column);
    return column;
  });
  const shuffled = (x: Vector, y: Vector, lanes: readonly number[]): Vector => {
    const result = f.local('v128');
    f.get(x).get(y).shuffle32(lanes).set(result);
    return result;
  };
  const [low, high] = [
    [0, 4, 1, 5],
    [2, 6, 3, 7],
  ];
  const [ab0, cd0] = [shuffled(a, b, low), shuffled(c, d, low)];
  const [ab1, cd1] = [shuffled(a, b, high), shuffled(c, d, high)];
  const store = (k: number, x: Vector, y: Vector, lanes: readonly number[]): void => {
    f.store('v128.store', target, () => f.get(x).get(y).shuffle32(lanes), 4 * first + k * pitch);
  };
  store(0, ab0, cd0, [0, 1, 4, 5]);
  store(1, ab0, cd0, [2, 3, 6, 7]);
  store(2, ab1, cd1, [0, 1, 4, 5]);
  store(3, ab1, cd1, [2, 3, 6, 7]);
}
