/** Packs the right operand of a product into panels of a tile's width: [panel][k][4 vectors], so that tiles read it in order. */
import type { FunctionEmitter } from '../assembler.js';

/** The summed index of the source as nested loops (outermost first); strides in bytes. */
export interface PackSource {
  readonly sums: readonly { readonly count: number; readonly stride: number }[];
  /** Bytes between neighbouring columns. */
  readonly columnStride: number;
}

/**
 * Copies `columns` columns (rounded up to whole vectors) from the address in local `source` to the one in local `target`, which
 * ends behind the panel. Lanes past the last column hold anything.
 */
export function emitPackPanel(
  f: FunctionEmitter,
  from: PackSource,
  source: number,
  target: number,
  columns: number,
): void {
  const vectors = Math.ceil(columns / 4);
  const at = f.local('i32');
  const inner = from.sums[from.sums.length - 1];
  const nest = (depth: number, base: number): void => {
    const loop = from.sums[depth];
    const pointer = f.local('i32');
    f.get(base).set(pointer);
    if (depth < from.sums.length - 1) {
      f.countedLoop(loop.count, () => {
        nest(depth + 1, pointer);
        f.bump(pointer, loop.stride);
      });
      return;
    }
    if (from.columnStride === 4) {
      f.countedLoop(loop.count, () => {
        for (let v = 0; v < vectors; v++)
          f.get(target)
            .get(pointer)
            .mem('v128.load', 16 * v)
            .mem('v128.store', 16 * v);
        f.bump(pointer, loop.stride).bump(target, 16 * vectors);
      });
      return;
    }
    const transposed = inner.stride === 4 ? Math.floor(loop.count / 4) : 0;
    if (transposed > 0) {
      f.countedLoop(transposed, () => {
        for (let v = 0; v < vectors; v++)
          emitTranspose(f, pointer, target, from.columnStride, columns - 4 * v, 16 * v, 16 * vectors);
        f.bump(pointer, 16).bump(target, 64 * vectors);
      });
    }
    const rest = loop.count - 4 * transposed;
    if (rest > 0) {
      f.countedLoop(rest, () => {
        for (let v = 0; v < vectors; v++) {
          const lanes = Math.min(4, columns - 4 * v);
          f.get(pointer)
            .i32(4 * v * from.columnStride)
            .op('i32.add')
            .set(at);
          f.get(target);
          f.get(at).mem('v128.load32_splat');
          for (let l = 1; l < lanes; l++) {
            const vector = f.local('v128');
            f.set(vector)
              .get(at)
              .i32(l * from.columnStride)
              .op('i32.add')
              .get(vector)
              .laneMem('v128.load32_lane', l);
          }
          f.mem('v128.store', 16 * v);
        }
        f.bump(pointer, loop.stride).bump(target, 16 * vectors);
      });
    }
  };
  nest(0, source);
}

/** Four sums by four columns: columns lie `stride` bytes apart in the source, sums `pitch` bytes apart in the target. */
function emitTranspose(
  f: FunctionEmitter,
  source: number,
  target: number,
  stride: number,
  columns: number,
  offset: number,
  pitch: number,
): void {
  const rows = [0, 1, 2, 3].map((l) => {
    const local = f.local('v128');
    // Columns that do not exist repeat the last one, which is at least readable.
    const column = offset / 4 + Math.min(l, columns - 1);
    f.get(source)
      .i32(column * stride)
      .op('i32.add')
      .mem('v128.load')
      .set(local);
    return local;
  });
  const [a, b, c, d] = rows;
  const low = (x: number, y: number): number => {
    const local = f.local('v128');
    f.get(x).get(y).shuffle32([0, 4, 1, 5]).set(local);
    return local;
  };
  const high = (x: number, y: number): number => {
    const local = f.local('v128');
    f.get(x).get(y).shuffle32([2, 6, 3, 7]).set(local);
    return local;
  };
  const [ab0, cd0, ab1, cd1] = [low(a, b), low(c, d), high(a, b), high(c, d)];
  const store = (k: number, x: number, y: number, lanes: readonly number[]): void => {
    f.get(target)
      .get(x)
      .get(y)
      .shuffle32(lanes)
      .mem('v128.store', offset + k * pitch);
  };
  store(0, ab0, cd0, [0, 1, 4, 5]);
  store(1, ab0, cd0, [2, 3, 6, 7]);
  store(2, ab1, cd1, [0, 1, 4, 5]);
  store(3, ab1, cd1, [2, 3, 6, 7]);
}
