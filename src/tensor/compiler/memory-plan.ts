/** Places buffers with known lifetimes in one arena: buffers that are never live together share memory. */

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

/** Largest buffers first, each at the lowest address that is free for its whole lifetime. */
export function planMemory<K>(lifetimes: readonly Lifetime<K>[]): { offsets: Map<K, number>; bytes: number } {
  const offsets = new Map<K, number>();
  const arena = new Arena();
  let bytes = 0;
  for (const life of [...lifetimes].sort((a, b) => b.bytes - a.bytes)) {
    const size = alignedBytes(life.bytes);
    const at = arena.lowestFree(life, size);
    offsets.set(life.key, at);
    arena.add({ from: at, to: at + size, first: life.first, last: life.last });
    bytes = Math.max(bytes, at + size);
  }
  return { offsets, bytes };
}

type Life = Pick<Lifetime<never>, 'first' | 'last'>;

/** Phases of a span of time, and those of a life that is short: most are, and meet only what lives in the same few spans. */
const [SPAN, SHORT] = [8, 32];

const isShort = ({ first, last }: Life): boolean => last - first < SHORT;
const spanOf = (phase: number): number => Math.floor(phase / SPAN);

/** What has been placed, by address. */
class Arena {
  private readonly all: Placed[] = [];
  private readonly long: Placed[] = [];
  /** Those of short lives by the spans that they live in. */
  private readonly bySpan = new Map<number, Placed[]>();

  add(placed: Placed): void {
    insert(this.all, placed);
    if (!isShort(placed)) return insert(this.long, placed);
    for (let span = spanOf(placed.first); span <= spanOf(placed.last); span++) {
      const others = this.bySpan.get(span);
      if (others === undefined) this.bySpan.set(span, [placed]);
      else insert(others, placed);
    }
  }

  /** The lowest address at which `size` bytes are free for a whole lifetime. */
  lowestFree(life: Life, size: number): number {
    if (!isShort(life)) return lowestBetween(this.all, [], life, size);
    const near = new Set<Placed>();
    for (let span = spanOf(life.first); span <= spanOf(life.last); span++)
      for (const placed of this.bySpan.get(span) ?? []) near.add(placed);
    return lowestBetween([...near].sort((a, b) => a.from - b.from), this.long, life, size); // prettier-ignore
  }
}

/** Of two lists by address. */
function lowestBetween(some: readonly Placed[], others: readonly Placed[], life: Life, size: number): number {
  let at = 0;
  for (let i = 0, j = 0; i < some.length || j < others.length;) {
    const isFirst = j === others.length || (i < some.length && some[i].from <= others[j].from);
    const p = isFirst ? some[i++] : others[j++];
    if (p.first > life.last || life.first > p.last) continue;
    if (at + size <= p.from) break;
    at = Math.max(at, p.to);
  }
  return at;
}

/** Inserts by address. */
function insert(list: Placed[], placed: Placed): void {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].from >= placed.from) high = middle;
    else low = middle + 1;
  }
  list.splice(low, 0, placed);
}
