/** A table as its file has it, before anything is learned of it. */
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { Column, ColumnUse } from './column.js';

export interface ColumnTable {
  /** Resolved path. */
  readonly file: string;
  /** Those that were asked for. */
  readonly columns: readonly Column[];
  /** Of all columns in the file. */
  readonly names: readonly string[];
  readonly size: number;
  /** Where a row, or its field in a column, stands in the file. */
  placeOf(row: number, column?: Column): DataErrorPlace;
}

/** What is wanted of a file. */
export interface TableWishes {
  useOf(name: string): ColumnUse;
  /** Called with the columns of the file before its rows are read, where the format knows them. Throws DataError. */
  header(names: readonly string[]): void;
}

export const errorAt = (table: ColumnTable, column: Column, row: number, problem: string, hint?: string): DataError =>
  new DataError(problem, { ...table.placeOf(row, column), hint });
