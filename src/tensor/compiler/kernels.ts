/** From a graph to kernels: forms one for each node that has a buffer, fuses and joins them, and puts them in order. */
import type { Node } from '../graph.js';
import { KernelFormer } from './form.js';
import { fuse, type MakeBuilder } from './fuse.js';
import { joinSiblings } from './join.js';
import type { Kernel } from './kernel.js';
import { KernelGraph } from './kernel-graph.js';

/** The kernels that compute `results`, in an order in which every buffer is written before it is read. */
export function planKernels(results: readonly Node[]): Kernel[] {
  const former = new KernelFormer(results);
  const graph = new KernelGraph(former.form());
  const builder: MakeBuilder = (...args) => former.builder(...args);
  fuse(graph, builder);
  joinSiblings(graph, builder);
  return sortKernels(withoutUnread(graph, new Set(results)));
}

/** The kernels without the outputs that nothing else reads: these need not be stored. */
function withoutUnread(graph: KernelGraph, results: ReadonlySet<Node>): Kernel[] {
  return graph.kernels.map((kernel) => {
    // A loop reads its own carried values.
    if (kernel.kind === 'repeat') return kernel;
    const keep = kernel.outputs.map((o) => results.has(o) || [...graph.readersOf(o)].some((k) => k !== kernel));
    return {
      ...kernel,
      expressions: kernel.expressions.filter((_, i) => keep[i]),
      outputs: kernel.outputs.filter((_, i) => keep[i]),
    };
  });
}

/** Kernels in topological order. */
function sortKernels(kernels: readonly Kernel[]): Kernel[] {
  const producer = new Map<Node, Kernel>();
  for (const k of kernels) for (const o of k.outputs) producer.set(o, k);
  return sortByDependencies(kernels, (kernel) =>
    [...kernel.reads].flatMap((read) => producer.get(read) ?? []).filter((source) => source !== kernel),
  );
}

/** A stable topological sort: each item after all that it needs. Throws on a cycle. */
export function sortByDependencies<T>(items: readonly T[], needs: (item: T) => readonly T[]): T[] {
  const sorted: T[] = [];
  const state = new Map<T, 'open' | 'done'>();
  for (const start of items) {
    if (state.has(start)) continue;
    const stack = [{ item: start, needed: needs(start), next: 0 }];
    state.set(start, 'open');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (top.next === top.needed.length) {
        state.set(top.item, 'done');
        sorted.push(top.item);
        stack.pop();
        continue;
      }
      const item = top.needed[top.next++];
      if (state.get(item) === 'open') throw new Error('internal: kernels depend on each other in a cycle');
      if (state.has(item)) continue;
      state.set(item, 'open');
      stack.push({ item, needed: needs(item), next: 0 });
    }
  }
  return sorted;
}
