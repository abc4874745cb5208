/**
 * Checks what the pages of a Parquet column promise before hyparquet believes it: their headers (Thrift, compact protocol) say how
 * many values and bytes follow, and a damaged one may say billions.
 */

/** Of a column chunk as the footer has it. */
export interface ChunkClaim {
  readonly bytes: Buffer;
  /** Rows of its row group: a column that is not nested has a value for each. */
  readonly rows: number;
}

/** A page unpacked to more than this is damaged; writers make pages of about a megabyte. */
const MOST_PAGE_BYTES = 2 ** 28;

/** Says what is wrong with the pages of a column chunk; undefined where they keep to what the footer says. */
export function pageFault({ bytes, rows }: ChunkClaim): string | undefined {
  let values = 0;
  try {
    const reader = new CompactReader(bytes);
    while (values < rows && reader.at < bytes.length) {
      const header = reader.struct();
      const size = numberIn(header, 3);
      const unpacked = numberIn(header, 2);
      if (!(size >= 0) || reader.at + size > bytes.length) return 'a page reaches beyond its column';
      if (!(unpacked >= 0) || unpacked > MOST_PAGE_BYTES) return `a page says that it unpacks to ${unpacked} bytes`;
      const [data, dictionary, dataV2] = [header.get(5), header.get(7), header.get(8)];
      const inside = [data, dictionary, dataV2].find((part) => part instanceof Map);
      const count = inside instanceof Map ? numberIn(inside, 1) : 0;
      if (!(count >= 0) || count > rows) return `a page says that it has ${count} values, in ${rows} rows`;
      if (dataV2 instanceof Map) {
        const levels = [numberIn(dataV2, 5), numberIn(dataV2, 6)];
        const nulls = numberIn(dataV2, 2);
        if (levels.some((length) => !(length >= 0 && length <= size)) || !(nulls >= 0 && nulls <= count)) {
          return 'a page header contradicts itself';
        }
      }
      if (inside !== dictionary) values += count;
      reader.at += size;
    }
  } catch (error) {
    if (error instanceof RangeError) return 'a page header is cut off or damaged';
    throw error;
  }
  return values === rows ? undefined : `the pages have ${values} values, for ${rows} rows`;
}

type Thrift = Map<number, Field>;
type Field = number | Thrift | undefined;

const numberIn = (fields: Thrift, id: number): number => {
  const value = fields.get(id);
  return typeof value === 'number' ? value : NaN;
};

/** Reads structs: whole numbers and structs in them are kept, all else is passed over. Throws RangeError at the end. */
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

  private value(type: number, depth: number): Field {
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

  /** Unsigned LEB128; beyond 2^53 it is damaged and wrong in any case. */
  private varint(): number {
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
