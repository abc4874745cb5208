/** Numbers and tables as people read them. */
import { formatCount } from '../config/format-count.js';
import type { LoadedData } from '../data/index.js';
import type { ReportTable } from '../nn/metrics/index.js';
import type { Figures } from '../train/index.js';

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

/** Few digits, and those that count: `0.00012346`, `1.5e-9`. */
export const formatFigure = (value: number): string => String(Number(value.toPrecision(4)));

/** Rows below a header, in columns; those in `right` (by header) aligned to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string[] {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  return [header, ...rows].map((row) =>
    row
      .map((cell, i) => (right.includes(header[i]) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}

/** `val/loss 0.12541  val/accuracy 0.9622` */
export const formatFigures = (figures: Figures, prefix = ''): string =>
  Object.entries(figures)
    .map(([name, value]) => `${prefix}${name} ${Number(value.toPrecision(5))}`)
    .join('  ');

/** The tables below their names. */
export const formatReports = (reports: Readonly<Record<string, ReportTable>> = {}): string[] =>
  Object.entries(reports).flatMap(([name, { rows, columns, values }]) => {
    const show = (value: number): string => (Number.isInteger(value) ? formatCount(value) : formatFigure(value));
    const cells = rows.map((row, i) => [row, ...values[i].map(show)]);
    return [
      `${name.replaceAll('_', ' ')}:`,
      ...formatTable(['', ...columns], cells, [...columns]).map((line) => `  ${line}`),
    ];
  });

/** `2.5 s`, `2 min 05 s`, `1 h 04 min`. */
export function formatTime(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** `55,000 training, 5,000 validation, 10,000 test samples`. */
export function formatSizes({ train, val, test }: Pick<LoadedData, 'train' | 'val' | 'test'>): string {
  const parts = { training: train, validation: val, test };
  const sizes = Object.entries(parts).flatMap(([name, split]) => (split ? [`${formatCount(split.size)} ${name}`] : []));
  return `${sizes.join(', ')} samples`;
}

/** `weights that are exactly 0: 83.1 % (layers.0.weight 85 %, layers.1.weight 12.5 %)` */
export function formatSparsity({ total, ...tensors }: Figures): string {
  const percent = (share: number): string => `${formatFigure(100 * share)} %`;
  const each = Object.entries(tensors).map(([name, share]) => `${name} ${percent(share)}`);
  return `weights that are exactly 0: ${percent(total)} (${each.join(', ')})`;
}
