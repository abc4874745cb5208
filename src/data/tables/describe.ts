/** Describes a column of a table as stored in its file. */
import type { ColumnReport } from '../source.js';
import { countDistinct } from '../distinct.js';
import { parseNumber } from '../labels.js';
import type { Column } from './column.js';

const BINS = 10;
const MOST_VALUES = 8;

/** What a column holds; with `asText` its numbers are names. */
export function describeColumn(column: Column, asText: boolean): ColumnReport {
  const { name, size } = column;
  const missing = column.values.map((text) => column.isMissing(text));
  const numberOf = asText ? column.values.map(() => NaN) : column.values.map(parseNumber);
  const counts = new Float64Array(column.values.length);
  // Where every value is one of a few texts, these are counted instead.
  const all = new Float64Array(column.hasNumbers ? size : 0);
  let [found, min, max, sum, words] = [0, Infinity, -Infinity, 0, 0];
  for (let row = 0; row < size; row++) {
    const code = column.code(row);
    if (code >= 0) counts[code]++;
    if (code >= 0 && missing[code]) continue;
    const value = code < 0 ? column.numberAt(row) : numberOf[code];
    if (Number.isNaN(value)) {
      words++;
      continue;
    }
    if (column.hasNumbers) all[found] = value;
    found++;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const lacking = size - found - words;
  if (found + words === 0) return { name, kind: 'empty', missing: lacking };
  if (found > words) {
    const isCounted = (value: number, code: number): boolean => counts[code] > 0 && !Number.isNaN(value);
    const numbers = column.hasNumbers ? all.subarray(0, found) : Float64Array.from(numberOf.filter(isCounted));
    const times = column.hasNumbers ? undefined : counts.filter((_, code) => isCounted(numberOf[code], code));
    const histogram = new Float64Array(BINS);
    for (let i = 0; i < numbers.length; i++) {
      const share = max === min ? 0 : (numbers[i] - min) / (max - min);
      histogram[Math.min(BINS - 1, Math.floor(share * BINS))] += times === undefined ? 1 : times[i];
    }
    const distinct = countDistinct(numbers);
    return {
      name,
      kind: 'numeric',
      missing: lacking,
      distinct,
      min,
      mean: sum / found,
      max,
      histogram: [...histogram],
    };
  }
  const values = column.values
    .map((value, code): [string, number] => [value, counts[code]])
    .filter((_, code) => !missing[code] && counts[code] > 0)
    .sort((a, b) => b[1] - a[1]);
  return { name, kind: 'categorical', missing: lacking, distinct: values.length, values: values.slice(0, MOST_VALUES) };
}
