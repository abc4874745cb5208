/**
 * Columns of a table as numbers: numeric ones as they are, categorical ones one-hot. What a column is, its categories and what
 * stands in for missing values are learned from the training rows.
 */
import { didYouMean } from '../../config/nearest.js';
import { DataError, listed } from '../data-error.js';
import { codesIn, indexOfEachValue, type Labels, parseNumber, sortedNames } from '../labels.js';
import type { ColumnEncoding } from '../encoding.js';
import type { Rows } from '../fields.js';
import type { MatrixColumn } from './cells.js';
import type { Column } from './column.js';
import { howSpoilt } from './spoilt-number.js';
import { errorAt, type ColumnTable } from './table.js';

export type MissingPolicy = 'error' | 'drop' | 'mean' | 'median' | 'most_frequent' | { readonly constant: number };

/** A text column with more values than this holds names or free text; one-hot must be requested explicitly. */
const MOST_DETECTED_CATEGORIES = 100;

const sizeOf = (column: Column, rows: Rows): number => rows?.length ?? column.size;

/** Whether each of the column's texts is a missing value. */
const missingOf = (column: Column): boolean[] => column.values.map((text) => column.isMissing(text));

/** The first of `rows` in which `column` has no value; undefined if all have one. */
function firstMissing(column: Column, rows: Rows): number | undefined {
  const missing = missingOf(column);
  if (!missing.includes(true)) return undefined;
  for (let i = 0; i < sizeOf(column, rows); i++) {
    const row = rows === undefined ? i : rows[i];
    if (missing[column.code(row)]) return row;
  }
  return undefined;
}

/** The rows in which none of `columns` has a missing value. */
export function completeRows(columns: readonly Column[], size: number): Int32Array {
  const complete = new Uint8Array(size).fill(1);
  for (const column of columns) {
    const missing = missingOf(column);
    if (!missing.includes(true)) continue;
    for (let row = 0; row < size; row++) if (missing[column.code(row)]) complete[row] = 0;
  }
  const rows = new Int32Array(complete.reduce((sum, one) => sum + one, 0));
  let at = 0;
  for (let row = 0; row < size; row++) if (complete[row] === 1) rows[at++] = row;
  return rows;
}

export interface FitOptions {
  readonly categorical: boolean;
  /** Of the hashing trick, where the column is hashed. */
  readonly buckets?: number;
  readonly missing: MissingPolicy;
  /** Whether a column says where a number was missing. */
  readonly indicator: boolean;
}

/** Learns how to encode `column` from the training rows. Throws DataError if it is neither numeric nor categorical. */
export function fitColumn(table: ColumnTable, column: Column, rows: Rows, options: FitOptions): ColumnEncoding {
  const { categorical, buckets, missing } = options;
  const { name } = column;
  if (buckets !== undefined) return { kind: 'hashed', name, buckets };
  const { words, numbers, lacking, spoilt } = countKinds(column, rows);
  if (words + numbers + spoilt === 0) {
    throw new DataError(`column "${name}" has no value in the training split`, {
      file: table.file,
      hint: `leave it out: drop: [${name}]`,
    });
  }
  if (!categorical && numbers + spoilt > words) refuse(table, column, rows, (text) => howSpoilt(text) !== undefined);
  if (!categorical && numbers > 0 && words >= numbers && hasLoneWord(column)) refuse(table, column, rows, () => true);
  if (categorical || words + spoilt >= numbers) {
    const labels = column.labels();
    const categories = sortedNames(presentIn(column, labels, rows).map((code) => labels.values[code]));
    if (!categorical && categories.length > MOST_DETECTED_CATEGORIES) {
      throw new DataError(`column "${name}" is text with ${categories.length} different values`, {
        file: table.file,
        hint: `leave it out (drop: [${name}]), hash it (hash: {${name}: 64}), or list it under categorical for a one-hot column each`,
      });
    }
    const fill = missing === 'most_frequent' ? mostFrequent(labels, rows, categories) : undefined;
    return { kind: 'categorical', name, categories, exact_names: true, ...(fill === undefined ? {} : { fill }) };
  }
  if (missing === 'error' || missing === 'drop') return { kind: 'numeric', name };
  const fill = typeof missing === 'object' ? missing.constant : centre(table, column, rows, missing);
  return { kind: 'numeric', name, fill, ...(options.indicator && lacking > 0 ? { indicator: true } : {}) };
}

interface KindCounts {
  readonly words: number;
  readonly numbers: number;
  readonly lacking: number;
  /** Malformed numbers: 1,5 or $5.50. */
  readonly spoilt: number;
}

/** What the rows have. */
function countKinds(column: Column, rows: Rows): KindCounts {
  const WORD = 0, NUMBER = 1, LACKING = 2, SPOILT = 3; // prettier-ignore
  const kindOf = column.values.map((text) => {
    if (column.isMissing(text)) return LACKING;
    if (!Number.isNaN(parseNumber(text))) return NUMBER;
    return howSpoilt(text) === undefined ? WORD : SPOILT;
  });
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < sizeOf(column, rows); i++) {
    const code = column.code(rows === undefined ? i : rows[i]);
    counts[code < 0 ? NUMBER : kindOf[code]]++;
  }
  return { words: counts[WORD], numbers: counts[NUMBER], lacking: counts[LACKING], spoilt: counts[SPOILT] };
}

