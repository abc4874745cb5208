/**
 * Columns of a table as numbers: numeric ones as they are, categorical ones one-hot. What a column is, its categories and what
 * stands in for missing values are learned from the training rows.
 */
import { DataError, listed } from '../data-error.js';
import { codesIn, indexOfEachValue, parseNumber, sortedNames } from '../labels.js';
import type { ColumnEncoding } from '../source.js';
import type { Rows } from '../table.js';
import { errorAt, type Column, type ColumnTable } from './table.js';

export type MissingPolicy = 'error' | 'drop' | 'mean' | 'median';

const MISSING: ReadonlySet<string> = new Set(['', 'NA', 'NaN', '?']);
export const isMissing = (value: string): boolean => MISSING.has(value);

/** A text column with more values than this holds names or free text; who wants it one-hot all the same says so. */
const MOST_DETECTED_CATEGORIES = 100;

/** The first of `rows` whose value satisfies `test`, for the place of an error. */
function firstRow(column: Column, rows: Rows, test: (value: string) => boolean): number {
  const matches = column.values.map(test);
  const found = (rows ?? column.codes.map((_, row) => row)).find((row) => matches[column.codes[row]]);
  return found ?? 0;
}

/** The rows in which none of `columns` has a missing value. */
export function completeRows(columns: readonly Column[], size: number): Int32Array {
  const complete = new Uint8Array(size).fill(1);
  for (const { values, codes } of columns) {
    const missing = values.map(isMissing);
    if (missing.includes(true)) codes.forEach((code, row) => missing[code] && (complete[row] = 0));
  }
  return Int32Array.from({ length: size }, (_, row) => row).filter((row) => complete[row] === 1);
}

/** Learns how to encode `column` from the training rows. Throws DataError where it is neither numbers nor categories. */
export function fitColumn(
  table: ColumnTable,
  column: Column,
  rows: Rows,
  { categorical, missing }: { categorical: boolean; missing: MissingPolicy },
): ColumnEncoding {
  const { name } = column;
  const present = codesIn(column, rows).filter((code) => !isMissing(column.values[code]));
  if (present.length === 0) {
    throw new DataError(`column "${name}" has no value in the training split`, {
      file: table.file,
      hint: `leave it out: drop: [${name}]`,
    });
  }
  if (categorical || mostlyWords(column, rows)) {
    const categories = sortedNames(present.map((code) => column.values[code]));
    if (!categorical && categories.length > MOST_DETECTED_CATEGORIES) {
      throw new DataError(`column "${name}" is text with ${categories.length} different values`, {
        file: table.file,
        hint: `leave it out (drop: [${name}]), or list it under categorical for a one-hot column each`,
      });
    }
    return { kind: 'categorical', name, categories };
  }
  if (missing !== 'mean' && missing !== 'median') return { kind: 'numeric', name };
  return { kind: 'numeric', name, fill: centre(numbersOf(table, column, rows), missing) };
}

/** Whether at least half of the values present are no numbers. */
function mostlyWords({ values, codes }: Column, rows: Rows): boolean {
  const vote = values.map((value) => (isMissing(value) ? 0 : Number.isNaN(parseNumber(value)) ? 1 : -1));
  const votes = (rows ?? codes.map((_, row) => row)).reduce((sum, row) => sum + vote[codes[row]], 0);
  return votes >= 0;
}

/** The numbers of `rows` that are not missing. */
function numbersOf(table: ColumnTable, column: Column, rows: Rows): Float64Array {
  const size = rows?.length ?? column.codes.length;
  const values = new Float64Array(size);
  encodeNumeric(table, column, rows, NaN, { values, width: 1, offset: 0 });
  return values.filter((value) => !Number.isNaN(value));
}

