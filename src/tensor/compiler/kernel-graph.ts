/** Kernels as a graph: which fill and which read each buffer, and whether two kernels can be merged without a cycle. */
import type { Node } from '../graph.js';
import type { Kernel } from './kernel.js';

/** A kernel's place in a topological order. */
interface OrderEntry {
  label: number;
  previous: OrderEntry | undefined;
  next: OrderEntry | undefined;
}

/** Kernels that have to move out of the way of a merge: after the second kernel, or before the first. */
export interface Detour {
  readonly kernels: readonly Kernel[];
  readonly side: 'before' | 'after';
}

export class KernelGraph {
  private readonly producers = new Map<Node, Kernel>();
  private readonly readers = new Map<Node, Set<Kernel>>();
  private readonly positions = new Map<Kernel, number>();
  private readonly byPosition: (Kernel | undefined)[];
  private readonly places = new Map<Kernel, OrderEntry>();
  private first: OrderEntry | undefined;

  /** `kernels` are in topological order. */
  constructor(kernels: readonly Kernel[]) {
    this.byPosition = [...kernels];
    let last: OrderEntry | undefined;
    kernels.forEach((kernel, i) => {
      this.positions.set(kernel, i);
      this.connect(kernel);
      const place: OrderEntry = { label: i, previous: last, next: undefined };
      if (last === undefined) this.first = place;
      else last.next = place;
      this.places.set(kernel, place);
      last = place;
    });
  }

  /** The kernels by their positions in the list. */
  get kernels(): Kernel[] {
    return this.byPosition.filter((kernel) => kernel !== undefined);
  }

  at(position: number): Kernel | undefined {
    return this.byPosition[position];
  }

  positionOf(kernel: Kernel): number {
    return found(this.positions.get(kernel));
  }

  /** The kernels that fill what `kernel` reads, by position. */
  producersOf(kernel: Kernel): Kernel[] {
    return [...this.before(kernel)].sort((a, b) => this.positionOf(a) - this.positionOf(b));
  }

  /** The kernels that read a buffer. */
  readersOf(node: Node): ReadonlySet<Kernel> {
    return this.readers.get(node) ?? NONE;
  }

  private connect(kernel: Kernel): void {
    for (const output of kernel.outputs) this.producers.set(output, kernel);
    for (const read of kernel.reads) {
      const readers = this.readers.get(read);
      if (readers === undefined) this.readers.set(read, new Set([kernel]));
      else readers.add(kernel);
    }
  }

  private before(kernel: Kernel): Set<Kernel> {
    const kernels = new Set<Kernel>();
    for (const read of kernel.reads) {
      const producer = this.producers.get(read);
      if (producer !== undefined && producer !== kernel) kernels.add(producer);
    }
    return kernels;
  }

  private behind(kernel: Kernel): Set<Kernel> {
    const kernels = new Set<Kernel>();
    for (const output of kernel.outputs)
      for (const reader of this.readersOf(output)) if (reader !== kernel) kernels.add(reader);
    return kernels;
  }

  private placeOf(kernel: Kernel): OrderEntry {
    return found(this.places.get(kernel));
  }

  /** Whether a kernel comes before another in the order, and so cannot depend on it. */
  isBefore(a: Kernel, b: Kernel): boolean {
    return this.placeOf(a).label < this.placeOf(b).label;
  }

  /**
   * What has to move when `first` and the later `second` are merged. Undefined if the second depends on the first through a third
   * kernel, so that merging would make a cycle.
   *
   * Searches from both ends at once, only among the kernels between the two: usually one end is exhausted at once.
   */
  detour(first: Kernel, second: Kernel): Detour | undefined {
    const [low, high] = [this.placeOf(first).label, this.placeOf(second).label];
    const isBetween = (kernel: Kernel): boolean => {
      const { label } = this.placeOf(kernel);
      return label > low && label < high;
    };
    const forward = new Search((kernel) => [...this.behind(kernel)].filter(isBetween), first);
    const backward = new Search((kernel) => [...this.before(kernel)].filter(isBetween), second);
    for (;;) {
      if (forward.isDone) return { kernels: this.inOrder(forward.found), side: 'after' };
      if (forward.step().some((kernel) => backward.found.has(kernel))) return undefined;
      if (backward.isDone) return { kernels: this.inOrder(backward.found), side: 'before' };
      if (backward.step().some((kernel) => forward.found.has(kernel))) return undefined;
    }
  }

  private inOrder(kernels: ReadonlySet<Kernel>): Kernel[] {
    return [...kernels].sort((a, b) => this.placeOf(a).label - this.placeOf(b).label);
  }

  /** Replaces two kernels, in the order they were asked about, by one at the position of `heir`, one of them. */
  replace(first: Kernel, second: Kernel, merged: Kernel, { kernels, side }: Detour, heir: Kernel): void {
    const [kept, left] = side === 'after' ? [second, first] : [first, second];
    let anchor = this.placeOf(kept);
    for (const kernel of side === 'after' ? kernels : [...kernels].reverse()) {
      const place = this.placeOf(kernel);
      this.unlink(place);
      this.link(place, anchor, side);
      anchor = place;
    }
    this.unlink(this.placeOf(left));
    this.places.set(merged, this.placeOf(kept));
    const position = this.positionOf(heir);
    for (const kernel of [first, second]) {
      this.byPosition[this.positionOf(kernel)] = undefined;
      for (const read of kernel.reads) this.readers.get(read)?.delete(kernel);
      this.places.delete(kernel);
      this.positions.delete(kernel);
    }
    this.byPosition[position] = merged;
    this.positions.set(merged, position);
    this.connect(merged);
  }

  private unlink(place: OrderEntry): void {
    if (place.previous === undefined) this.first = place.next;
    else place.previous.next = place.next;
    if (place.next !== undefined) place.next.previous = place.previous;
  }

  /** Puts a place next to another. */
  private link(place: OrderEntry, anchor: OrderEntry, side: Detour['side']): void {
    const [previous, next] = side === 'after' ? [anchor, anchor.next] : [anchor.previous, anchor];
    const from = previous?.label ?? found(next).label - 2;
    const to = next?.label ?? from + 2;
    place.label = (from + to) / 2;
    [place.previous, place.next] = [previous, next];
    if (previous === undefined) this.first = place;
    else previous.next = place;
    if (next !== undefined) next.previous = place;
    // Floating-point numbers between two others run out.
    if (place.label === from || place.label === to) this.relabel();
  }

  private relabel(): void {
    let label = 0;
    for (let place = this.first; place !== undefined; place = place.next) place.label = label++;
  }
}

const NONE: ReadonlySet<Kernel> = new Set();

/** Breadth-first search, one kernel per step. */
class Search {
  readonly found = new Set<Kernel>();
  private readonly queue: Kernel[];
  private done = 0;

  constructor(
    private readonly neighbours: (kernel: Kernel) => Kernel[],
    start: Kernel,
  ) {
    this.queue = [start];
  }

  get isDone(): boolean {
    return this.done === this.queue.length;
  }

  /** The newly found neighbours of the next kernel in the queue. */
  step(): Kernel[] {
    const fresh = this.neighbours(this.queue[this.done++]).filter((kernel) => !this.found.has(kernel));
    for (const kernel of fresh) {
      this.found.add(kernel);
      this.queue.push(kernel);
    }
    return fresh;
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('internal: a kernel is not in its graph');
  return value;
}
