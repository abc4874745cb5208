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

/** Largest buffers first, each at the lowest address that is free for its whole life. */
export function planMemory<K>(lifetimes: readonly Lifetime<K>[]): { offsets: Map<K, number>; bytes: number } {
  const offsets = new Map<K, number>();
  const placed: { from: number; to: number; first: number; last: number }[] = [];
  let bytes = 0;
  for (const life of [...lifetimes].sort((a, b) => b.bytes - a.bytes)) {
    const size = alignedBytes(life.bytes);
    const neighbours = placed
      .filter((p) => p.first <= life.last && life.first <= p.last)
      .sort((a, b) => a.from - b.from);
    let at = 0;
    for (const p of neighbours) {
      if (at + size <= p.from) break;
      at = Math.max(at, p.to);
    }
    offsets.set(life.key, at);
    placed.push({ from: at, to: at + size, first: life.first, last: life.last });
    bytes = Math.max(bytes, at + size);
  }
  return { offsets, bytes };
}