/** The codes of the values, missing ones left out, that occur in `rows`. */
const presentIn = (column: Column, labels: Labels, rows: Rows): number[] =>
  codesIn(labels, rows).filter((code) => !column.isMissing(labels.values[code]));

/** Whether one text alone stands among several numbers: more likely an unusual missing-value marker than a category. */
function hasLoneWord(column: Column): boolean {
  const present = column.values.filter((text) => !column.isMissing(text));
  const words = present.filter((text) => Number.isNaN(parseNumber(text)));
  return words.length === 1 && (column.hasNumbers || present.length > 3);
}

/** Throws DataError at the first of `rows` with a text that is no number and `isMeant`; does nothing where there is none. */
function refuse(table: ColumnTable, column: Column, rows: Rows, isMeant: (text: string) => boolean): void {
  const refused = column.values.map(
    (text) => !column.isMissing(text) && Number.isNaN(parseNumber(text)) && isMeant(text),
  );
  if (!refused.includes(true)) return;
  for (let i = 0; i < sizeOf(column, rows); i++) {
    const row = rows === undefined ? i : rows[i];
    if (refused[column.code(row)]) throw notANumber(table, column, row);
  }
}

/** The first of the most frequent categories. */
function mostFrequent(labels: Labels, rows: Rows, categories: readonly string[]): string {
  const indexOf = indexOfEachValue(labels.values, categories, true);
  const counts = new Float64Array(categories.length);
  for (let i = 0; i < (rows?.length ?? labels.codes.length); i++) {
    const index = indexOf[labels.codes[rows === undefined ? i : rows[i]]];
    if (index >= 0) counts[index]++;
  }
  const most = counts.reduce((a, b) => Math.max(a, b));
  return categories[counts.indexOf(most)];
}

/** Rows whose numbers are looked at together. */
const ROWS_AT_ONCE = 2 ** 14;

/** The numbers of `rows` that are not missing, a piece at a time. */
function* numbersOf(table: ColumnTable, column: Column, rows: Rows): Generator<Float64Array> {
  const size = sizeOf(column, rows);
  const values = new Float64Array(Math.min(size, ROWS_AT_ONCE));
  for (let first = 0; first < size; first += ROWS_AT_ONCE) {
    const length = Math.min(ROWS_AT_ONCE, size - first);
    const piece = rows?.subarray(first, first + length) ?? Int32Array.from({ length }, (_, i) => first + i);
    // No number of a file is infinite.
    encodeNumeric(table, column, piece, Infinity, { values, width: 1, offset: 0 });
    let count = 0;
    for (let i = 0; i < length; i++) if (values[i] !== Infinity) values[count++] = values[i];
    yield values.subarray(0, count);
  }
}

