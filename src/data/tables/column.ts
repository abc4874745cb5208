/**
 * A column of a table as its file has it. A column of few different values is these and a code for each row; one of many numbers
 * is the numbers, 8 bytes each, so that a file of a gigabyte takes less memory than disk. Text among the numbers is kept as well.
 */
import { DataError } from '../data-error.js';
import type { ColumnSink } from '../formats/table-sink.js';
import { type Labels, parseNumber } from '../labels.js';
import type { ScratchFile } from '../cache/scratch-file.js';
import { CodeCells, type MatrixColumn, MOST_CODES, NumberCells } from './cells.js';
import { murmur3 } from './murmur3.js';

/** What a column is read for: `auto` is to be found out, `texts` keeps every value as it is written, `skip` nothing. */
export type ColumnUse = 'skip' | 'auto' | 'texts' | { readonly buckets: number };

/** An `auto` column with more distinct values than this is stored as numbers if most of them are. */
const MOST_DETECTED_VALUES = 1000;

export class Column {
  constructor(
    readonly name: string,
    /** 1-based. */
    readonly number: number,
    /** The different texts. */
    readonly values: readonly string[],
    private readonly cells: CodeCells | NumberCells,
    private readonly missing: ReadonlySet<string>,
    /** Which of the cells, where not all. */
    private readonly rows?: Int32Array,
  ) {}

  get size(): number {
    return this.rows?.length ?? this.cells.size;
  }

  /** Whether a text counts as missing. */
  isMissing(text: string): boolean {
    return this.missing.has(text);
  }

  /** Whether there may be numbers among the cells; else every row has a text. */
  get hasNumbers(): boolean {
    return this.cells instanceof NumberCells;
  }

  /** The index of a row's text among `values`, or -1 where the row has a number. */
  code(row: number): number {
    return this.cells.code(this.rows === undefined ? row : this.rows[row]);
  }

  /** A row's number, or NaN where it has a text. */
  numberAt(row: number): number {
    return this.cells instanceof CodeCells ? NaN : this.cells.number(this.rows === undefined ? row : this.rows[row]);
  }

  /** As written, or the number formatted. */
  text(row: number): string {
    const code = this.code(row);
    return code < 0 ? String(this.numberAt(row)) : this.values[code];
  }

  /**
   * Writes the numbers of `rows` (all by default) into a column of a matrix, those of `numberOf` for texts. Stops at a text whose
   * number is NaN; its place in `rows`, or -1.
   */
  writeNumbers(rows: Int32Array | undefined, numberOf: Float64Array, target: MatrixColumn): number {
    const own = this.rows;
    const cellsOf = own === undefined || rows === undefined ? (rows ?? own) : rows.map((row) => own[row]);
    return this.cells.writeNumbers(cellsOf, numberOf, target);
  }

  /** All values as texts and codes. */
  labels(): Labels {
    const { size } = this;
    const codes = new Int32Array(size);
    if (!this.hasNumbers) {
      for (let row = 0; row < size; row++) codes[row] = this.code(row);
      return { values: this.values, codes };
    }
    const codeOf = new Map<string, number>();
    for (let row = 0; row < size; row++) {
      const text = this.text(row);
      let code = codeOf.get(text);
      if (code === undefined) codeOf.set(text, (code = codeOf.size));
      codes[row] = code;
    }
    return { values: [...codeOf.keys()], codes };
  }

  /** The rows `rows` of it. */
  select(rows: Int32Array): Column {
    const own = this.rows;
    const selected = own === undefined ? rows : rows.map((row) => own[row]);
    return new Column(this.name, this.number, this.values, this.cells, this.missing, selected);
  }
}

export class ColumnBuilder implements ColumnSink {
  /** The different texts, in the order of first appearance. */
  private codeOf = new Map<string, number>();
  private cells: CodeCells | NumberCells;

  constructor(
    readonly name: string,
    readonly number: number,
    private readonly use: ColumnUse,
    private readonly file: string,
    /** The texts that count as missing. */
    private readonly missing: ReadonlySet<string>,
    /** Where the cells are kept instead of in memory. */
    private readonly scratch?: ScratchFile,
  ) {
    this.cells = new CodeCells(use === 'skip' ? undefined : scratch);
  }

  get isUsed(): boolean {
    return this.use !== 'skip';
  }

  push(value: string): void {
    const { cells } = this;
    if (cells instanceof NumberCells) {
      const number = parseNumber(value);
      if (Number.isNaN(number)) cells.pushCode(this.codeFor(value));
      else cells.push(number);
      return;
    }
    if (this.use === 'skip') return;
    const isHashed = typeof this.use === 'object' && !this.missing.has(value);
    this.pushCode(this.codeFor(isHashed ? String(bucketOf(value, this.use.buckets)) : value));
  }

  /** A number that the file has in binary. */
  pushNumber(value: number): void {
    const isFirst = this.use === 'auto' && this.cells.size === 0;
    if (isFirst && Number.isFinite(value)) this.cells = new NumberCells(this.scratch);
    if (this.cells instanceof NumberCells && Number.isFinite(value)) this.cells.push(value);
    else this.push(String(value));
  }

  build(): Column {
    return new Column(this.name, this.number, [...this.codeOf.keys()], this.cells, this.missing);
  }

  private pushCode(code: number): void {
    if (!(this.cells instanceof CodeCells)) throw new Error('numbers take no bare codes');
    this.cells.push(code);
    if (this.use === 'auto' && this.codeOf.size > MOST_DETECTED_VALUES && this.cells.size % 1024 === 0) {
      this.toNumbers(this.cells);
    }
  }

  private codeFor(value: string): number {
    let code = this.codeOf.get(value);
    if (code === undefined) {
      code = this.codeOf.size;
      if (code === MOST_CODES) throw tooManyTexts(this.name, this.file);
      this.codeOf.set(value, code);
    }
    return code;
  }

  /** Switches to numbers if most of the rows are. */
  private toNumbers(codes: CodeCells): void {
    const texts = [...this.codeOf.keys()];
    const numberOf = texts.map(parseNumber);
    const { size } = codes;
    let count = 0;
    for (let row = 0; row < size; row++) if (!Number.isNaN(numberOf[codes.code(row)])) count++;
    if (2 * count < size) return;
    const numbers = new NumberCells(this.scratch);
    this.codeOf = new Map();
    for (let row = 0; row < size; row++) {
      const code = codes.code(row);
      const value = numberOf[code];
      if (Number.isNaN(value)) numbers.pushCode(this.codeFor(texts[code]));
      else numbers.push(value);
    }
    this.cells = numbers;
  }
}

/** The bucket of a category under the hashing trick (Weinberger et al. 2009): MurmurHash3 of its UTF-8 bytes, seed 0. */
const bucketOf = (category: string, buckets: number): number => murmur3(Buffer.from(category)) % buckets;

const tooManyTexts = (name: string, file: string): DataError =>
  new DataError(`column "${name}" has more than ${MOST_CODES} different texts`, {
    file,
    hint: `leave it out (drop: [${name}]), or hash it: hash: {${name}: 256}`,
  });
