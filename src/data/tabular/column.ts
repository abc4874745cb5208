/**
 * A column of a table as its file has it. A column of few different values is these and a code for each row; one of many numbers
 * is the numbers, 8 bytes each, so that a file of a gigabyte takes less memory than disk. Text among the numbers is kept as well.
 */
import { DataError } from '../data-error.js';
import { type Labels, parseNumber } from '../labels.js';
import { isMissing } from './missing.js';
import { murmur3 } from './murmur3.js';

/** What a column is read for: `auto` is to be found out, `texts` keeps every value as it is written, `skip` nothing. */
export type ColumnUse = 'skip' | 'auto' | 'texts' | { readonly buckets: number };

/** An automatic column with more different values than this turns into numbers, where most are such. */
const MOST_DETECTED_VALUES = 1000;
/** Different texts that a column may have: codes among numbers have 19 bits, and a million classes are a mistake. */
const MOST_TEXTS = 2 ** 19 - 1;

const PAGE_BITS = 15;
const PAGE = 1 << PAGE_BITS;

/**
 * Numbers in pages. A code stands among them as a NaN whose both halves hold it (so whichever of them comes first in memory).
 */
class NumberPages {
  size = 0;
  private readonly pages: { readonly numbers: Float64Array; readonly halves: Uint32Array }[] = [];

  push(value: number): void {
    this.next().numbers[this.size++ & (PAGE - 1)] = value;
  }

  pushCode(code: number): void {
    const { halves } = this.next();
    const at = this.size++ & (PAGE - 1);
    halves[2 * at] = halves[2 * at + 1] = 0x7ff80000 | code;
  }

  /** NaN where there is a code. */
  number(row: number): number {
    return this.pages[row >>> PAGE_BITS].numbers[row & (PAGE - 1)];
  }

  /** -1 where there is a number. */
  code(row: number): number {
    const { numbers, halves } = this.pages[row >>> PAGE_BITS];
    const at = row & (PAGE - 1);
    return Number.isNaN(numbers[at]) ? halves[2 * at] & MOST_TEXTS : -1;
  }

  private next(): { readonly numbers: Float64Array; readonly halves: Uint32Array } {
    const index = this.size >>> PAGE_BITS;
    if (index === this.pages.length) {
      const numbers = new Float64Array(PAGE);
      this.pages.push({ numbers, halves: new Uint32Array(numbers.buffer) });
    }
    return this.pages[index];
  }
}

export class Column {
  constructor(
    readonly name: string,
    /** 1-based. */
    readonly number: number,
    /** The different texts. */
    readonly values: readonly string[],
    private readonly cells: Int32Array | NumberPages,
  ) {}

  get size(): number {
    return this.cells instanceof Int32Array ? this.cells.length : this.cells.size;
  }

  /** The index of a row's text among `values`, or -1 where the row has a number. */
  code(row: number): number {
    return this.cells instanceof Int32Array ? this.cells[row] : this.cells.code(row);
  }

  /** A row's number, or NaN where it has a text. */
  numberAt(row: number): number {
    return this.cells instanceof Int32Array ? NaN : this.cells.number(row);
  }

  /** As it is written, or as the number would be. */
  text(row: number): string {
    const code = this.code(row);
    return code < 0 ? String(this.numberAt(row)) : this.values[code];
  }

  /** All values as texts and codes. */
  labels(): Labels {
    if (this.cells instanceof Int32Array) return { values: this.values, codes: this.cells };
    const codeOf = new Map<string, number>();
    const codes = Int32Array.from({ length: this.size }, (_, row) => {
      const text = this.text(row);
      let code = codeOf.get(text);
      if (code === undefined) codeOf.set(text, (code = codeOf.size));
      return code;
    });
    return { values: [...codeOf.keys()], codes };
  }

  /** The rows `rows` of it. */
  select(rows: Int32Array): Column {
    const { cells } = this;
    if (cells instanceof Int32Array)
      return new Column(
        this.name,
        this.number,
        this.values,
        rows.map((row) => cells[row]),
      );
    const selected = new NumberPages();
    for (const row of rows) {
      const code = cells.code(row);
      if (code < 0) selected.push(cells.number(row));
      else selected.pushCode(code);
    }
    return new Column(this.name, this.number, this.values, selected);
  }
}

export class ColumnBuilder {
  private readonly codeOf = new Map<string, number>();
  private codes = new Int32Array(1024);
  private size = 0;
  private numbers: NumberPages | undefined;

  constructor(
    readonly name: string,
    readonly number: number,
    private readonly use: ColumnUse,
    private readonly file: string,
  ) {}

  push(value: string): void {
    if (this.use === 'skip') return;
    if (this.numbers !== undefined) {
      const number = parseNumber(value);
      if (Number.isNaN(number)) this.numbers.pushCode(this.codeFor(value));
      else this.numbers.push(number);
      return;
    }
    const isHashed = typeof this.use === 'object' && !isMissing(value);
    this.pushCode(this.codeFor(isHashed ? String(bucketOf(value, this.use.buckets)) : value));
    if (this.use === 'auto' && this.codeOf.size > MOST_DETECTED_VALUES && this.size % 1024 === 0) this.toNumbers();
  }

  /** A number that the file has in binary. */
  pushNumber(value: number): void {
    if (this.use === 'auto' && this.size === 0 && Number.isFinite(value)) this.numbers ??= new NumberPages();
    if (this.numbers !== undefined && Number.isFinite(value)) this.numbers.push(value);
    else this.push(String(value));
  }

  build(): Column {
    return new Column(this.name, this.number, [...this.codeOf.keys()], this.numbers ?? this.codes.slice(0, this.size));
  }

  private pushCode(code: number): void {
    if (this.size === this.codes.length) {
      const longer = new Int32Array(2 * this.size);
      longer.set(this.codes);
      this.codes = longer;
    }
    this.codes[this.size++] = code;
  }

  private codeFor(value: string): number {
    let code = this.codeOf.get(value);
    if (code === undefined) {
      code = this.codeOf.size;
      if (code === MOST_TEXTS) throw tooManyTexts(this.name, this.file);
      this.codeOf.set(value, code);
    }
    return code;
  }

  /** Goes over to numbers, where most of the rows are such. */
  private toNumbers(): void {
    const texts = [...this.codeOf.keys()];
    const numberOf = texts.map(parseNumber);
    let count = 0;
    for (let row = 0; row < this.size; row++) if (!Number.isNaN(numberOf[this.codes[row]])) count++;
    if (2 * count < this.size) return;
    const { codes, size } = this;
    const numbers = new NumberPages();
    this.codeOf.clear();
    for (let row = 0; row < size; row++) {
      const value = numberOf[codes[row]];
      if (Number.isNaN(value)) numbers.pushCode(this.codeFor(texts[codes[row]]));
      else numbers.push(value);
    }
    this.codes = new Int32Array(0);
    this.numbers = numbers;
  }
}

/** The bucket of a category under the hashing trick (Weinberger et al. 2009): MurmurHash3 of its UTF-8 bytes, seed 0. */
export const bucketOf = (category: string, buckets: number): number => murmur3(category) % buckets;

const tooManyTexts = (name: string, file: string): DataError =>
  new DataError(`column "${name}" has more than ${MOST_TEXTS} different texts`, {
    file,
    hint: `leave it out (drop: [${name}]), or hash it: hash: {${name}: 256}`,
  });
