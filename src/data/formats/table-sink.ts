/** Receives the cells of a table format column by column, and what the format returns at the end. */
import type { DataErrorPlace } from '../data-error.js';

export interface ColumnSink {
  readonly name: string;
  /** Whether its cells are used: a format that can skip a column need not push them. */
  readonly isUsed: boolean;
  /** A cell as written; '' is a missing value. */
  push(text: string): void;
  /** A number stored in binary. */
  pushNumber(value: number): void;
}

export interface TableSink {
  /** Called with the columns of the file before its rows are read, if the format knows them. Throws DataError. */
  header(names: readonly string[]): void;
  /** Adds the next column of the file. */
  addColumn(name: string): ColumnSink;
}

export interface TableRows {
  /** Rows per column. */
  readonly size: number;
  /** Location of a row, or of its cell in a column (1-based), in the file. */
  placeOf(row: number, column?: number): DataErrorPlace;
}
