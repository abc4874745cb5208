/**
 * Elementary functions on four floats, from polynomials of the Cephes library (Moshier), accurate to a few units in the last
 * place. Without fused multiply-add they have the same bits on every machine.
 */
import type { FunctionEmitter, ModuleEmitter, Vector } from '../assembler.js';

export type MathName =
  'exp' | 'expm1' | 'log' | 'log1p' | 'tanh' | 'erf' | 'sin' | 'cos' | 'pow'
  /** The logarithm of numbers of at least SMALLEST_NORMAL. */
  | 'log_normal'; // prettier-ignore

/** Leaves the value of a function of the vector in local `x` on the stack. */
type Emit = (f: FunctionEmitter, x: Vector) => void;

/** Elementary functions for a module: as functions, emitted on first use, or inlined. */
export class MathLibrary {
  private readonly indices = new Map<MathName, number>();

  constructor(
    private readonly module: ModuleEmitter,
    private readonly fma: boolean,
  ) {}

  /** Replaces the vector on the stack by the function's value; `pow` takes two vectors. */
  call(f: FunctionEmitter, name: MathName): void {
    let index = this.indices.get(name);
    if (index === undefined) this.indices.set(name, (index = this.define(name)));
    f.call(index);
  }

  /** The same bits as `call`, inlined and branch-free, so that V8's revectorizer can pair the surrounding code. */
  inline(f: FunctionEmitter, name: MathName): void {
    if (name === 'pow') return this.call(f, name);
    const x = f.local('v128');
    f.set(x);
    this.emitter(name, true)(f, x);
  }

  /** The instruction `f32x4.floor`, of which the revectorizer makes no pairs, by other instructions. */
  inlineFloor(f: FunctionEmitter): void {
    const [x, size, far, nearest] = f.vectors(4);
    f.set(x);
    f.get(x).op('f32x4.abs').set(size);
    // Numbers of 2^23 and more are whole. Others round to a whole number where this is added, and keep the sign of a zero.
    f.get(size)
      .splat(2 ** 23)
      .op('f32x4.lt')
      .splat(2 ** 23)
      .op('v128.and')
      .set(far);
    f.get(size).get(far).op('f32x4.add').get(far).op('f32x4.sub');
    f.get(x).splatInt(-0x80000000).op('v128.and', 'v128.or').set(nearest);
    f.get(nearest).get(x).get(nearest).op('f32x4.lt').splat(1).op('v128.and', 'f32x4.sub');
  }

  private define(name: MathName): number {
    const results = ['v128'] as const;
    if (name !== 'pow') return this.module.function({ parameters: ['v128'], results }, this.emitter(name, false));
    const [exp, log] = [this.use('exp', false), this.use('log', false)];
    return this.module.function({ parameters: ['v128', 'v128'], results }, (f, a, b) => emitPow(f, a, b, exp, log));
  }

  private emitter(name: Exclude<MathName, 'pow'>, inPlace: boolean): Emit {
    const { fma } = this;
    switch (name) {
      case 'exp':
        return (f, x) => emitExp(f, x, fma, inPlace);
      case 'log':
        return (f, x) => emitLog(f, x, fma, inPlace);
      case 'log_normal':
        return (f, x) => emitLogOfNormal(f, x, fma);
      case 'tanh':
        return (f, x) => emitTanh(f, x, fma);
      case 'expm1':
        return (f, x) => emitExpm1(f, x, this.use('exp', inPlace), fma);
      case 'log1p':
        return (f, x) => emitLog1p(f, x, this.use('log', inPlace));
      case 'erf':
        return (f, x) => emitErf(f, x, this.use('exp', inPlace), fma);
      case 'sin':
        return (f, x) => emitSine(f, x, 0, fma);
      case 'cos':
        return (f, x) => emitSine(f, x, 1, fma);
    }
  }

  /** How another function uses this one, on the vector on the stack. */
  private use(name: 'exp' | 'log', inPlace: boolean): (f: FunctionEmitter) => void {
    return (f) => (inPlace ? this.inline(f, name) : this.call(f, name));
  }
}

/**
 * Leaves the value of the polynomial (highest coefficient first) at local x on the stack. By Estrin's scheme: neighbouring terms are
 * joined in pairs, which need not wait for one another as the steps of Horner's do.
 */
function polynomial(f: FunctionEmitter, x: Vector, coefficients: readonly number[], fma: boolean): void {
  let terms = [...coefficients].reverse().map((c) => () => f.splat(c));
  for (let power = x; terms.length > 1;) {
    const joined = terms.flatMap((low, i) => {
      if (i % 2 === 1) return [];
      if (i + 1 === terms.length) return [low];
      const sum = f.local('v128');
      terms[i + 1]();
      multiplyAdd(f.get(power), low, fma);
      f.set(sum);
      return [() => f.get(sum)];
    });
    if (joined.length > 1) {
      const square = f.local('v128');
      f.get(power).get(power).op('f32x4.mul').set(square);
      power = square;
    }
    terms = joined;
  }
  terms[0]();
}

