/** Encodes bytes in WebAssembly's binary format. */

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of a number as a float, as a signed word. */
export function float32Bits(value: number): number {
  scratch.setFloat32(0, value, true);
  return scratch.getInt32(0, true);
}

/** A growing run of bytes. */
export class ByteWriter {
  private buffer = new Uint8Array(256);
  private length = 0;

  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  byte(value: number): this {
    if (this.length === this.buffer.length) this.grow(this.length + 1);
    this.buffer[this.length++] = value;
    return this;
  }

  append(bytes: ArrayLike<number>): this {
    const end = this.length + bytes.length;
    if (end > this.buffer.length) this.grow(end);
    this.buffer.set(bytes, this.length);
    this.length = end;
    return this;
  }

  private grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    grown.set(this.buffer);
    this.buffer = grown;
  }

  /** Unsigned LEB128. */
  unsigned(value: number): this {
    if (value < 0) throw new RangeError(`internal: ${value} is not an unsigned number`);
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed(value: number): this {
    let rest = value | 0;
    // Bit 6 of the last byte is the sign.
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  float32(value: number): this {
    scratch.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.byte(scratch.getUint8(i));
    return this;
  }

  /** A vector: the number of items, then the items. */
  vector(items: readonly Uint8Array[]): this {
    this.unsigned(items.length);
    for (const item of items) this.append(item);
    return this;
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.unsigned(bytes.length).append(bytes);
  }
}
