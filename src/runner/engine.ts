/** Which tensor engine a run computes with. */
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

export interface EngineOptions {
  readonly backend: keyof typeof backends;
  readonly threads: number;
  /** Whether 3x3 convolutions may be computed by Winograd's algorithm. */
  readonly winograd: boolean;
}

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