/** The same term by term, whose rounding the coefficients of `tanh` count on. */
function horner(f: FunctionEmitter, x: Vector, coefficients: readonly number[], fma: boolean): void {
  f.splat(coefficients[0]);
  for (const c of coefficients.slice(1)) multiplyAdd(f.get(x), () => f.splat(c), fma);
}

/** The product of the two values on the stack plus the one that `addend` leaves there. */
function multiplyAdd(f: FunctionEmitter, addend: () => void, fma: boolean): void {
  if (!fma) f.op('f32x4.mul');
  addend();
  f.op(fma ? 'f32x4.relaxed_madd' : 'f32x4.add');
}

/** Clamps the value on the stack, NaN stays; in this order of operands each of the two is a single x64 instruction. */
function clamp(f: FunctionEmitter, low: number, high: number): void {
  f.splat(low).op('f32x4.pmax').splat(high).op('f32x4.pmin');
}

const EXP = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1];

/** Where exp(x) and 2^(x / ln 2 rounded) are normal numbers. */
const EXP_NORMAL = 87;

/** Added to a number below 2^22 it rounds it to a whole one, which the low bits of the sum are. */
const ROUND = 1.5 * 2 ** 23;
const ROUND_BITS = 0x4b400000;

function emitExp(f: FunctionEmitter, x: Vector, fma: boolean, inPlace: boolean): void {
  const n = f.local('v128');
  const r = f.local('v128');
  const half = f.local('v128');
  /** Multiplies by 2^k; of k that `value` leaves, what is above the low bits does not count. */
  const power = (value: () => void): void => {
    value();
    f.i32(23).op('i32x4.shl').splatInt(0x3f800000).op('i32x4.add', 'f32x4.mul');
  };
  /** Leaves exp of local r on the stack without the factor 2^n, n being the low bits of that local. */
  const reduced = (): void => {
    f.get(r).splat(Math.LOG2E).op('f32x4.mul').splat(ROUND).op('f32x4.add').set(n);
    f.get(n).splat(ROUND).op('f32x4.sub').set(half);
    // r = x - n ln 2 in two parts (Cody and Waite).
    for (const part of [0.693359375, -2.1219444e-4]) {
      multiplyAdd(f.get(half).splat(-part), () => f.get(r), fma);
      f.set(r);
    }
    polynomial(f, r, EXP, fma);
    multiplyAdd(f.get(r).get(r).op('f32x4.mul'), () => f.get(r), fma);
    f.splat(1).op('f32x4.add');
  };
  /** The same for any number. */
  const whole = (): void => {
    // Beyond these the result is 0 or infinity.
    f.get(x);
    clamp(f, -104, 89);
    f.set(r);
    reduced();
    // times 2^n in two halves, so that denormal results and infinity come out right.
    f.get(n).splatInt(ROUND_BITS).op('i32x4.sub').tee(n).i32(1).op('i32x4.shr_s').set(half);
    power(() => f.get(half));
    power(() => f.get(n).get(half).op('i32x4.sub'));
  };
  if (inPlace) return whole();
  const result = f.local('v128');
  f.get(x).op('f32x4.abs').splat(EXP_NORMAL).op('f32x4.ge', 'v128.any_true');
  f.if(
    () => {
      whole();
      f.set(result);
    },
    () => {
      f.get(x).set(r);
      reduced();
      power(() => f.get(n));
      f.set(result);
    },
  );
  f.get(result);
}

/** |a|^b = exp(b log |a|), with the sign of a where b is odd, and NaN for a negative a and a b that is not whole. */
function emitPow(
  f: FunctionEmitter,
  a: Vector,
  b: Vector,
  exp: (f: FunctionEmitter) => void,
  log: (f: FunctionEmitter) => void,
): void {
  const power = f.local('v128');
  const half = f.local('v128');
  log(f.get(a).op('f32x4.abs'));
  exp(f.get(b).op('f32x4.mul'));
  f.set(power);
  // 1 where b is 0, as 0 * log 0 is not a number.
  f.splat(1).get(power).get(b).splat(0).op('f32x4.eq', 'v128.bitselect').set(power);
  f.get(b).splat(0.5).op('f32x4.mul').set(half);
  f.get(power).op('f32x4.neg').get(power);
  f.get(half).get(half).op('f32x4.floor', 'f32x4.ne', 'v128.bitselect').splat(NaN);
  f.get(b).get(b).op('f32x4.floor', 'f32x4.eq', 'v128.bitselect');
  f.get(power).get(a).splat(0).op('f32x4.lt', 'v128.bitselect');
}

