/** Joins loops over the same elements that read a common tensor, such as the updates of a weight and of its moments. */
import type { Node } from '../graph.js';
import { sameShape, sizeOf } from '../shape.js';
import { type MakeBuilder, MOST_OUTPUTS } from './fuse.js';
import { type Kernel, type LoopKernel, readsOf } from './kernel.js';
import type { KernelGraph } from './kernel-graph.js';

/** Failed attempts per loop: among many dependent loops, trying all pairs would take too long. */
const MOST_REFUSALS = 64;

const isFullSize = (read: Node, loop: Kernel): boolean => sizeOf(read.shape) === sizeOf(loop.shape);

/** Every loop absorbs later ones in the list, the nearest first. */
export function joinSiblings(graph: KernelGraph, builder: MakeBuilder): void {
  const loops = graph.kernels.filter((kernel) => kernel.kind === 'loop');
  const candidates = new Map<Node, LoopKernel[]>();
  for (const loop of loops) {
    for (const read of loop.reads) {
      if (!isFullSize(read, loop)) continue;
      const others = candidates.get(read);
      if (others === undefined) candidates.set(read, [loop]);
      else others.push(loop);
    }
  }
  const positions = new Map(loops.map((loop) => [loop, graph.positionOf(loop)]));
  const positionOf = (loop: LoopKernel): number => positions.get(loop) ?? 0;

  /** The first remaining loop after `position` that reads a full-size tensor which `loop` also reads. */
  const nextSibling = (loop: LoopKernel, position: number): LoopKernel | undefined => {
    let nearest: LoopKernel | undefined;
    for (const read of loop.reads) {
      if (!isFullSize(read, loop)) continue;
      const others = candidates.get(read) ?? [];
      for (let i = firstBehind(others, position, positionOf); i < others.length; i++) {
        const other = others[i];
        if (nearest !== undefined && positionOf(other) >= positionOf(nearest)) break;
        if (graph.at(positionOf(other)) === other && sameShape(other.shape, loop.shape)) nearest = other;
      }
    }
    return nearest;
  };

  for (const start of loops) {
    const own = positionOf(start);
    if (graph.at(own) !== start) continue;
    let loop = start;
    let refusals = 0;
    for (let other = nextSibling(loop, own); other !== undefined; other = nextSibling(loop, positionOf(other))) {
      const joined = join(loop, other, graph, builder);
      if (joined !== undefined) loop = joined;
      else if (++refusals === MOST_REFUSALS) break;
      if (loop.outputs.length === MOST_OUTPUTS) break;
    }
  }
}

/** The index of the first loop of a list after a position. */
function firstBehind(loops: readonly LoopKernel[], position: number, positionOf: (loop: LoopKernel) => number): number {
  let [from, to] = [0, loops.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (positionOf(loops[middle]) > position) to = middle;
    else from = middle + 1;
  }
  return from;
}

function join(a: LoopKernel, b: LoopKernel, graph: KernelGraph, makeBuilder: MakeBuilder): LoopKernel | undefined {
  if (a.outputs.length + b.outputs.length > MOST_OUTPUTS) return undefined;
  const [first, second] = graph.isBefore(a, b) ? [a, b] : [b, a];
  if (first.outputs.some((o) => second.reads.has(o))) return undefined;
  const detour = graph.detour(first, second);
  if (detour === undefined) return undefined;
  const outputs = [...a.outputs, ...b.outputs];
  // Rebuilt, so that common subexpressions are shared.
  const builder = makeBuilder(a.shape, undefined, new Set(outputs));
  const expressions = outputs.map((o) => builder.define(o));
  const joined: LoopKernel = { ...a, outputs, expressions, reads: readsOf(expressions) };
  graph.replace(first, second, joined, detour, a);
  return joined;
}
