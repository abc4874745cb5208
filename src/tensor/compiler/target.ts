/** What scheduling asks the backend, and the steps in which a kernel is done. */
import type { Node } from '../graph.js';
import type { Kernel, RepeatKernel } from './kernel.js';

/** Properties of the backend. */
export interface BackendTraits {
  /** Bytes of a node's buffer. */
  bytes(node: Node): number;
  /** Bytes of workspace that a kernel needs while it runs. */
  workspace(kernel: Exclude<Kernel, RepeatKernel>): number;
  /** The buffers that a first stage of a kernel's own reads; undefined for a kernel that is done in one. */
  preparation(kernel: Kernel): readonly Node[] | undefined;
}

/** A step of a kernel: stages run in separate phases, numbered by level. */
export interface Stage {
  readonly kernel: Kernel;
  level: number;
}
