/** Emits Winograd's transforms: a matrix applied to the columns and then to the rows of squares of vectors. */
import type { FunctionEmitter, I32, I32Local, Vector } from '../assembler.js';
import type { EmitContext } from './kernel.js';
import { type Arithmetic, PATCH, type Transform } from './winograd-matrices.js';

const SQUARE_BYTES = PATCH * PATCH * 32;
/** Scratch memory of a transform: a square of pairs of vectors between its two passes, and the factors. */
export const TRANSFORM_BUFFER = SQUARE_BYTES + 64;

/** Neighbouring vectors that go through the same instructions side by side, so that V8 can pair them. */
type Lanes = readonly Vector[];

/** The transforms' arithmetic; `splat` leaves a factor in all lanes on the stack. */
function vectorArithmetic(f: FunctionEmitter, fma: boolean, splat: (factor: number) => void): Arithmetic<Lanes> {
  const kept = (): Vector => {
    const result = f.local('v128');
    f.set(result);
    return result;
  };
  const each = (count: Lanes, emit: (i: number) => void): Lanes =>
    count.map((_, i) => {
      emit(i);
      return kept();
    });
  const factorLocal = (factor: number): Vector => {
    splat(factor);
    return kept();
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

/** Where a square of vectors lies, and the bytes between its rows and between its columns. A distance of rows may be a local. */
export interface Square {
  readonly address: I32;
  readonly row: number | I32Local;
  readonly column: number;
}

/** Addresses of a square's vectors: a local, and an offset from it. */
class SquareWalk {
  private readonly rows: I32[];

  constructor(
    private readonly f: FunctionEmitter,
    start: I32Local,
    private readonly square: Square,
  ) {
    this.rows = [start];
  }

  at(i: number, j: number): [I32, number] {
    const { row, column } = this.square;
    if (typeof row === 'number') return [this.rows[0], i * row + j * column];
    for (let made = this.rows.length; made <= i; made++) this.rows.push(this.f.let(this.rows[made - 1].plus(row)));
    return [this.rows[i], j * column];
  }
}

/**
 * Emits a transform of `vectors` neighbouring squares, 16 bytes apart. `buffer` is the address of TRANSFORM_BUFFER bytes.
 */
export function emitTransform(
  f: FunctionEmitter,
  context: EmitContext,
  transform: Transform,
  vectors: number,
  from: Square,
  to: Square,
  buffer: I32,
): void {
  const { inputs, outputs } = transform;
  // Factors are read from memory: V8 rematerializes a constant vector, in several instructions, at every use.
  const factors = factorsOf(transform);
  factors.forEach((factor, i) => f.store('f32.store', buffer, () => f.f32(factor), SQUARE_BYTES + 4 * i));
  const arithmetic = vectorArithmetic(f, context.features.fma, (factor) =>
    f.load('v128.load32_splat', buffer, SQUARE_BYTES + 4 * factors.indexOf(factor)),
  );
  const [source, target] = f.i32Locals(2);
  f.assign(source, from.address).assign(target, to.address);
  const group = (width: number): void => {
    const load = (address: I32, offset: number): Lanes =>
      f.vectors(width).map((vector, i) => {
        f.load('v128.load', address, offset + 16 * i).set(vector);
        return vector;
      });
    const store = (address: I32, offset: number, value: Lanes): void =>
      value.forEach((vector, i) => f.store('v128.store', address, vector, offset + 16 * i));
    const size = 16 * width;
    const between = (i: number, j: number): number => (i * outputs + j) * size;
    const sources = new SquareWalk(f, source, from);
    for (let i = 0; i < inputs; i++) {
      const row = Array.from({ length: inputs }, (_, j) => load(...sources.at(i, j)));
      transform.apply(arithmetic, row).forEach((value, j) => store(buffer, between(i, j), value));
    }
    const targets = new SquareWalk(f, target, to);
    for (let j = 0; j < outputs; j++) {
      const column = Array.from({ length: inputs }, (_, i) => load(buffer, between(i, j)));
      transform.apply(arithmetic, column).forEach((value, i) => store(...targets.at(i, j), value));
    }
    f.bump(source, size).bump(target, size);
  };
  const pairs = vectors >> 1;
  if (pairs > 0) f.repeat(pairs, () => group(2));
  if (vectors % 2 > 0) group(1);
}
