/** A table as its file has it, before anything is learned of it: columns of distinct values and codes. */
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { Labels } from '../labels.js';

export interface Column extends Labels {
  readonly name: string;
  /** 1-based. */
  readonly number: number;
}

export interface ColumnTable {
  /** Resolved path. */
  readonly file: string;
  readonly columns: readonly Column[];
  readonly size: number;
  /** Where a row, or its field in a column, stands in the file. */
  placeOf(row: number, column?: Column): DataErrorPlace;
}

export const errorAt = (table: ColumnTable, column: Column, row: number, problem: string, hint?: string): DataError =>
  new DataError(problem, { ...table.placeOf(row, column), hint });
