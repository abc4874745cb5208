/** Numbers and tables for people. */
import { formatCount } from '../config/format-count.js';
import { printableLine } from '../config/printable.js';
import type { LoadedData } from '../data/index.js';
import type { ReportTable } from '../nn/index.js';
import { formatFigure } from '../runner/text.js';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1536` as `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let size = bytes;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** Rows below a header, in columns; those in `right` (by header) aligned to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string[] {
  const [titles, cells] = [header.map(printableLine), rows.map((row) => row.map(printableLine))];
  const widths = titles.map((title, i) => cells.reduce((widest, row) => Math.max(widest, row[i].length), title.length));
  return [titles, ...cells].map((row) =>
    row
      .map((cell, i) => (right.includes(header[i]) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}

/** The tables, each under its name. */
export const formatReports = (reports: Readonly<Record<string, ReportTable>> = {}): string[] =>
  Object.entries(reports).flatMap(([name, { rows, columns, values }]) => {
    const show = (value: number): string => (Number.isInteger(value) ? formatCount(value) : formatFigure(value));
    const title = `${name.replaceAll('_', ' ')}:`;
    if (columns.length > MOST_COLUMNS) return [title, ...largestOffDiagonal({ rows, columns, values })];
    const shown = rows.slice(0, MOST_ROWS);
    const cells = shown.map((row, i) => [row, ...values[i].map(show)]);
    const more = rows.length - shown.length;
    return [
      title,
      ...formatTable(['', ...columns], cells, [...columns]).map((line) => `  ${line}`),
      ...(more > 0 ? [`  ... and ${formatCount(more)} more rows, which --json has`] : []),
    ];
  });

/** Larger tables are unreadable for people. */
const [MOST_COLUMNS, MOST_ROWS] = [40, 100];

/** The most frequent confusions: `7 taken for 9: 12`. */
function largestOffDiagonal({ rows, columns, values }: ReportTable): string[] {
  const found = rows.flatMap((row, i) => columns.flatMap((column, j) => (i !== j && values[i][j] > 0 ? [{ row, column, count: values[i][j] }] : []))); // prettier-ignore
  found.sort((a, b) => b.count - a.count);
  const shown = found
    .slice(0, 20)
    .map(({ row, column, count }) => `  ${row} taken for ${column}: ${formatCount(count)}`);
  return [`  of ${formatCount(rows.length)} classes; the most frequent confusions (--json has all):`, ...shown];
}

/** `55,000 training, 5,000 validation, 10,000 test samples`. */
export function formatSizes({ train, val, test }: Pick<LoadedData, 'train' | 'val' | 'test'>): string {
  const parts = { training: train, validation: val, test };
  const sizes = Object.entries(parts).flatMap(([name, split]) => (split ? [`${formatCount(split.size)} ${name}`] : []));
  return `${sizes.join(', ')} samples`;
}
