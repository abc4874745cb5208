/** What a format of tables hands its cells to, column by column, and what it returns once all of them are handed over. */
import type { DataErrorPlace } from '../data-error.js';

export interface ColumnSink {
  readonly name: string;
  /** Whether its cells are used: a format that can skip a column need not push them. */
  readonly isUsed: boolean;
  /** A cell as it is written; '' is a missing value. */
  push(text: string): void;
  /** A number that the file has as such. */
  pushNumber(value: number): void;
}

export interface TableSink {
  /** Called with the columns of the file before its rows are read, where the format knows them. Throws DataError. */
  header(names: readonly string[]): void;
  /** Adds the next column of the file. */
  addColumn(name: string): ColumnSink;
}

export interface TableRows {
  /** How many rows each column got. */
  readonly size: number;
  /** Where a row, or its cell in a column (1-based), stands in the file. */
  placeOf(row: number, column?: number): DataErrorPlace;
}