const LOG = [
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
  -2.4999993993e-1, 3.3333331174e-1,
]; // prettier-ignore

export const SMALLEST_NORMAL = 2 ** -126;
const LARGEST = (2 - 2 ** -23) * 2 ** 127;
/** Bits of sqrt(0.5). */
const SQRT_HALF_BITS = 0x3f3504f3;

/** Leaves the logarithm of positive normal numbers on the stack. `scale` subtracts k from e, on the stack, for numbers times 2^k. */
function emitFiniteLog(f: FunctionEmitter, x: Vector, fma: boolean, scale?: () => void): void {
  const [e, m, z, low] = f.vectors(4);
  // x = 2^e (1 + m) with 1 + m in [sqrt(0.5), sqrt(2)).
  f.get(x).splatInt(SQRT_HALF_BITS).op('i32x4.sub').set(m);
  f.get(m).i32(23).op('i32x4.shr_s', 'f32x4.convert_i32x4_s');
  scale?.();
  f.set(e);
  f.get(m).splatInt(0x007fffff).op('v128.and').splatInt(SQRT_HALF_BITS).op('i32x4.add').splat(1).op('f32x4.sub').set(m);
  f.get(m).get(m).op('f32x4.mul').set(z);
  polynomial(f, m, LOG, fma);
  f.get(m).get(z).op('f32x4.mul', 'f32x4.mul').set(low);
  for (const [factor, value] of [
    [e, -2.1219444e-4],
    [z, -0.5],
  ] as const) {
    multiplyAdd(f.get(factor).splat(value), () => f.get(low), fma);
    f.set(low);
  }
  f.get(m).get(low).op('f32x4.add').set(low);
  multiplyAdd(f.get(e).splat(0.693359375), () => f.get(low), fma);
}

/** Adds to the value on the stack what infinity and NaN in local x have to add. */
const addBeyondFinite = (f: FunctionEmitter, x: Vector): FunctionEmitter =>
  f.get(x).get(x).splat(Infinity).op('f32x4.lt', 'v128.andnot', 'f32x4.add');

function emitLogOfNormal(f: FunctionEmitter, x: Vector, fma: boolean): void {
  emitFiniteLog(f, x, fma);
  addBeyondFinite(f, x);
}

function emitLog(f: FunctionEmitter, x: Vector, fma: boolean, inPlace: boolean): void {
  const ofAny = (): void => {
    // Denormals are scaled by 2^23 first.
    const [scaled, isLow] = [f.local('v128'), f.local('v128')];
    f.get(x).splat(SMALLEST_NORMAL).op('f32x4.lt').set(isLow);
    f.get(x).get(isLow).splat(2 ** 23 - 1).op('v128.and').splat(1).op('f32x4.add', 'f32x4.mul').set(scaled); // prettier-ignore
    emitFiniteLog(f, scaled, fma, () => f.splat(23).get(isLow).op('v128.and', 'f32x4.sub'));
    // log 0 = -inf, log inf = inf, log of a negative number or NaN = NaN.
    f.get(x).splat(0).op('f32x4.eq').splat(-Infinity).op('v128.and', 'f32x4.add');
    addBeyondFinite(f, x).get(x).splat(0).op('f32x4.lt', 'v128.or');
  };
  if (inPlace) return ofAny();
  const result = f.local('v128');
  f.get(x).get(x);
  clamp(f, SMALLEST_NORMAL, LARGEST);
  f.op('f32x4.ne', 'v128.any_true');
  f.if(
    () => {
      ofAny();
      f.set(result);
    },
    () => {
      emitFiniteLog(f, x, fma);
      f.set(result);
    },
  );
  f.get(result);
}

/** Odd numerator and even denominator of a rational approximation, as in Eigen's `ptanh`; highest power first. */
const TANH_ABOVE = [
  -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5,
  6.37261928875436e-4, 4.89352455891786e-3,
]; // prettier-ignore
const TANH_BELOW = [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3];
/** Beyond these the quotient is 1 to the last bit, with fused multiply-adds and without (Eigen's limits). */
const TANH_LIMITS = { fused: 7.99881172180175781, plain: 7.90531110763549805 };

function emitTanh(f: FunctionEmitter, argument: Vector, fma: boolean): void {
  const x = f.local('v128');
  const z = f.local('v128');
  f.get(argument);
  const limit = fma ? TANH_LIMITS.fused : TANH_LIMITS.plain;
  clamp(f, -limit, limit);
  f.set(x);
  f.get(x).get(x).op('f32x4.mul').set(z);
  f.get(argument);
  horner(f, z, TANH_ABOVE, fma);
  f.get(x).op('f32x4.mul');
  horner(f, z, TANH_BELOW, fma);
  f.op('f32x4.div');
  // Near 0 the function is x to the last bit.
  f.get(argument).op('f32x4.abs').splat(4e-4).op('f32x4.lt', 'v128.bitselect');
}

