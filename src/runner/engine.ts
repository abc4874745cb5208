/** Which tensor engine a run computes with. */
import { availableParallelism } from 'node:os';
import {
  type Backend,
  type Heap,
  portableBackend,
  referenceBackend,
  type Session,
  wasmBackend,
} from '../tensor/index.js';
import type { EngineProvenance } from '../runs/index.js';

const backends = {
  auto: wasmBackend,
  wasm: wasmBackend,
  'wasm-portable': portableBackend,
  reference: referenceBackend,
} satisfies Record<string, Backend>;

export type BackendName = keyof typeof backends;
export const backendNames = Object.keys(backends) as readonly BackendName[];

export interface EngineOptions {
  readonly backend: BackendName;
  readonly threads: number;
  /** Whether 3x3 convolutions may be computed by Winograd's algorithm. */
  readonly winograd: boolean;
}

/** Far more than a machine has cores, and few enough to start. */
export const MAX_THREADS = 256;

/** One thread a core, at most 8. */
export const defaultThreads = (): number => Math.min(8, availableParallelism());

export const defaultEngine = (): EngineOptions => ({ backend: 'auto', threads: defaultThreads(), winograd: true });

/** `heap` is memory that the session takes over. */
export const openEngine = ({ backend, threads, winograd }: EngineOptions, heap?: Heap): Session =>
  backends[backend].open({ threads, winograd, heap });

/** The engine as it stands in provenance.json. */
export const engineProvenance = ({ backend, threads, winograd }: EngineOptions): EngineProvenance => ({
  backend: backend === 'auto' ? 'wasm' : backend,
  threads,
  winograd,
});

/** Whether two engines compute the same bits; the number of threads does not change them. */
export const computesSameBits = (a: EngineProvenance, b: EngineProvenance): boolean =>
  a.backend === b.backend && a.winograd === b.winograd;
