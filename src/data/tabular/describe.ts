/** What a column of a table has in its file, before anything is learned of it. */
import type { ColumnReport } from '../source.js';
import { parseNumber } from '../labels.js';
import type { Column } from './column.js';
import { isMissing } from './missing.js';

const BINS = 10;
const MOST_VALUES = 8;

export function describeColumn(column: Column): ColumnReport {
  const { name, size } = column;
  const missing = column.values.map(isMissing);
  const numberOf = column.values.map(parseNumber);
  const counts = new Float64Array(column.values.length);
  const all = new Float64Array(size);
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
    all[found++] = value;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const lacking = size - found - words;
  if (found + words === 0) return { name, kind: 'empty', missing: lacking };
  if (found > words) {
    const histogram = Array<number>(BINS).fill(0);
    for (let i = 0; i < found; i++) {
      const share = max === min ? 0 : (all[i] - min) / (max - min);
      histogram[Math.min(BINS - 1, Math.floor(share * BINS))]++;
    }
    all.subarray(0, found).sort();
    let distinct = 1;
    for (let i = 1; i < found; i++) if (all[i] !== all[i - 1]) distinct++;
    return { name, kind: 'numeric', missing: lacking, distinct, min, mean: sum / found, max, histogram };
  }
  const values = column.values
    .map((value, code): [string, number] => [value, counts[code]])
    .filter((_, code) => !missing[code] && counts[code] > 0)
    .sort((a, b) => b[1] - a[1]);
  return { name, kind: 'categorical', missing: lacking, distinct: values.length, values: values.slice(0, MOST_VALUES) };
}
