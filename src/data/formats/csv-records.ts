/**
 * Records of CSV as RFC 4180 has them, found among the bytes without making strings of them. Beyond the RFC: spaces around fields
 * are no part of them, empty lines no records, and lines may end in LF, CRLF or CR.
 */
import { DataError } from '../data-error.js';
import { LONGEST_LINE } from './text-lines.js';

/** One record: field i is `bytes` from starts[i] to ends[i], until the next record is asked for. */
export interface CsvRecord {
  readonly bytes: Buffer;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly count: number;
  /** The line on which it begins. */
  readonly line: number;
}

const [ORDINARY, DELIMITER, LINE_FEED, RETURN, QUOTE] = [0, 1, 2, 3, 4];
const [LF, CR] = [10, 13];

export class CsvRecords {
  /** What the last call of `push` left: the beginning of a record. */
  private rest = Buffer.alloc(0);
  private line = 1;
  private isFirst = true;
  private starts = new Int32Array(64);
  private ends = new Int32Array(64);
  /** 1 for a field with doubled quotes in it, which become one once its record is whole. */
  private doubled = new Uint8Array(64);
  private readonly delimiter: Buffer;
  private readonly quote: Buffer;
  /** What a byte begins, in an unquoted field. */
  private readonly kinds = new Uint8Array(256);

  constructor(
    private readonly file: string,
    { delimiter, quote }: { readonly delimiter: string; readonly quote: string },
  ) {
    [this.delimiter, this.quote] = [Buffer.from(delimiter), Buffer.from(quote)];
    [this.kinds[LF], this.kinds[CR]] = [LINE_FEED, RETURN];
    if (quote !== '') this.kinds[this.quote[0]] = QUOTE;
    // Two characters may begin with the same byte; `kindAt` tells them apart.
    this.kinds[this.delimiter[0]] = DELIMITER;
  }

