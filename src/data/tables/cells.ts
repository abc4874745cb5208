/**
 * The cells of a column in pages, in memory or in a file. They are read page by page, so whoever goes through the rows in the
 * file's order reads each page once.
 */
import type { ScratchFile } from '../cache/scratch-file.js';

const PAGE_BITS = 13;
const PAGE = 1 << PAGE_BITS;
const IN_PAGE = PAGE - 1;
/** The first page starts small: a table may be short and have thousands of columns. */
const FIRST = 256;

/** Codes among numbers have 19 bits. */
export const MOST_CODES = 2 ** 19 - 1;

/** Stores full pages in memory, or in a file that is read one page at a time. */
class Pages<Values extends Int32Array | Float64Array> {
  private readonly kept: Values[] = [];
  private readonly places: number[] = [];
  private loaded: Values | undefined;

  constructor(
    private readonly create: (length: number) => Values,
    private readonly file: ScratchFile | undefined,
  ) {}

  /** Stores a full page; returns the one to fill next, possibly the same. */
  turn(full: Values): Values {
    if (this.file === undefined) {
      this.kept.push(full);
      return this.create(PAGE);
    }
    this.places.push(this.file.append(bytesOf(full)));
    return full;
  }

  /** A full page, valid until another one is requested; undefined if there is none yet. */
  at(index: number): Values | undefined {
    if (this.file === undefined) return this.kept[index];
    if (index >= this.places.length) return undefined;
    const page = (this.loaded ??= this.create(PAGE));
    this.file.read(bytesOf(page), 0, page.byteLength, this.places[index]);
    return page;
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array | Float64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** A column of a row-major matrix of `width` columns. */
export interface MatrixColumn {
  readonly values: Float64Array;
  readonly width: number;
  readonly offset: number;
}

/** A code for each row. */
export class CodeCells {
  size = 0;
  private readonly pages: Pages<Int32Array>;
  private filling: Int32Array = new Int32Array(0);
  private page = this.filling;
  private index = -1;

  constructor(file?: ScratchFile) {
    this.pages = new Pages((length) => new Int32Array(length), file);
  }

  push(code: number): void {
    const at = this.size++ & IN_PAGE;
    if (at >= this.filling.length || (at === 0 && this.size > 1)) this.makeRoom(at);
    this.filling[at] = code;
  }

  code(row: number): number {
    if (row >>> PAGE_BITS !== this.index) {
      this.index = row >>> PAGE_BITS;
      this.page = this.pages.at(this.index) ?? this.filling;
    }
    return this.page[row & IN_PAGE];
  }

  /**
   * Writes the numbers that the codes of `rows` (all by default) stand for into a column of a row-major matrix. Stops at one that
   * is NaN; its place in `rows`, or -1.
   */
  writeNumbers(rows: Int32Array | undefined, numberOf: Float64Array, { values, width, offset }: MatrixColumn): number {
    const count = rows?.length ?? this.size;
    for (let i = 0; i < count; i++) {
      const number = numberOf[this.code(rows === undefined ? i : rows[i])];
      if (Number.isNaN(number)) return i;
      values[i * width + offset] = number;
    }
    return -1;
  }

  private makeRoom(used: number): void {
    this.index = -1;
    if (used === 0 && this.filling.length > 0) this.filling = this.pages.turn(this.filling);
    else {
      const longer = new Int32Array(Math.max(FIRST, 2 * used));
      longer.set(this.filling);
      this.filling = longer;
    }
  }
}

/** A number for each row, or a code, which stands among them as a NaN whose both halves hold it (whichever comes first in memory). */
export class NumberCells {
  size = 0;
  private readonly pages: Pages<Float64Array>;
  private filling: Float64Array = new Float64Array(0);
  private fillingHalves: Uint32Array = new Uint32Array(0);
  private page = this.filling;
  private halves = this.fillingHalves;
  private index = -1;

  constructor(file?: ScratchFile) {
    this.pages = new Pages((length) => new Float64Array(length), file);
  }

  push(value: number): void {
    const at = this.size++ & IN_PAGE;
    if (at >= this.filling.length || (at === 0 && this.size > 1)) this.makeRoom(at);
    this.filling[at] = value;
  }

  pushCode(code: number): void {
    const at = this.size++ & IN_PAGE;
    if (at >= this.filling.length || (at === 0 && this.size > 1)) this.makeRoom(at);
    this.fillingHalves[2 * at] = this.fillingHalves[2 * at + 1] = 0x7ff80000 | code;
  }

  /** NaN where there is a code. */
  number(row: number): number {
    if (row >>> PAGE_BITS !== this.index) this.seek(row >>> PAGE_BITS);
    return this.page[row & IN_PAGE];
  }

  /** -1 where there is a number. */
  code(row: number): number {
    if (row >>> PAGE_BITS !== this.index) this.seek(row >>> PAGE_BITS);
    const at = row & IN_PAGE;
    return Number.isNaN(this.page[at]) ? this.halves[2 * at] & MOST_CODES : -1;
  }

  /** As that of `CodeCells`. */
  writeNumbers(rows: Int32Array | undefined, numberOf: Float64Array, { values, width, offset }: MatrixColumn): number {
    const count = rows?.length ?? this.size;
    for (let i = 0; i < count; i++) {
      const row = rows === undefined ? i : rows[i];
      let number = this.number(row);
      if (Number.isNaN(number)) number = numberOf[this.code(row)];
      if (Number.isNaN(number)) return i;
      values[i * width + offset] = number;
    }
    return -1;
  }

  private seek(index: number): void {
    this.page = this.pages.at(index) ?? this.filling;
    this.halves = new Uint32Array(this.page.buffer);
    this.index = index;
  }

  private makeRoom(used: number): void {
    this.index = -1;
    if (used === 0 && this.filling.length > 0) this.filling = this.pages.turn(this.filling);
    else {
      const longer = new Float64Array(Math.max(FIRST, 2 * used));
      longer.set(this.filling);
      this.filling = longer;
    }
    this.fillingHalves = new Uint32Array(this.filling.buffer);
  }
}
