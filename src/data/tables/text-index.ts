/** The different texts of a column, looked up by their UTF-8 bytes: no string is made of a text that has been met before. */

export class TextIndex {
  /** How many there are; their codes are 0 to size - 1, in the order of first appearance. */
  size = 0;
  /** Code + 1 by hash, 0 where nothing is: open addressing, never more than half full. */
  private slots = new Int32Array(64);
  private hashes = new Int32Array(32);
  private ends = new Int32Array(32);
  private bytes = new Uint8Array(256);

  /** The code of the text, or -1 where it has not been met. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const code = this.slots[slot] - 1;
      if (code < 0 || (this.hashes[code] === hash && this.isText(code, bytes, start, end))) return code;
    }
  }

  /** Takes in a text that `find` does not know; its code. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const code = this.size++;
    if (code === this.ends.length) {
      this.ends = grown(this.ends, new Int32Array(2 * code));
      this.hashes = grown(this.hashes, new Int32Array(2 * code));
    }
    const from = this.startOf(code);
    const to = from + end - start;
    if (to > this.bytes.length) this.bytes = grown(this.bytes, new Uint8Array(2 * to));
    this.bytes.set(bytes.subarray(start, end), from);
    this.ends[code] = to;
    this.hashes[code] = hashOf(bytes, start, end);
    if (2 * this.size > this.slots.length) {
      this.slots = new Int32Array(2 * this.slots.length);
      for (let known = 0; known < code; known++) this.place(known);
    }
    this.place(code);
    return code;
  }

  /** All texts by code. */
  texts(): string[] {
    const all = Buffer.from(this.bytes.buffer);
    return Array.from({ length: this.size }, (_, code) => all.toString('utf8', this.startOf(code), this.ends[code]));
  }

  private startOf(code: number): number {
    return code === 0 ? 0 : this.ends[code - 1];
  }

  private isText(code: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.startOf(code);
    if (this.ends[code] - from !== end - start) return false;
    for (let i = start; i < end; i++) if (this.bytes[from + i - start] !== bytes[i]) return false;
    return true;
  }

  private place(code: number): void {
    const mask = this.slots.length - 1;
    let slot = this.hashes[code] & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = code + 1;
  }
}

/** FNV-1a, its high bits folded into the low ones. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash ^ (hash >>> 15);
}

function grown<A extends Int32Array | Uint8Array>(old: A, larger: A): A {
  larger.set(old);
  return larger;
}
