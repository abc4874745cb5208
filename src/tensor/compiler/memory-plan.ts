/** Places buffers with known lifetimes in one arena, so that those never alive together share memory. */

export interface Lifetime<K> {
  readonly key: K;
  readonly bytes: number;
  /** First and last phase in which the buffer is in use. */
  readonly first: number;
  readonly last: number;
}

/** Bytes that a buffer occupies: whole cache lines, and one more so that vectors may read past its end. */
export const alignedBytes = (bytes: number): number => Math.ceil(bytes / 64) * 64 + 64;

interface Placed {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly last: number;
}

/** Largest buffers first, each at the lowest address that is free for its whole life. */
export function planMemory<K>(lifetimes: readonly Lifetime<K>[]): { offsets: Map<K, number>; bytes: number } {
  const offsets = new Map<K, number>();
  /** By address. */
  const placed: Placed[] = [];
  let bytes = 0;
  for (const life of [...lifetimes].sort((a, b) => b.bytes - a.bytes)) {
    const size = alignedBytes(life.bytes);
    let at = 0;
    for (const p of placed) {
      if (p.first > life.last || life.first > p.last) continue;
      if (at + size <= p.from) break;
      at = Math.max(at, p.to);
    }
    offsets.set(life.key, at);
    placed.splice(firstFrom(placed, at), 0, { from: at, to: at + size, first: life.first, last: life.last });
    bytes = Math.max(bytes, at + size);
  }
  return { offsets, bytes };
}

/** The index of the first buffer at an address or behind it. */
function firstFrom(placed: readonly Placed[], address: number): number {
  let [low, high] = [0, placed.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (placed[middle].from >= address) high = middle;
    else low = middle + 1;
  }
  return low;
}
