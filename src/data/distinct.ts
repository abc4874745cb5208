/**
 * Counts distinct numbers with small hash tables: values are first partitioned by their hash, so that each table fits the
 * CPU cache. Several times faster than sorting.
 */

/** Numbers are partitioned by the upper bits of their hash. */
const PART_BITS = 8;
/** With fewer values than this a single table fits. */
const FEW = 2 ** 14;
/** Initial slots of a table; a power of two. */
const FIRST_SLOTS = 2 ** 12;
/** The upper half of -0; the lower one is 0. */
const SIGN = 0x80000000;

/** The number of distinct `values`, none of them NaN; 0 and -0 are equal. */
export function countDistinct(values: Float64Array): number {
  const count = values.length;
  const apart = new Float64Array(count);
  const ends = new Int32Array(count < FEW ? 1 : 1 << PART_BITS);
  if (ends.length === 1) {
    apart.set(values);
    ends[0] = count;
  } else scatter(values, apart, ends);
  const table = new DistinctTable();
  let distinct = 0;
  ends.forEach((end, part) => (distinct += table.count(apart, part === 0 ? 0 : ends[part - 1], end)));
  return distinct;
}

/** Partitions `values` into `apart`; returns the end of each part. */
function scatter(values: Float64Array, apart: Float64Array, ends: Int32Array): void {
  const halves = halvesOf(values);
  const parts = new Uint8Array(values.length);
  for (let i = 0; i < parts.length; i++) {
    parts[i] = hashOf(halves[2 * i], halves[2 * i + 1]) >>> (32 - PART_BITS);
    ends[parts[i]]++;
  }
  let end = 0;
  for (let part = 0; part < ends.length; part++) {
    end += ends[part];
    ends[part] = end - ends[part];
  }
  for (let i = 0; i < parts.length; i++) apart[ends[parts[i]]++] = values[i];
}

const halvesOf = ({ buffer, byteOffset, length }: Float64Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, 2 * length);

/** Hash of the two halves of a float64: both through the finalizer of MurmurHash3 (Appleby 2011). */
function hashOf(low: number, high: number): number {
  let h = low ^ (low === 0 && high === SIGN ? 0 : Math.imul(high, 0x9e3779b1));
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Open addressing with linear probing; NaN marks an empty slot. */
class DistinctTable {
  private slots: Float64Array = new Float64Array(FIRST_SLOTS);

  /** The number of distinct `values` from `start` to `end`. */
  count(values: Float64Array, start: number, end: number): number {
    const halves = halvesOf(values);
    let { slots } = this;
    slots.fill(NaN);
    let size = 0;
    for (let i = start; i < end; i++) {
      const value = values[i];
      const mask = slots.length - 1;
      let slot = hashOf(halves[2 * i], halves[2 * i + 1]) & mask;
      while (slots[slot] !== value && !Number.isNaN(slots[slot])) slot = (slot + 1) & mask;
      if (slots[slot] === value) continue;
      slots[slot] = value;
      if (2 * ++size > slots.length) slots = this.grown();
    }
    return size;
  }

  private grown(): Float64Array {
    const old = this.slots;
    const halves = halvesOf(old);
    const slots = new Float64Array(2 * old.length).fill(NaN);
    const mask = slots.length - 1;
    for (let i = 0; i < old.length; i++) {
      if (Number.isNaN(old[i])) continue;
      let slot = hashOf(halves[2 * i], halves[2 * i + 1]) & mask;
      while (!Number.isNaN(slots[slot])) slot = (slot + 1) & mask;
      slots[slot] = old[i];
    }
    return (this.slots = slots);
  }
}
