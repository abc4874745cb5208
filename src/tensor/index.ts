/** The tensor engine's public face: graph building, differentiation and backends. It knows nothing of layers, files or YAML. */
export * from './shape.js';
export { type DType, type Node, type NodeOf, type Op, type ConvAttrs, type PoolAttrs, type Window, multiplyAddsOf, ShapeError, topologicalOrder, withScope } from './graph.js'; // prettier-ignore
export * from './primitives/index.js';
export * from './random.js';
export { grad, GRADIENT_SUFFIX } from './grad.js';
export * from './backend.js';
export { referenceBackend, evaluate } from './reference/backend.js';
export { portableBackend, wasmBackend } from './wasm/backend.js';
export { Heap, MemoryLimitError, MemoryRefusedError } from './wasm/heap.js';
export { ThreadError } from './wasm/thread-pool.js';
