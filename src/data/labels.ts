/**
 * Columns of names: class labels and categories. A column is stored as its distinct values and a code per row, so that what
 * depends on the value (is it a number? which class is it?) is computed once per value.
 */
import { nearest } from '../config/nearest.js';
import { DataError, listed, type DataErrorPlace } from './data-error.js';
import type { Rows } from './fields.js';

export interface Labels {
  /** Distinct values, in order of first appearance. */
  readonly values: readonly string[];
  /** The index of each row's value. */
  readonly codes: Int32Array;
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** `text` parsed as a decimal number, or NaN: no hex, no "Infinity", no surrounding space. */
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
 * The distinct names among `values`, sorted: by number where all are numbers, else by code point. Names are kept as written: 1.1 and
 * 1.10, or 7 and 007, are two, since a version or a postcode only looks like a number.
 */
export function sortedNames(values: readonly string[]): string[] {
  const names = [...new Set(values)].sort(byCodePoint);
  return names.every(isNumber) ? names.sort((a, b) => parseNumber(a) - parseNumber(b)) : names;
}

/**
 * For each of `values` its index among `names`, or -1. `exact` is false for names of an old checkpoint, which has
 * numbers in their shortest form, the same for "1.0" and "1".
 */
export function indexOfEachValue(values: readonly string[], names: readonly string[], exact: boolean): Int32Array {
  const indices = new Map(names.map((name, index) => [name, index]));
  const numeric = !exact && names.every(isNumber);
  const canonical = (value: string): string => (numeric && isNumber(value) ? String(parseNumber(value) + 0) : value);
  return Int32Array.from(values, (value) => indices.get(canonical(value)) ?? -1);
}

/** The location of a row of the labels in its file. */
export type PlaceOfRow = (row: number) => DataErrorPlace;

/** The class names of the training rows. Throws DataError if there are fewer than two. */
export function fitClasses(labels: Labels, rows: Rows, placeOf: PlaceOfRow): string[] {
  const classes = sortedNames(codesIn(labels, rows).map((code) => labels.values[code]));
  if (classes.length >= 2) return classes;
  throw new DataError(`the training split has only one class (${classes[0]}); classification needs at least two`, {
    file: placeOf(0).file,
    hint: 'is the target the right column? If the file is sorted by class, let data.split shuffle it',
  });
}

/** The class names in an encoding. */
interface ClassNames {
  readonly classes?: readonly string[];
  readonly exact_names?: true;
}

/** The class index of each of `rows`. Throws DataError for a class that is not in `classes`. */
export function encodeClasses(
  labels: Labels,
  rows: Rows,
  { classes = [], exact_names: exact }: ClassNames,
  placeOf: PlaceOfRow,
): Int32Array {
  const indexOf = indexOfEachValue(labels.values, classes, exact === true);
  const { codes } = labels;
  const encoded = new Int32Array(rows?.length ?? codes.length);
  for (let i = 0; i < encoded.length; i++) {
    const row = rows === undefined ? i : rows[i];
    const index = indexOf[codes[row]];
    if (index < 0) {
      const code = codes[row];
      const count = codes.reduce((sum, other) => sum + Number(other === code), 0);
      throw unknownClass(labels.values[code], count, classes, placeOf(row));
    }
    encoded[i] = index;
  }
  return encoded;
}

/** A hint naming another of `names` that is the same number as `value`; undefined if there is none. */
export function sameNumberHint(value: string, names: readonly string[]): string | undefined {
  const same = isNumber(value) ? names.find((name) => name !== value && parseNumber(name) === parseNumber(value)) : undefined; // prettier-ignore
  return same === undefined ? undefined : `class names are compared as written: is it "${same}"?`;
}

function unknownClass(value: string, count: number, classes: readonly string[], place: DataErrorPlace): DataError {
  const similar = isNumber(value) ? undefined : nearest(value, classes);
  const rare =
    count < 2
      ? 'a class with one sample cannot be split: remove the row'
      : 'a rare class needs data.split: {stratify: true}, which puts every class into the training split';
  const hint =
    sameNumberHint(value, classes) ??
    (similar !== undefined
      ? `did you mean "${similar}"?`
      : isNumber(value) && classes.length > 50
        ? 'a target with this many distinct numbers is usually regression: set task: regression'
        : rare);
  return new DataError(`class "${value}" does not occur in the training split (${listed(classes)})`, {
    ...place,
    hint,
  });
}