function centre(values: Float64Array, policy: 'mean' | 'median'): number {
  if (policy === 'mean') return values.reduce((sum, value) => sum + value, 0) / values.length;
  const sorted = values.sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** A column of a row-major matrix of `width` columns. */
interface Target {
  readonly values: Float64Array;
  readonly width: number;
  readonly offset: number;
}

/** Writes the numbers of `rows`, with `fill` for missing ones. Throws DataError for what is missing (without fill) or no number. */
export function encodeNumeric(
  table: ColumnTable,
  column: Column,
  rows: Rows,
  fill: number | undefined,
  { values, width, offset }: Target,
): void {
  const { codes } = column;
  // Decided once for each distinct value: NaN where it is no number, or missing without a fill.
  const numberOf = Float64Array.from(column.values, (value) => {
    if (!isMissing(value)) return parseNumber(value);
    return fill ?? NaN;
  });
  const usable = Uint8Array.from(column.values, (value, code) =>
    isMissing(value) ? Number(fill !== undefined) : Number(!Number.isNaN(numberOf[code])),
  );
  const size = rows?.length ?? codes.length;
  for (let i = 0; i < size; i++) {
    const row = rows === undefined ? i : rows[i];
    const code = codes[row];
    if (usable[code] === 0) throw unusable(table, column, row);
    values[i * width + offset] = numberOf[code];
  }
}

const MISSING_HINT = 'set data.source.missing to drop, mean or median';

function unusable(table: ColumnTable, column: Column, row: number): DataError {
  const value = column.values[column.codes[row]];
  if (!isMissing(value)) return notANumber(table, column, row);
  const shown = value === '' ? '' : ` ("${value}")`;
  return errorAt(table, column, row, `missing value${shown} in column "${column.name}"`, MISSING_HINT);
}

function notANumber(table: ColumnTable, column: Column, row: number): DataError {
  const value = column.values[column.codes[row]];
  const hint = /^[+-]?\d+,\d+$/.test(value)
    ? 'a decimal comma: write the number with a point'
    : `if "${column.name}" is a column of categories, list it under data.source.categorical`;
  const problem = `expected a number in column "${column.name}", got "${value.slice(0, 60)}"`;
  return errorAt(table, column, row, problem, hint);
}

/** Values that a column comes to. */
export const widthOf = (encoding: ColumnEncoding): number =>
  encoding.kind === 'numeric' ? 1 : encoding.categories.length;

/** Writes the features that `encoding` makes of `rows`. A category that training had not is all zeros, and so is a missing one. */
export function encodeColumn(
  table: ColumnTable,
  column: Column,
  rows: Rows,
  encoding: ColumnEncoding,
  missing: MissingPolicy,
  target: Target,
): void {
  if (encoding.kind === 'numeric') return encodeNumeric(table, column, rows, encoding.fill, target);
  const { values, width, offset } = target;
  const indexOf = indexOfEachValue(column, encoding.categories);
  if (missing === 'error' && codesIn(column, rows).some((code) => isMissing(column.values[code]))) {
    const row = firstRow(column, rows, isMissing);
    const hint = 'set data.source.missing to drop; with mean or median a missing category is all zeros';
    throw errorAt(table, column, row, `missing value in column "${column.name}"`, hint);
  }
  const size = rows?.length ?? column.codes.length;
  for (let i = 0; i < size; i++) {
    const index = indexOf[column.codes[rows === undefined ? i : rows[i]]];
    if (index >= 0) values[i * width + offset + index] = 1;
  }
}

/** Throws DataError for the first row without a target: that one cannot be made up. */
export function refuseMissingTargets(table: ColumnTable, column: Column): void {
  if (!codesIn(column, undefined).some((code) => isMissing(column.values[code]))) return;
  const row = firstRow(column, undefined, isMissing);
  throw errorAt(table, column, row, `missing value in the target column "${column.name}"`, MISSING_TARGET_HINT);
}

const MISSING_TARGET_HINT = 'remove the row, or set data.source.missing to drop';

/** The column named `name`. Throws DataError with the nearest names where there is none. */
export function columnNamed(table: ColumnTable, name: string, hint: string | undefined): Column {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column !== undefined) return column;
  const names = table.columns.map((candidate) => candidate.name);
  throw new DataError(`no column "${name}"; the columns are ${listed(names, 20)}`, { file: table.file, hint });
}
