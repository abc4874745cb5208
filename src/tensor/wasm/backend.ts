/** The wasm backends: one uses everything this machine supports, the other only what all machines do. */
import type { Backend, SessionOptions } from '../backend.js';
import { type Features, PORTABLE, probeFeatures } from './features.js';
import { checkedFeatures } from './revectorizer-check.js';
import { WasmSession } from './session.js';

export interface WasmBackend extends Backend {
  open(options: SessionOptions): WasmSession;
}

let checked: Omit<Features, 'winograd'> | undefined;

/** Relaxed SIMD and V8 flags where this engine has them and they have been seen to compute right. */
export const wasmBackend: WasmBackend = {
  name: 'wasm',
  open: ({ threads, winograd = true, heap, runsPerRead }) => {
    checked ??= checkedFeatures(probeFeatures(), (features) => new WasmSession({ ...features, winograd: false }, 1));
    return new WasmSession({ ...checked, winograd }, threads, heap, runsPerRead);
  },
};

/** Plain SIMD, no V8 flags: the same bits on every machine. */
export const portableBackend: WasmBackend = {
  name: 'wasm-portable',
  open: ({ threads, heap, runsPerRead }) => new WasmSession(PORTABLE, threads, heap, runsPerRead),
};
