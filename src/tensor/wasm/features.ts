/**
 * What this engine and CPU can do, found by validating a few bytes: relaxed SIMD (fused multiply-add) and 256-bit pairing of
 * 128-bit operations. V8 flags are set before the first module is compiled, and only those that the version has.
 */
import { setFlagsFromString } from 'node:v8';
import { ModuleEmitter } from './assembler.js';

export interface Features {
  /** `f32x4.relaxed_madd` exists and is a fused multiply-add on this CPU. */
  readonly fma: boolean;
  /** V8's revectorizer turns neighbouring pairs of 128-bit operations into 256-bit ones. */
  readonly wide: boolean;
  /**
   * The CPU itself has 256-bit multiply-adds, whether or not this version of V8 uses them. Algorithms that round differently
   * are chosen by this, so that every version of Node chooses the same and computes the same bits.
   */
  readonly avx2: boolean;
  /** 3x3 convolutions use Winograd's algorithm where that is faster. */
  readonly winograd: boolean;
}

export const PORTABLE: Features = { fma: false, wide: false, avx2: false, winograd: false };

type Probed = Omit<Features, 'winograd'>;
let probed: Probed | undefined;

/** The machine's features; sets V8's flags on first use. */
export function probeFeatures(): Probed {
  if (probed) return probed;
  const major = Number(process.versions.node.split('.')[0]);
  // Node 20 has relaxed SIMD behind a flag; from 22 on it is on by default. The revectorizer pays from 24 on (x64 with AVX2).
  if (major < 22) setFlagsFromString('--experimental-wasm-relaxed-simd');
  const isX64 = process.arch === 'x64';
  const wide = major >= 24 && isX64;
  if (wide) setFlagsFromString('--experimental-wasm-revectorize');
  const fma = hasFusedMultiplyAdd();
  // The x64 CPUs that fuse are those with AVX2.
  probed = { fma, wide: wide && fma, avx2: isX64 && fma };
  return probed;
}

/** Resets the flags that `probeFeatures` set for 256-bit pairs. */
export function withoutPairs(): void {
  setFlagsFromString('--no-experimental-wasm-revectorize');
}

/** Runs one relaxed multiply-add whose rounding tells whether it was fused: (1 + e)(1 - e) - 1 is -e^2 only then. */
function hasFusedMultiplyAdd(): boolean {
  const module = new ModuleEmitter();
  module.function({ parameters: ['f32', 'f32', 'f32'], results: ['f32'], export: 'madd' }, (f, x, y, z) => {
    f.get(x).op('f32x4.splat').get(y).op('f32x4.splat').get(z).op('f32x4.splat', 'f32x4.relaxed_madd');
    f.lane('f32x4.extract_lane', 0);
  });
  const bytes = module.bytes(false);
  if (!WebAssembly.validate(bytes)) return false;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  const { madd } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports;
  const e = 2 ** -13;
  return (madd as (a: number, b: number, c: number) => number)(1 + e, 1 - e, -1) === -(e * e);
}

/** Rows and vectors (of four columns) of the matrix tile whose accumulators fit the register allocator. */
export function tileSize(features: Features): { rows: number; vectors: number } {
  return features.wide ? { rows: 6, vectors: 4 } : { rows: 4, vectors: 2 };
}

/**
 * Rows of a tile of this many vectors: as many accumulators as a full tile has, since fewer wait for each other's multiply-adds
 * (some four cycles each, two begun in every cycle).
 */
export function tileRows(features: Features, vectors: number): number {
  const { rows, vectors: most } = tileSize(features);
  const registers = (count: number): number => (features.wide ? Math.ceil(count / 2) : count);
  return Math.floor((rows * registers(most)) / registers(Math.min(vectors, most)));
}
