/** A backend for tests of scheduling: no kernel has a stage of its own or needs memory beside its results. */
import { type Node, sizeOf } from '../../../src/tensor/index.js';
import type { BackendTraits } from '../../../src/tensor/compiler/target.js';

export const plainBackend: BackendTraits = {
  bytes: (node: Node) => 4 * sizeOf(node.shape),
  workspace: () => 0,
  preparation: () => undefined,
};