function emitExpm1(f: FunctionEmitter, x: Vector, exp: (f: FunctionEmitter) => void, fma: boolean): void {
  // Taylor's series to x^8 near 0, where exp(x) - 1 would cancel.
  polynomial(f, x, [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1], fma);
  f.get(x).op('f32x4.mul');
  exp(f.get(x));
  f.splat(1).op('f32x4.sub');
  f.get(x).op('f32x4.abs').splat(0.5).op('f32x4.lt', 'v128.bitselect');
}

function emitLog1p(f: FunctionEmitter, x: Vector, log: (f: FunctionEmitter) => void): void {
  // Kahan: log(u) x / (u - 1) with u = 1 + x as rounded; x itself where u is 1, and log(u) where u is infinite.
  const u = f.local('v128');
  const l = f.local('v128');
  f.get(x).splat(1).op('f32x4.add').set(u);
  log(f.get(u));
  f.set(l);
  f.get(x).get(l).get(x).op('f32x4.mul').get(u).splat(1).op('f32x4.sub', 'f32x4.div');
  f.get(u).splat(1).op('f32x4.eq', 'v128.bitselect').set(u);
  f.get(l).get(u).get(x).splat(1e30).op('f32x4.gt', 'v128.bitselect').set(u);
  f.splat(-Infinity).get(u).get(x).splat(-1).op('f32x4.eq', 'v128.bitselect');
}

const ERF = [7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710]; // prettier-ignore
/** Abramowitz and Stegun 7.1.26: erfc to 1.5e-7, used where erf is at least 0.84. */
const ERFC = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];

function emitErf(f: FunctionEmitter, x: Vector, exp: (f: FunctionEmitter) => void, fma: boolean): void {
  const a = f.local('v128');
  const z = f.local('v128');
  const t = f.local('v128');
  f.get(x).op('f32x4.abs').set(a);
  f.get(x).get(x).op('f32x4.mul').set(z);
  f.splat(1).get(a).splat(0.3275911).op('f32x4.mul').splat(1).op('f32x4.add', 'f32x4.div').set(t);
  polynomial(f, z, ERF, fma);
  f.get(x).op('f32x4.mul');
  f.splat(1);
  polynomial(f, t, ERFC, fma);
  exp(f.get(t).op('f32x4.mul').get(z).op('f32x4.neg'));
  f.op('f32x4.mul', 'f32x4.sub');
  f.get(x).splatInt(-0x80000000).op('v128.and', 'v128.or');
  f.get(a).splat(1).op('f32x4.lt', 'v128.bitselect').set(a);
  f.get(x).get(a).get(x).get(x).op('f32x4.ne', 'v128.bitselect');
}

/** sin (phase 0) and cos (phase 1) for |x| up to about 8192: reduction by pi/2 in three parts. */
function emitSine(f: FunctionEmitter, x: Vector, phase: 0 | 1, fma: boolean): void {
  const n = f.local('v128');
  const r = f.local('v128');
  const z = f.local('v128');
  const q = f.local('v128');
  f.get(x)
    .splat(2 / Math.PI)
    .op('f32x4.mul')
    .splat(ROUND)
    .op('f32x4.add')
    .set(q);
  f.get(q).splat(ROUND).op('f32x4.sub').set(n);
  f.get(x).set(r);
  for (const part of [1.5703125, 4.837512969970703125e-4, 7.549789948768648e-8]) {
    multiplyAdd(f.get(n).splat(-part), () => f.get(r), fma);
    f.set(r);
  }
  if (phase === 1) f.get(q).splatInt(1).op('i32x4.add').set(q);
  f.get(r).get(r).op('f32x4.mul').set(z);
  // cos for odd quadrants, sin for even ones
  polynomial(f, z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2], fma);
  f.get(z).get(z).op('f32x4.mul', 'f32x4.mul').get(z).splat(0.5).op('f32x4.mul', 'f32x4.sub').splat(1).op('f32x4.add');
  polynomial(f, z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1], fma);
  f.get(z).op('f32x4.mul').get(r).op('f32x4.mul').get(r).op('f32x4.add');
  f.get(q).splatInt(1).op('v128.and').splatInt(1).op('i32x4.eq', 'v128.bitselect');
  // quadrants 2 and 3 are negative
  f.get(q).splatInt(2).op('v128.and').i32(30).op('i32x4.shl', 'v128.xor');
}