function centre(table: ColumnTable, column: Column, rows: Rows, policy: 'mean' | 'median' | 'most_frequent'): number {
  if (policy === 'mean') {
    let [sum, count] = [0, 0];
    for (const piece of numbersOf(table, column, rows)) {
      for (let i = 0; i < piece.length; i++) sum += piece[i];
      count += piece.length;
    }
    return sum / count;
  }
  const all = new Float64Array(sizeOf(column, rows));
  let count = 0;
  for (const piece of numbersOf(table, column, rows)) {
    all.set(piece, count);
    count += piece.length;
  }
  const sorted = all.subarray(0, count).sort();
  if (policy === 'most_frequent') return mode(sorted);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The smallest of the most frequent values. */
function mode(sorted: Float64Array): number {
  let [best, most] = [sorted[0], 0];
  for (let start = 0; start < sorted.length;) {
    let end = start + 1;
    while (end < sorted.length && sorted[end] === sorted[start]) end++;
    if (end - start > most) [best, most] = [sorted[start], end - start];
    start = end;
  }
  return best;
}

/** Writes the numbers of `rows`, with `fill` for missing ones. Throws DataError for what is missing (without fill) or no number. */
export function encodeNumeric(
  table: ColumnTable,
  column: Column,
  rows: Rows,
  fill: number | undefined,
  target: MatrixColumn,
): void {
  // Computed once per text.
  const numberOf = Float64Array.from(column.values, (text) =>
    column.isMissing(text) ? (fill ?? NaN) : parseNumber(text),
  );
  const bad = column.writeNumbers(rows, numberOf, target);
  if (bad >= 0) throw unusable(table, column, rows === undefined ? bad : rows[bad]);
}

const MISSING_HINT = 'set data.source.missing to drop, mean, median or most_frequent';

function unusable(table: ColumnTable, column: Column, row: number): DataError {
  const value = column.text(row);
  if (!column.isMissing(value)) return notANumber(table, column, row);
  const shown = value === '' ? '' : ` ("${value}")`;
  return errorAt(table, column, row, `missing value${shown} in column "${column.name}"`, MISSING_HINT);
}

function notANumber(table: ColumnTable, column: Column, row: number): DataError {
  const value = column.text(row);
  const spoilt = howSpoilt(value);
  const hint =
    spoilt !== undefined
      ? `${spoilt}; a column of categories is listed under data.source.categorical`
      : `if "${value.slice(0, 60)}" stands for a missing value, list it under data.source.missing_values; ` +
        `if "${column.name}" is a column of categories, under data.source.categorical`;
  const problem = `expected a number in column "${column.name}", got "${value.slice(0, 60)}"`;
  return errorAt(table, column, row, problem, hint);
}

/** For each feature that a column comes to, whether it is a measure, which preprocessing maps, or a 0 or 1, which it leaves. */
export function measuresOf(encoding: ColumnEncoding): boolean[] {
  switch (encoding.kind) {
    case 'numeric':
      return encoding.indicator === true ? [true, false] : [true];
    case 'categorical':
      return encoding.categories.map(() => false);
    case 'hashed':
      return Array<boolean>(encoding.buckets).fill(false);
  }
}

/** Number of features of a column. */
export const widthOf = (encoding: ColumnEncoding): number => measuresOf(encoding).length;

/** Writes the features that `encoding` makes of `rows`. An unseen category is all zeros, and so is a missing one. */
export function encodeColumn(
  table: ColumnTable,
  column: Column,
  rows: Rows,
  encoding: ColumnEncoding,
  missing: MissingPolicy,
  target: MatrixColumn,
): void {
  const { values, width, offset } = target;
  const size = sizeOf(column, rows);
  if (encoding.kind === 'numeric') {
    encodeNumeric(table, column, rows, encoding.fill, target);
    if (encoding.indicator !== true) return;
    const lacks = missingOf(column);
    for (let i = 0; i < size; i++) {
      if (lacks[column.code(rows === undefined ? i : rows[i])]) values[i * width + offset + 1] = 1;
    }
    return;
  }
  const lacking = missing === 'error' ? firstMissing(column, rows) : undefined;
  if (lacking !== undefined) {
    const hint =
      'set data.source.missing to drop or most_frequent; with mean or median a missing category is all zeros';
    throw errorAt(table, column, lacking, `missing value in column "${column.name}"`, hint);
  }
  const indexOfTexts = (texts: readonly string[]): Int32Array =>
    encoding.kind === 'hashed' ? indexOfEachBucket(texts, column) : indexOfEachCategory(texts, encoding, column);
  const indexOf = indexOfTexts(column.values);
  // Among words there may be numbers, which have no code.
  const indexOfNumber = new Map<number, number>();
  const ofNumber = (row: number): number => {
    const number = column.numberAt(row);
    let index = indexOfNumber.get(number);
    if (index === undefined) indexOfNumber.set(number, (index = indexOfTexts([column.text(row)])[0]));
    return index;
  };
  for (let i = 0; i < size; i++) {
    const row = rows === undefined ? i : rows[i];
    const code = column.code(row);
    const index = code < 0 ? ofNumber(row) : indexOf[code];
    if (index >= 0) values[i * width + offset + index] = 1;
  }
}

/** A hashed column has the numbers of its buckets for values. */
const indexOfEachBucket = (texts: readonly string[], column: Column): Int32Array =>
  Int32Array.from(texts, (text) => (column.isMissing(text) ? -1 : Number(text)));

function indexOfEachCategory(
  texts: readonly string[],
  { categories, exact_names: exact, fill }: ColumnEncoding & { kind: 'categorical' },
  column: Column,
): Int32Array {
  const indices = indexOfEachValue(texts, categories, exact === true);
  if (fill === undefined) return indices;
  return indices.map((index, i) => (column.isMissing(texts[i]) ? categories.indexOf(fill) : index));
}

/** Throws DataError for the first row without a target: targets are never imputed. */
export function refuseMissingTargets(table: ColumnTable, column: Column): void {
  const row = firstMissing(column, undefined);
  if (row === undefined) return;
  throw errorAt(table, column, row, `missing value in the target column "${column.name}"`, MISSING_TARGET_HINT);
}

const MISSING_TARGET_HINT = 'remove the row, or set data.source.missing to drop';

/** Throws DataError if `name` is not in the file's `names`. */
export function requireColumn(
  file: string,
  names: readonly string[],
  name: string,
  hint: () => string | undefined,
): void {
  if (names.includes(name)) return;
  throw new DataError(`no column "${name}"; the columns are ${listed(names, 20)}`, { file, hint: hint() });
}

/** Throws DataError with the nearest of the names that the table has. */
export function missingColumn(table: ColumnTable, name: string): never {
  requireColumn(table.file, table.names, name, () => didYouMean(name, table.names) ?? 'training had this column');
  throw new Error(`column "${name}" was not read`);
}
