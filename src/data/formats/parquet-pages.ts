/**
 * Validates the pages of a Parquet column before hyparquet sees them, and unpacks them: their headers (Thrift, compact
 * protocol) say how many values and bytes follow, the run lengths in them how often a value is repeated, and damaged ones may say
 * billions.
 */

/** A column chunk as described by the footer. */
export interface ColumnChunk {
  readonly bytes: Buffer;
  /** Rows of its row group: a column that is not nested has one value for each. */
  readonly rows: number;
  /** Whether values may be missing: pages then begin with a level for each value. */
  readonly optional: boolean;
  /** Unpacks to the promised length; undefined if the chunk is not compressed. */
  readonly unpack: ((bytes: Uint8Array, length: number) => Uint8Array) | undefined;
}

/** A defect in the pages. */
export class PageFault extends Error {
  override readonly name = 'PageFault';
}

/** A page unpacked to more than this is damaged; writers make pages of about a megabyte. */
const MOST_PAGE_BYTES = 2 ** 28;
/** Runs are padded to whole groups of 8 values, by some writers to 64 groups. */
const MOST_PADDING = 512;

/** Encodings by their numbers in the format. */
const RLE = 3;
const DICTIONARIES = [2, 8];
const DELTAS = [5, 6, 7];

/** The compressed pages of a chunk, unpacked, in order. Throws PageFault if they contradict the footer. */
export function unpackPages(chunk: ColumnChunk): Uint8Array[] {
  const { bytes, rows } = chunk;
  const pages: Uint8Array[] = [];
  const reader = new CompactReader(bytes);
  for (let values = 0; values < rows;) {
    if (reader.at >= bytes.length) throw new PageFault(`the pages have ${values} values, for ${rows} rows`);
    const header = within(() => reader.struct());
    const size = numberIn(header, 3);
    if (!(size >= 0) || reader.at + size > bytes.length) throw new PageFault('a page extends beyond its column');
    const page = bytes.subarray(reader.at, reader.at + size);
    reader.at += size;
    values += within(() => checkPage(chunk, header, page, pages));
  }
  return pages;
}

/** Reading beyond the end means damage. */
function within<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new PageFault('a page is truncated or damaged');
    throw error;
  }
}

/** Checks a page and appends its unpacked content; returns its number of values. */
function checkPage({ rows, optional, unpack }: ColumnChunk, header: Thrift, page: Buffer, pages: Uint8Array[]): number {
  const length = numberIn(header, 2);
  if (!(length >= 0) || length > MOST_PAGE_BYTES) throw new PageFault(`a page claims to unpack to ${length} bytes`);
  const [data, dictionary, dataV2] = [structIn(header, 5), structIn(header, 7), structIn(header, 8)];
  const inside = data ?? dictionary ?? dataV2;
  if (inside === undefined) throw new PageFault('a page of unknown type');
  const count = numberIn(inside, 1);
  if (!(count >= 0) || count > rows) throw new PageFault(`a page claims ${count} values in ${rows} rows`);
  const unpacked = (packed: Buffer, to: number): Buffer => {
    if (unpack === undefined) return packed;
    const content = unpack(packed, to);
    pages.push(content);
    return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  };
  if (dataV2 !== undefined) {
    const [nulls, levels, repeats] = [numberIn(dataV2, 2), numberIn(dataV2, 5), numberIn(dataV2, 6)];
    const start = levels + repeats;
    if (!(levels >= 0 && repeats >= 0 && start <= page.length && start <= length && nulls >= 0 && nulls <= count)) {
      throw new PageFault('a page header is inconsistent');
    }
    if (optional) checkRuns(page.subarray(repeats, start), 1, count);
    const rest = page.subarray(start);
    const isPacked = dataV2.get(7) !== 0;
    checkValues(isPacked ? unpacked(rest, length - start) : rest, numberIn(dataV2, 4), count);
    return count;
  }
  const content = unpacked(page, length);
  if (data === undefined) return 0;
  let start = 0;
  if (optional) {
    start = 4 + content.readUInt32LE(0);
    checkRuns(content.subarray(4, start), 1, count);
  }
  checkValues(content.subarray(start), numberIn(data, 2), count);
  return count;
}

function checkValues(content: Buffer, encoding: number, count: number): void {
  if (content.length === 0) return;
  if (DICTIONARIES.includes(encoding)) checkRuns(content.subarray(1), content[0], count);
  // Booleans; some writers put a length before the runs and some do not.
  else if (encoding === RLE) [0, 4].forEach((start) => checkRuns(content.subarray(start), 1, count));
  else if (DELTAS.includes(encoding)) {
    const reader = new CompactReader(content);
    const [block, parts] = [reader.varint(), reader.varint()];
    if (block > 2 ** 20 || parts > 2 ** 12) throw new PageFault(`blocks of ${block} values in ${parts} parts`);
  }
}

/** Checks that no run of the RLE and bit-packing hybrid gives more than `count` values. */
function checkRuns(bytes: Buffer, width: number, count: number): void {
  if (width > 32) throw new PageFault(`values of ${width} bits`);
  const reader = new CompactReader(bytes);
  for (let seen = 0; seen < count && reader.at < bytes.length;) {
    const run = reader.varint();
    const isPacked = run % 2 === 1;
    const values = isPacked ? 8 * ((run - 1) / 2) : run / 2;
    if (values > count - seen + MOST_PADDING)
      throw new PageFault(`a run of ${values} values, where ${count} are expected`);
    reader.at += isPacked ? (values / 8) * width : Math.ceil(width / 8);
    seen += values;
  }
}

type Thrift = Map<number, ThriftField>;
type ThriftField = number | Thrift | undefined;

const structIn = (fields: Thrift, id: number): Thrift | undefined => {
  const value = fields.get(id);
  return value instanceof Map ? value : undefined;
};

const numberIn = (fields: Thrift, id: number): number => {
  const value = fields.get(id);
  return typeof value === 'number' ? value : NaN;
};

/** Reads structs: integers and nested structs are kept, everything else is skipped. Throws RangeError at the end. */
class CompactReader {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  struct(depth = 0): Thrift {
    if (depth > 8) throw new RangeError('nested too deep');
    const fields: Thrift = new Map();
    for (let id = 0; ;) {
      const head = this.byte();
      if (head === 0) return fields;
      id = head >> 4 === 0 ? this.whole() : id + (head >> 4);
      fields.set(id, this.value(head & 15, depth));
    }
  }

  private value(type: number, depth: number): ThriftField {
    switch (type) {
      case 1:
      case 2:
        return type === 1 ? 1 : 0;
      case 3:
        return this.byte();
      case 4:
      case 5:
      case 6:
        return this.whole();
      case 7:
        return this.skip(8);
      case 8:
        return this.skip(this.varint());
      case 9: {
        const head = this.byte();
        const size = head >> 4 === 15 ? this.varint() : head >> 4;
        for (let i = 0; i < size; i++) this.value(Math.max(3, head & 15), depth);
        return undefined;
      }
      case 12:
        return this.struct(depth + 1);
      default:
        throw new RangeError(`no type ${type}`);
    }
  }

  private byte(): number {
    return this.bytes.readUInt8(this.at++);
  }

  private skip(length: number): undefined {
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError('beyond the end');
  }

  /** Unsigned LEB128; inexact beyond 2^53, which only damaged files have. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 56) throw new RangeError('endless number');
    }
  }

  /** Zigzag: 0, -1, 1, -2, ... */
  private whole(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
