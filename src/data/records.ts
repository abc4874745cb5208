/** Samples in a temporary file: a record of float32 numbers for each. */
import type { ScratchFile } from './scratch-file.js';

export class Records {
  private buffer = new Float32Array(0);
  private bytes = new Uint8Array(0);

  /** `width` is the count of a record's numbers. */
  constructor(
    private readonly file: ScratchFile,
    readonly width: number,
  ) {}

  /** Writes records that follow each other from `first` on. */
  write(first: number, values: Float32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.file.write(bytes, first * this.width * values.BYTES_PER_ELEMENT);
  }

  /** The records `rows`, one after the other, in memory that the next call of as many or more uses again. */
  read(rows: Int32Array): Float32Array {
    const { width } = this;
    const length = rows.length * width;
    if (this.buffer.length < length) {
      this.buffer = new Float32Array(length);
      this.bytes = new Uint8Array(this.buffer.buffer);
    }
    const size = width * this.buffer.BYTES_PER_ELEMENT;
    for (let i = 0; i < rows.length;) {
      // What lies together is read together.
      let end = i + 1;
      while (end < rows.length && rows[end] === rows[end - 1] + 1) end++;
      this.file.read(this.bytes, i * size, (end - i) * size, rows[i] * size);
      i = end;
    }
    return this.buffer.length === length ? this.buffer : this.buffer.subarray(0, length);
  }

  close(): void {
    this.file.close();
  }
}
