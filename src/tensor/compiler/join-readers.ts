/** Brings kernels that read the same large tensors into one phase, where they can take turns: see `interleave` of the backend. */
import type { Node } from '../graph.js';
import type { Kernel } from './kernel.js';
import type { Stage, BackendTraits } from './target.js';

/** Tensors of fewer bytes stay in the cache anyway. */
const LARGE = 2 ** 20;

/** The large tensors that a kernel reads, of those that go through memory in its order. */
export function largeReads(kernel: Kernel | undefined, bytes: (node: Node) => number): Node[] {
  if (kernel?.kind !== 'loop' && kernel?.kind !== 'reduce') return [];
  return [...kernel.reads].filter((node) => bytes(node) >= LARGE);
}

/**
 * Moves kernels that may run later to a level on which another one reads the same large tensors. `after` lists what must run
 * after each kernel. No tensor lives longer than before.
 */
export function joinReaders(
  stages: readonly Stage[],
  after: ReadonlyMap<Kernel, ReadonlySet<Kernel>>,
  { bytes }: Pick<BackendTraits, 'bytes'>,
): void {
  const last = stages.reduce((most, s) => Math.max(most, s.level), -1);
  const readers = stages
    .map((stage) => ({ stage, reads: largeReads(stage.kernel, bytes) }))
    .filter((r) => r.reads.length > 0);
  const byNode = new Map<Node, typeof readers>();
  for (const reader of readers) {
    for (const node of reader.reads) {
      const others = byNode.get(node);
      if (others === undefined) byNode.set(node, [reader]);
      else others.push(reader);
    }
  }
  // Its predecessors depend on the kernel's first stage, its successors on the whole kernel.
  const firstLevels = new Map<Kernel, Stage>();
  for (const stage of stages) if (!firstLevels.has(stage.kernel)) firstLevels.set(stage.kernel, stage);
  for (const { stage, reads } of readers) {
    const company = (byNode.get(reads[0]) ?? []).filter(
      (r) => r.stage !== stage && reads.every((node) => r.reads.includes(node)),
    );
    if (company.length === 0) continue;
    let latest = last;
    for (const kernel of after.get(stage.kernel) ?? [])
      latest = Math.min(latest, (firstLevels.get(kernel)?.level ?? 0) - 1);
    const levels = company.map((r) => r.stage.level).filter((level) => level >= stage.level && level <= latest);
    if (levels.length > 0) stage.level = levels.reduce((a, b) => Math.min(a, b));
  }
}
