/** Samples in a temporary file: a record of numbers for each. */
import type { ScratchFile } from './scratch-file.js';

const ARRAYS = { u8: Uint8Array, f32: Float32Array };
/** Bytes that are read together. */
const AT_ONCE = 2 ** 20;

/** The records `rows` of bytes, as `read` gives them. */
export function bytesIn(records: Records, rows: Int32Array): Uint8Array {
  const values = records.read(rows);
  if (values instanceof Uint8Array) return values;
  throw new Error('the records are no bytes');
}

export class Records {
  /** How many there are. */
  count = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private numbers: Uint8Array | Float32Array = this.bytes;

  /** `width` is the count of a record's numbers. */
  constructor(
    private readonly file: ScratchFile,
    readonly width: number,
    readonly dtype: 'u8' | 'f32',
  ) {}

  /** Bytes of a record. */
  private get size(): number {
    return this.width * ARRAYS[this.dtype].BYTES_PER_ELEMENT;
  }

  /** So many are read together where all are wanted. */
  get atOnce(): number {
    return Math.max(1, Math.floor(AT_ONCE / this.size));
  }

  /** Writes records that follow each other from `first` on. */
  write(first: number, values: Uint8Array | Float32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.file.write(bytes, first * this.size);
    this.count = Math.max(this.count, first + values.length / this.width);
  }

  /** The records `rows`, one after the other, in memory that the next call of as many or more uses again. */
  read(rows: Int32Array): Uint8Array | Float32Array {
    const { width, size } = this;
    const length = rows.length * width;
    if (this.numbers.length < length) {
      this.numbers = new ARRAYS[this.dtype](length);
      this.bytes = new Uint8Array(this.numbers.buffer);
    }
    for (let i = 0; i < rows.length;) {
      // What lies together is read together.
      let end = i + 1;
      while (end < rows.length && rows[end] === rows[end - 1] + 1) end++;
      this.file.read(this.bytes, i * size, (end - i) * size, rows[i] * size);
      i = end;
    }
    return this.numbers.length === length ? this.numbers : this.numbers.subarray(0, length);
  }

  close(): void {
    this.file.close();
  }
}