  /** Hands the records that end in `block` to `take`; with `isLast` the file ends with it. Throws DataError. */
  push(block: Buffer, isLast: boolean, take: (record: CsvRecord) => void): void {
    const bytes = this.rest.length === 0 ? block : Buffer.concat([this.rest, block]);
    let at = 0;
    if (this.isFirst && bytes.length > 0) {
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) at = 3;
      this.isFirst = false;
    }
    for (;;) {
      const next = this.record(bytes, at, isLast, take);
      if (next < 0) break;
      at = next;
    }
    // A copy, as the block may be filled anew.
    this.rest = Buffer.from(bytes.subarray(at));
    if (this.rest.length > LONGEST_LINE) {
      throw new DataError(`a record of more than ${LONGEST_LINE} characters`, {
        file: this.file,
        line: this.line,
        hint: 'is this a CSV file, or is a quote never closed?',
      });
    }
  }

  /** Takes the record at `start`, or skips an empty line; where the next one begins, or -1 where it does not end in `bytes`. */
  private record(bytes: Buffer, start: number, isLast: boolean, take: (record: CsvRecord) => void): number {
    const { kinds } = this;
    const end = bytes.length;
    const isWide = this.delimiter.length > 1 || this.quote.length > 1;
    let at = start;
    let count = 0;
    let linesInside = 0;
    let hasDoubled = false;
    for (;;) {
      // Before the field.
      let kind = ORDINARY;
      while (at < end) {
        kind = isWide ? this.kindAt(bytes, at) : kinds[bytes[at]];
        if (kind !== ORDINARY) break;
        const blank = bytes[at] <= 32 || bytes[at] >= 0xc2 ? blankAt(bytes, at) : 0;
        if (blank === 0) break;
        at += blank;
      }
      let from = at;
      let to = at;
      let isQuoted = false;
      let isDoubled = 0;
      if (at < end && kind === QUOTE) {
        isQuoted = true;
        from = at += this.quote.length;
        for (;;) {
          at = bytes.indexOf(this.quote, at);
          if (at < 0) {
            if (isLast) throw this.error('a quote is opened and never closed');
            return -1;
          }
          const after = at + this.quote.length;
          if (after >= end && !isLast) return -1;
          if (!this.isAt(bytes, after, this.quote)) break;
          isDoubled = 1;
          at = after + this.quote.length;
        }
        to = at;
        for (let i = bytes.indexOf(LF, from); i >= 0 && i < to; i = bytes.indexOf(LF, i + 1)) linesInside++;
        at += this.quote.length;
        kind = ORDINARY;
        while (at < end) {
          kind = isWide ? this.kindAt(bytes, at) : kinds[bytes[at]];
          if (kind === DELIMITER || kind === LINE_FEED || kind === RETURN) break;
          const blank = kind === ORDINARY ? blankAt(bytes, at) : 0;
          if (blank === 0) {
            throw this.error('there is text between the closing quote and the delimiter', count + 1);
          }
          at += blank;
        }
      } else if (kind === ORDINARY) {
        while (at < end && (kind = kinds[bytes[at]]) === ORDINARY) at++;
        if (isWide) {
          while (at < end && (kind = this.kindAt(bytes, at)) === ORDINARY) at++;
        }
        if (at < end && kind === QUOTE) {
          throw this.error('a quote stands inside of a field that is not quoted', count + 1, 'quote the whole field and double the quotes in it: "5"" pipe"'); // prettier-ignore
        }
        to = at;
        if (to > from && (bytes[to - 1] <= 32 || bytes[to - 1] >= 0x80)) to = withoutBlanks(bytes, from, to);
      }
      if (at >= end && !isLast) return -1;
      const isEnd = at >= end;
      if (isEnd || kind !== DELIMITER) {
        const isCrLf = !isEnd && bytes[at] === CR && bytes[at + 1] === LF;
        if (!isEnd && bytes[at] === CR && at + 1 >= end && !isLast) return -1;
        const next = isEnd ? end : at + (isCrLf ? 2 : 1);
        if (count === 0 && !isQuoted && to === from) {
          // An empty line.
          if (isEnd) return -1;
          this.line++;
          return next;
        }
        this.field(count++, from, to, isDoubled);
        if (hasDoubled || isDoubled === 1) this.undouble(bytes, count);
        take({ bytes, starts: this.starts, ends: this.ends, count, line: this.line });
        this.line += linesInside + (isEnd ? 0 : 1);
        return next;
      }
      this.field(count++, from, to, isDoubled);
      hasDoubled ||= isDoubled === 1;
      at += this.delimiter.length;
    }
  }

  private field(i: number, from: number, to: number, doubled: number): void {
    if (i === this.starts.length) {
      const longer = (old: Int32Array): Int32Array<ArrayBuffer> => {
        const array = new Int32Array(2 * i);
        array.set(old);
        return array;
      };
      [this.starts, this.ends] = [longer(this.starts), longer(this.ends)];
      const flags = new Uint8Array(2 * i);
      flags.set(this.doubled);
      this.doubled = flags;
    }
    this.starts[i] = from;
    this.ends[i] = to;
    this.doubled[i] = doubled;
  }

  /** Makes one quote of two, in the record's own bytes. */
  private undouble(bytes: Buffer, count: number): void {
    const width = this.quote.length;
    for (let i = 0; i < count; i++) {
      if (this.doubled[i] === 0) continue;
      let to = this.starts[i];
      for (let from = to; from < this.ends[i]; from++) {
        bytes[to++] = bytes[from];
        if (!this.isAt(bytes, from, this.quote)) continue;
        for (let k = 1; k < width; k++) bytes[to++] = bytes[from + k];
        from += 2 * width - 1;
      }
      this.ends[i] = to;
    }
  }

  /** What begins at `at`, where delimiter or quote are not of one byte. */
  private kindAt(bytes: Buffer, at: number): number {
    const kind = this.kinds[bytes[at]];
    if (kind !== DELIMITER && kind !== QUOTE) return kind;
    if (this.isAt(bytes, at, this.delimiter)) return DELIMITER;
    return this.quote.length > 0 && this.isAt(bytes, at, this.quote) ? QUOTE : ORDINARY;
  }

  private isAt(bytes: Buffer, at: number, character: Buffer): boolean {
    for (let i = 0; i < character.length; i++) if (bytes[at + i] !== character[i]) return false;
    return true;
  }

  private error(problem: string, column?: number, hint?: string): DataError {
    return new DataError(problem, { file: this.file, line: this.line, column, hint });
  }
}

/** Bytes of the white space at `at`, 0 where there is none: what JavaScript's `trim` takes for such. */
function blankAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte <= 32) return byte === 32 || (byte >= 9 && byte <= 13) ? 1 : 0;
  if (byte === 0xc2) return bytes[at + 1] === 0xa0 ? 2 : 0;
  if (byte < 0xe1) return 0;
  const code = (byte << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
  const isSpace = code >= 0xe28080 && code <= 0xe2808a; // U+2000 to U+200A
  return isSpace || WIDE_BLANKS.has(code) ? 3 : 0;
}

/** U+1680, 2028, 2029, 202F, 205F, 3000 and FEFF in UTF-8. */
const WIDE_BLANKS = new Set([0xe19a80, 0xe280a8, 0xe280a9, 0xe280af, 0xe2819f, 0xe38080, 0xefbbbf]);

/** `to` without the white space before it. */
function withoutBlanks(bytes: Uint8Array, from: number, to: number): number {
  for (;;) {
    const width = [1, 2, 3].find((width) => to - width >= from && blankAt(bytes, to - width) === width);
    if (width === undefined) return to;
    to -= width;
  }
}
