/** A queue of whole numbers, each in it at most once; the least comes first. */
export class PositionQueue {
  /** A heap: each number is at most those at twice its index plus 1 and plus 2. */
  private readonly heap: number[];
  private readonly held: Set<number>;

  constructor(positions: readonly number[]) {
    this.heap = [...positions].sort((a, b) => a - b);
    this.held = new Set(positions);
  }

  add(position: number): void {
    if (this.held.has(position)) return;
    this.held.add(position);
    const { heap } = this;
    let at = heap.push(position) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && heap[parent] > position; parent = (at - 1) >> 1) {
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = position;
  }

  /** Removes and returns the least number. */
  take(): number | undefined {
    const { heap } = this;
    const least = heap.at(0);
    const last = heap.pop();
    if (least === undefined || last === undefined) return undefined;
    this.held.delete(least);
    if (heap.length === 0) return least;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= last) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return least;
  }
}
