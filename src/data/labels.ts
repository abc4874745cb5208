/**
 * Columns of names: class labels and categories. A column is stored as its distinct values and a code per row, so that what is
 * decided by value (is it a number? which class is it?) is decided once for each value.
 */
import { nearest } from '../config/nearest.js';
import { DataError, listed, type DataErrorPlace } from './data-error.js';
import type { Rows } from './fields.js';

export interface Labels {
  /** Distinct values, in the order of first appearance. */
  readonly values: readonly string[];
  /** For each row the index of its value. */
  readonly codes: Int32Array;
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** The number that `text` spells in decimal notation, or NaN: no hex, no "Infinity", nothing around it. */
export function parseNumber(text: string): number {
  if (!NUMBER.test(text)) return NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : NaN;
}

const isNumber = (text: string): boolean => !Number.isNaN(parseNumber(text));

function byCodePoint(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i].codePointAt(0) ?? 0) - (right[i].codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Each code that occurs in `rows` of `labels`, once. */
export function codesIn(labels: Labels, rows: Rows): number[] {
  const seen = new Uint8Array(labels.values.length);
  const { codes } = labels;
  const count = rows?.length ?? codes.length;
  for (let i = 0; i < count; i++) seen[codes[rows === undefined ? i : rows[i]]] = 1;
  return labels.values.flatMap((_, code) => (seen[code] === 1 ? [code] : []));
}

/**
 * The distinct names among `values`, sorted: as numbers where all are numbers (then "1.0" and "1" are one name), else by code
 * point.
 */
export function sortedNames(values: readonly string[]): string[] {
  if (values.every(isNumber)) {
    const numbers = new Set(values.map((value) => parseNumber(value) + 0));
    return [...numbers].sort((a, b) => a - b).map(String);
  }
  return [...new Set(values)].sort(byCodePoint);
}

/** For each of `values` its index among `names`, or -1 where it is none of them. */
export function indexOfEachValue(values: readonly string[], names: readonly string[]): Int32Array {
  const indices = new Map(names.map((name, index) => [name, index]));
  const numeric = names.every(isNumber);
  const canonical = (value: string): string => (numeric && isNumber(value) ? String(parseNumber(value) + 0) : value);
  return Int32Array.from(values, (value) => indices.get(canonical(value)) ?? -1);
}

/** Where a row of the labels stands in its file. */
export type PlaceOfRow = (row: number) => DataErrorPlace;

/** The class names of the training rows. Throws DataError where there are fewer than two. */
export function fitClasses(labels: Labels, rows: Rows, placeOf: PlaceOfRow): string[] {
  const classes = sortedNames(codesIn(labels, rows).map((code) => labels.values[code]));
  if (classes.length >= 2) return classes;
  throw new DataError(`the training split has only one class (${classes[0]}); classification needs at least two`, {
    file: placeOf(0).file,
    hint: 'is the target the right column? Where the file is sorted by class, let data.split shuffle it',
  });
}

/** The class index of each of `rows`. Throws DataError for a class that is none of `classes`. */
export function encodeClasses(labels: Labels, rows: Rows, classes: readonly string[], placeOf: PlaceOfRow): Int32Array {
  const indexOf = indexOfEachValue(labels.values, classes);
  const { codes } = labels;
  const encoded = new Int32Array(rows?.length ?? codes.length);
  for (let i = 0; i < encoded.length; i++) {
    const row = rows === undefined ? i : rows[i];
    const index = indexOf[codes[row]];
    if (index < 0) throw unknownClass(labels.values[codes[row]], classes, placeOf(row));
    encoded[i] = index;
  }
  return encoded;
}

function unknownClass(value: string, classes: readonly string[], place: DataErrorPlace): DataError {
  const similar = nearest(value, classes);
  const hint =
    similar !== undefined && !isNumber(value)
      ? `did you mean "${similar}"?`
      : isNumber(value) && classes.length > 50
        ? 'a target of so many numbers is usually one of regression: set task: regression'
        : 'a rare class needs data.split: {stratify: true}, which puts every class into the training split';
  return new DataError(`class "${value}" does not occur in the training split (${listed(classes)})`, {
    ...place,
    hint,
  });
}
