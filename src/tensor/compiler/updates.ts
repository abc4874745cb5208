/** Where updates of state go: usually straight into the input's buffer, as the kernel that computes them is its last reader. */
import type { Node } from '../graph.js';
import { accessesOf } from './expression.js';
import { isAligned, type Kernel, operandsOf } from './kernel.js';

export interface Placement {
  /** The values that a kernel writes straight into the buffers of these inputs. */
  readonly inPlace: ReadonlyMap<Node, Node>;
  /** Updates that need a copy at the end. */
  readonly copied: readonly (readonly [Node, Node])[];
  /** For each kernel those that must come after it: readers of its results, and writers of what it reads. */
  readonly after: ReadonlyMap<Kernel, ReadonlySet<Kernel>>;
}

export function placeUpdates(kernels: readonly Kernel[], updates: readonly (readonly [Node, Node])[]): Placement {
  const inPlace = new Map<Node, Node>();
  const copied: (readonly [Node, Node])[] = [];
  const taken = new Set<Node>();
  const producers = new Map<Node, Kernel>();
  for (const k of kernels) for (const o of k.outputs) producers.set(o, k);
  const readers = readersOf(kernels);
  const after = readersOfResults(kernels, producers);
  const updatesOf = new Map<Node, number>();
  for (const [target] of updates) updatesOf.set(target, (updatesOf.get(target) ?? 0) + 1);
  for (const [target, value] of updates) {
    const writer = producers.get(value);
    const alone = !taken.has(value) && updatesOf.get(target) === 1;
    if (writer && alone && !inPlace.has(value) && readsOnlyHere(writer, target)) {
      const others = (readers.get(target) ?? []).filter((k) => k !== writer);
      // All readers of the old value must run before the writer, so none of them may depend on it.
      if (!comesBefore(writer, new Set(others), after)) {
        inPlace.set(value, target);
        for (const reader of others) after.get(reader)?.add(writer);
      }
    }
    taken.add(value);
    if (inPlace.get(value) !== target && target !== value) copied.push([target, value]);
  }
  return { inPlace, copied, after };
}

function readersOf(kernels: readonly Kernel[]): Map<Node, Kernel[]> {
  const readers = new Map<Node, Kernel[]>();
  for (const kernel of kernels) {
    for (const node of kernel.reads) {
      const others = readers.get(node);
      if (others === undefined) readers.set(node, [kernel]);
      else others.push(kernel);
    }
  }
  return readers;
}

function readersOfResults(kernels: readonly Kernel[], producers: ReadonlyMap<Node, Kernel>): Map<Kernel, Set<Kernel>> {
  const after = new Map<Kernel, Set<Kernel>>(kernels.map((k) => [k, new Set()]));
  for (const kernel of kernels) {
    for (const read of kernel.reads) {
      const producer = producers.get(read);
      if (producer && producer !== kernel) after.get(producer)?.add(kernel);
    }
  }
  return after;
}

/** Whether `kernel` must run before one of `others`, according to `after`. */
function comesBefore(kernel: Kernel, others: ReadonlySet<Kernel>, after: Placement['after']): boolean {
  if (others.size === 0) return false;
  const seen = new Set([kernel]);
  const stack = [kernel];
  for (let next = stack.pop(); next; next = stack.pop()) {
    for (const follower of after.get(next) ?? []) {
      if (others.has(follower)) return true;
      if (seen.has(follower)) continue;
      seen.add(follower);
      stack.push(follower);
    }
  }
  return false;
}

/** Whether a kernel reads `input` only at the element that it is about to write. */
function readsOnlyHere(kernel: Kernel, input: Node): boolean {
  switch (kernel.kind) {
    case 'regions':
    case 'scatter':
    case 'pool':
    case 'repeat':
      return false;
    case 'reduce':
      if (accessesOf([kernel.input]).some((a) => a.buffer === input)) return false;
      break;
    case 'loop':
    case 'matmul':
    case 'conv':
    case 'argmax':
      if (operandsOf(kernel).some((o) => o.buffer === input)) return false;
  }
  return accessesOf(kernel.expressions).every((a) => a.buffer !== input || isAligned(a, kernel.shape));
}
