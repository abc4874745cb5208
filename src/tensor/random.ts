/**
 * Counter-based random numbers: a value is a pure function of (key, counter), so nothing depends on threads, batch order or
 * where a resume began. The graph's `random_bits`, every backend and the host's shuffles all use this one generator.
 */

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
/** Skein key-schedule parity, low word (Salmon et al. 2011). */
export const THREEFRY_PARITY = 0x1bd11bda;
export const THREEFRY_ROUNDS = 20;

/** Rotation of round `round` (0-based). */
export const threefryRotation = (round: number): number => ROTATIONS[round % 8];

/**
 * Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011).
 * All arguments and both results are unsigned 32-bit integers.
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): [number, number] {
  const values = new Uint32Array(2);
  threefryInto(values, 0, key0, key1, counter0, counter1);
  return [values[0], values[1]];
}

/** Writes both words to `out` from index `at`, without allocating. */
function threefryInto(
  out: Uint32Array,
  at: number,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): void {
  // The key words in their turn.
  let a = key1;
  let b = key0 ^ key1 ^ THREEFRY_PARITY;
  let c = key0;
  let x0 = (counter0 + key0) | 0;
  let x1 = (counter1 + key1) | 0;
  // Four rounds at a time, with `ROTATIONS` written out, which makes them twice as fast.
  for (let s = 1; s <= THREEFRY_ROUNDS / 4; s++) {
    if ((s & 1) === 1) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    }
    x0 = (x0 + a) | 0;
    x1 = (x1 + b + s) | 0;
    const next = a;
    a = b;
    b = c;
    c = next;
  }
  out[at] = x0;
  out[at + 1] = x1;
}

/** A 32-bit FNV-1a hash of a stream's name: streams are named, not numbered. */
export function streamId(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash ^= name.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** The two key words of (seed, stream). `seed` is a non-negative integer up to 2^53. */
export function streamKey(seed: number, stream: string): [number, number] {
  return threefry2x32(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, streamId(stream), 0);
}

/** Counters that a `HostRandom` evaluates at once. */
const BLOCK = 64;

/** A sequence of random numbers for host code (shuffles, splits, initial weights), fixed by (seed, stream). */
export class HostRandom {
  private counter = 0;
  private readonly block = new Uint32Array(2 * BLOCK);
  private next = 2 * BLOCK;

  constructor(private readonly key: readonly [number, number]) {}

  /** A uniform unsigned 32-bit integer. */
  bits(): number {
    if (this.next === this.block.length) {
      const [key0, key1] = this.key;
      for (let i = 0; i < BLOCK; i++, this.counter++)
        threefryInto(this.block, 2 * i, key0, key1, this.counter >>> 0, Math.floor(this.counter / 2 ** 32));
      this.next = 0;
    }
    return this.block[this.next++];
  }

  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number {
    return this.bits() / 2 ** 32;
  }

  /** Uniform integer in [0, n), free of modulo bias (rejection). `n` is at most 2^32. */
  below(n: number): number {
    if (!(n >= 1 && n <= 2 ** 32)) throw new RangeError(`no whole number below ${n}`);
    const limit = Math.floor(2 ** 32 / n) * n;
    for (;;) {
      const value = this.bits();
      // value % n, which is slow beyond 31 bits; the quotient is far enough from the next whole number to be exact.
      if (value < limit) return value - Math.floor(value / n) * n;
    }
  }

  /** Standard normal (Box and Muller 1958). */
  normal(): number {
    const u = (this.bits() + 0.5) / 2 ** 32;
    const v = this.bits() / 2 ** 32;
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  }

  /** A uniform permutation of 0..n-1 (Fisher and Yates). */
  permutation(n: number): Int32Array {
    const order = new Int32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const t = order[i];
      order[i] = order[j];
      order[j] = t;
    }
    return order;
  }
}

export function hostRandom(seed: number, stream: string): HostRandom {
  return new HostRandom(streamKey(seed, stream));
}
