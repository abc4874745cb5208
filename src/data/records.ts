/** Samples in a temporary file, one record each. */
import { ReadAhead } from './cache/read-ahead.js';
import type { ScratchFile } from './cache/scratch-file.js';

/** Record layout: bytes, or float32 except for entries that are only 0 or 1, which take a bit each. */
export type RecordLayout =
  | { readonly dtype: 'u8'; readonly width: number }
  | { readonly dtype: 'f32'; readonly width: number; readonly isFlag?: (entry: number) => boolean };

/** The bits of 1 in float32. */
const ONE = 0x3f800000;
/** Bytes per read. */
const AT_ONCE = 2 ** 20;

/** The records `rows` of bytes, as `read` gives them. */
export function bytesIn(records: Records, rows: Int32Array): Uint8Array {
  const values = records.read(rows);
  if (values instanceof Uint8Array) return values;
  throw new Error('the records are not bytes');
}

export class Records {
  /** Shape of a record. */
  readonly width: number;
  readonly dtype: 'u8' | 'f32';
  /** Number of records. */
  count = 0;
  /** Bytes per record: float32 first, then words of 32 flags. */
  private readonly size: number;
  /** Which of the numbers are float32, and which are flags. */
  private readonly floats: Int32Array;
  private readonly flags: Int32Array;
  private readonly isPacked: boolean;
  private bytes = new Uint8Array(0);
  private numbers = new Float32Array(0);
  private ahead: ReadAhead | undefined;

  constructor(
    private readonly file: ScratchFile,
    layout: RecordLayout,
  ) {
    const { width, dtype } = layout;
    [this.width, this.dtype] = [width, dtype];
    const isFlag = layout.dtype === 'f32' ? layout.isFlag : undefined;
    const entries = Int32Array.from({ length: width }, (_, entry) => entry);
    this.floats = entries.filter((entry) => isFlag?.(entry) !== true);
    this.flags = entries.filter((entry) => isFlag?.(entry) === true);
    this.isPacked = this.flags.length > 0;
    this.size = dtype === 'u8' ? width : 4 * (this.floats.length + Math.ceil(this.flags.length / 32));
  }

  /** Records per read when all are read. */
  get atOnce(): number {
    return Math.max(1, Math.floor(AT_ONCE / this.size));
  }

  /** Writes consecutive records from `first` on. */
  write(first: number, values: Uint8Array | Float32Array): void {
    const count = values.length / this.width;
    const bytes =
      this.isPacked && values instanceof Float32Array
        ? this.packed(values, count)
        : new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.file.write(bytes, first * this.size);
    this.count = Math.max(this.count, first + count);
  }

  /** Announces that samples will be read in batches of `batchSize`, in this order: sample i is record all[order[i]]. */
  expect(order: Int32Array, all: Int32Array, batchSize: number): void {
    this.ahead ??= new ReadAhead(this.file.descriptor, this.size, this.count);
    this.ahead.expect(order, all, batchSize);
  }

  /** The records `rows`, concatenated, valid until the next call. */
  read(rows: Int32Array): Uint8Array | Float32Array {
    const bytes = this.ahead?.take(rows) ?? this.readNow(rows);
    if (this.dtype === 'u8') return bytes;
    return this.isPacked
      ? this.unpacked(bytes, rows.length)
      : new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  /** The raw records: equal numbers have equal bits. */
  readBits(rows: Int32Array): Uint8Array | Uint32Array {
    const bytes = this.readNow(rows);
    return this.dtype === 'u8' ? bytes : new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  close(): void {
    this.ahead?.close();
    this.file.close();
  }

  private readNow(rows: Int32Array): Uint8Array {
    const { size } = this;
    const length = rows.length * size;
    if (this.bytes.length < length) this.bytes = new Uint8Array(length);
    for (let i = 0; i < rows.length;) {
      // Adjacent records are read together.
      let end = i + 1;
      while (end < rows.length && rows[end] === rows[end - 1] + 1) end++;
      this.file.read(this.bytes, i * size, (end - i) * size, rows[i] * size);
      i = end;
    }
    return this.bytes.subarray(0, length);
  }

  private packed(values: Float32Array, count: number): Uint8Array {
    const { width, size, floats, flags } = this;
    const numbers = new Float32Array((count * size) / 4);
    const words = new Uint32Array(numbers.buffer);
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < count; i++) {
      const from = i * width;
      let to = (i * size) / 4;
      for (let k = 0; k < floats.length; k++) numbers[to++] = values[from + floats[k]];
      for (let k = 0; k < flags.length; k++) {
        const value = bits[from + flags[k]];
        if (value === 0) continue;
        if (value !== ONE) throw new Error(`entry ${flags[k]} is ${values[from + flags[k]]}, expected 0 or 1`);
        words[to + (k >>> 5)] |= 1 << (k & 31);
      }
    }
    return new Uint8Array(numbers.buffer);
  }

  private unpacked(bytes: Uint8Array, count: number): Float32Array {
    const { width, size, floats, flags } = this;
    if (this.numbers.length < count * width) this.numbers = new Float32Array(count * width);
    const { numbers } = this;
    const packed = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    numbers.fill(0, 0, count * width);
    for (let i = 0; i < count; i++) {
      const to = i * width;
      let from = (i * size) / 4;
      for (let k = 0; k < floats.length; k++) numbers[to + floats[k]] = packed[from++];
      for (let first = 0; first < flags.length; first += 32) {
        // Visits set bits only: one per categorical column.
        for (let word = words[from++]; word !== 0;) {
          const bit = 31 - Math.clz32(word);
          numbers[to + flags[first + bit]] = 1;
          word ^= 1 << bit;
        }
      }
    }
    return numbers.length === count * width ? numbers : numbers.subarray(0, count * width);
  }
}
