/** Emits Winograd's transforms: a matrix applied to the columns and then to the rows of squares of vectors. */
import type { FunctionEmitter } from '../assembler.js';
import type { EmitContext } from './loop.js';
import { type Arithmetic, PATCH, type Transform } from '../winograd.js';

const SQUARE_BYTES = PATCH * PATCH * 32;
/** Scratch memory of a transform: a square of pairs of vectors between its two passes, and the factors. */
export const TRANSFORM_BUFFER = SQUARE_BYTES + 64;

/** Locals with neighbouring vectors that go through the same instructions side by side, so that V8 can pair them. */
type Lanes = readonly number[];

/** The transforms' arithmetic on vectors in locals; `splat` leaves a factor in all lanes on the stack. */
function vectorArithmetic(f: FunctionEmitter, fma: boolean, splat: (factor: number) => void): Arithmetic<Lanes> {
  const each = (count: Lanes, emit: (i: number) => void): Lanes =>
    count.map((_, i) => {
      emit(i);
      const result = f.local('v128');
      f.set(result);
      return result;
    });
  const factorLocal = (factor: number): number => {
    const local = f.local('v128');
    splat(factor);
    f.set(local);
    return local;
  };
  return {
    add: (x, y) => each(x, (i) => f.get(x[i]).get(y[i]).op('f32x4.add')),
    sub: (x, y) => each(x, (i) => f.get(x[i]).get(y[i]).op('f32x4.sub')),
    scale: (factor, x) => {
      const k = factorLocal(factor);
      return each(x, (i) => f.get(k).get(x[i]).op('f32x4.mul'));
    },
    madd: (factor, x, y) => {
      const k = factorLocal(factor);
      return each(x, (i) => {
        f.get(k).get(x[i]);
        if (fma) f.get(y[i]).op('f32x4.relaxed_madd');
        else f.op('f32x4.mul').get(y[i]).op('f32x4.add');
      });
    },
  };
}

/** The factors that a transform multiplies by. */
function factorsOf(transform: Transform): number[] {
  const factors = new Set<number>();
  const note = (factor: number): number => {
    factors.add(factor);
    return 0;
  };
  transform.apply({ add: () => 0, sub: () => 0, scale: note, madd: note }, new Array<number>(transform.inputs).fill(0));
  return [...factors];
}

/** Where the rows and columns of a square of vectors lie, in bytes. A distance of rows may be in a local. */
export interface Square {
  readonly row: number | { readonly local: number };
  readonly column: number;
}

/**
 * Emits a transform of `vectors` neighbouring squares, 16 bytes apart: from the address in local `source` to the one in `target`,
 * both of which stay. `buffer` is a local with the address of TRANSFORM_BUFFER bytes.
 */
export function emitTransform(
  f: FunctionEmitter,
  context: EmitContext,
  transform: Transform,
  vectors: number,
  from: Square & { readonly address: number },
  to: Square & { readonly address: number },
  buffer: number,
): void {
  const { inputs, outputs } = transform;
  // Factors are read from memory: V8 makes a constant vector anew, in several instructions, wherever it is used.
  const factors = factorsOf(transform);
  factors.forEach((factor, i) =>
    f
      .get(buffer)
      .f32(factor)
      .mem('f32.store', SQUARE_BYTES + 4 * i),
  );
  const arithmetic = vectorArithmetic(f, context.features.fma, (factor) =>
    f.get(buffer).mem('v128.load32_splat', SQUARE_BYTES + 4 * factors.indexOf(factor)),
  );
  const [source, target] = [f.local('i32'), f.local('i32')];
  f.get(from.address).set(source).get(to.address).set(target);
  const walk = (start: number, { row }: Square): { to(i: number): FunctionEmitter; offset(i: number): number } => {
    if (typeof row === 'number') return { to: () => f.get(start), offset: (i) => i * row };
    const pointers = [start];
    return {
      to: (i) => {
        for (let made = pointers.length; made <= i; made++) {
          const next = f.local('i32');
          f.get(pointers[made - 1])
            .get(row.local)
            .op('i32.add')
            .set(next);
          pointers.push(next);
        }
        return f.get(pointers[i]);
      },
      offset: () => 0,
    };
  };
  const group = (width: number): void => {
    const load = (address: () => unknown, offset: number): Lanes =>
      Array.from({ length: width }, (_, i) => {
        address();
        const vector = f.local('v128');
        f.mem('v128.load', offset + 16 * i).set(vector);
        return vector;
      });
    const store = (address: () => unknown, offset: number, value: Lanes): void =>
      value.forEach((vector, i) => {
        address();
        f.get(vector).mem('v128.store', offset + 16 * i);
      });
    const size = 16 * width;
    const rows = walk(source, from);
    for (let i = 0; i < inputs; i++) {
      const row = Array.from({ length: inputs }, (_, j) => load(() => rows.to(i), rows.offset(i) + j * from.column));
      transform
        .apply(arithmetic, row)
        .forEach((value, j) => store(() => f.get(buffer), (i * outputs + j) * size, value));
    }
    const targets = walk(target, to);
    for (let j = 0; j < outputs; j++) {
      const column = Array.from({ length: inputs }, (_, i) => load(() => f.get(buffer), (i * outputs + j) * size));
      transform.apply(arithmetic, column).forEach((value, i) => {
        store(() => targets.to(i), targets.offset(i) + j * to.column, value);
      });
    }
    f.bump(source, size).bump(target, size);
  };
  const pairs = vectors >> 1;
  if (pairs > 0) f.countedLoop(pairs, () => group(2));
  if (vectors % 2 > 0) group(1);
}
