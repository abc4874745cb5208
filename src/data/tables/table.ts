/** A table as stored in its file, before fitting. */
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { Column } from './column.js';

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

export const errorAt = (table: ColumnTable, column: Column, row: number, problem: string, hint?: string): DataError =>
  new DataError(problem, { ...table.placeOf(row, column), hint });
