/** Columns that number the rows of a table. */
import { sampleOf, splitNames } from '../../data/index.js';
import type { Finding, Lint } from './lint.js';

/** In fewer rows, distinct integers in a small range are no surprise. */
const FEWEST_ROWS = 20;
/** How far float32 may be from an integer once the preprocessing is undone: enough for a million rows. */
const ROUNDING = 0.1;

export const indexColumn: Lint = {
  description: 'a feature that numbers the rows',
  reason:
    'A row number says nothing about a sample, but where the file is sorted, by class or by time, it gives the target away, and figures ' +
    'on held-out rows of the same file look far too good. Reported for a column of integers, all different in the training split, ' +
    'whose range is not larger than the number of rows, unless it is the only feature.',
  find({ data }) {
    const { fields, size } = data.train;
    const { columns } = fields.features;
    if (columns === undefined || columns.length < 2 || size < FEWEST_ROWS) return [];
    const { affine, projection } = data.preprocessing;
    if (projection !== undefined) return [];
    // Tables are preprocessed as they are read, unless they stay bytes.
    const isMapped = data.affine === undefined;
    const rows = splitNames.reduce((sum, name) => sum + (data[name]?.size ?? 0), 0);
    // Distinct remainders and a range below the divisor make distinct values.
    let candidates = columns.flatMap(({ name, isMeasure }, entry) =>
      isMeasure ? [{ name, entry, min: Infinity, max: -Infinity, seen: new Set<number>() }] : [],
    );
    for (let i = 0; i < size && candidates.length > 0; i++) {
      const values = sampleOf(fields.features, i);
      candidates = candidates.filter((column) => {
        const { entry } = column;
        const number = isMapped ? (values[entry] - affine.shift[entry]) / affine.scale[entry] : values[entry];
        const value = Math.round(number);
        if (!(Math.abs(number - value) <= ROUNDING)) return false;
        column.min = Math.min(column.min, value);
        column.max = Math.max(column.max, value);
        const before = column.seen.size;
        column.seen.add(((value % rows) + rows) % rows);
        return column.seen.size > before && column.max - column.min < rows;
      });
    }
    return candidates.slice(0, 1).map(({ name, min, max }): Finding => {
      const message = `column "${name}" numbers the rows: ${size} different integers from ${min} to ${max}, in ${rows} rows`;
      return { path: ['data', 'source'], message, fix: `leave it out: drop: [${name}]` };
    });
  },
};
