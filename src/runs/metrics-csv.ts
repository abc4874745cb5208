import { closeSync, fstatSync, fsyncSync, openSync } from 'node:fs';
import { readRegularSync } from '../config/regular-file.js';
import { writeFileAtomic, writeFully } from './atomic-file.js';
import { errorCode, explainSystemError } from '../config/system-error.js';
import { FileWriteError } from './file-error.js';
import { RunDirectoryError } from './run-directory-error.js';

/** One row of metrics.csv by column name; a column that is absent or undefined is an empty cell. */
export type MetricsRow = Readonly<Record<string, number | undefined>>;

/** What String() prints, and what a spreadsheet may make of it. */
const numberForm = /^(?:NaN|-?Infinity|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/;

export interface MetricsTable {
  readonly columns: readonly string[];
  readonly rows: readonly MetricsRow[];
}

/** The columns of metrics.csv for a run whose epochs have these figures, such as `train/loss`. */
export const metricsColumns = (figures: readonly string[]): string[] => ['epoch', 'step', 'time_s', ...figures];

/**
 * Appends a row, and before the first one the header; it is on the disk when this returns. A checkpoint must be
 * saved after the rows up to its step, so that none is missing after a resume. Throws `FileWriteError`.
 */
export function appendMetricsRow(path: string, columns: readonly string[], row: MetricsRow): void {
  for (const name of columns) if (/[",\r\n]/.test(name)) throw new TypeError(`"${name}" cannot be a column of a CSV`);
  for (const name of Object.keys(row)) if (!columns.includes(name)) throw new TypeError(`no column named "${name}"`);
  try {
    const descriptor = openSync(path, 'a');
    try {
      const header = fstatSync(descriptor).size === 0 ? `${columns.join(',')}\n` : '';
      writeFully(descriptor, Buffer.from(header + formatRow(columns, row)));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new FileWriteError(path, error);
  }
}

/**
 * Reads metrics.csv; every number is the float64 that was written. A last line without its line end was cut off
 * by a crash and is left out. Throws `RunDirectoryError` with the line for anything else that does not fit.
 */
export function readMetrics(path: string): MetricsTable {
  const { columns, lines } = readLines(path);
  return { columns, rows: lines.map((line, i) => parseRow(path, columns, line, i + 2)) };
}

/**
 * Drops the rows whose step is after `step`, and a half-written last line, by an atomic rewrite. The rows that
 * stay keep their bytes. A file that does not exist yet has nothing to drop.
 */
export function truncateMetricsAfter(path: string, step: number): void {
  const text = readText(path);
  if (text === undefined) return;
  const { columns, lines } = readLines(path);
  const kept = lines.filter((line, i) => {
    const at = parseRow(path, columns, line, i + 2).step;
    return at !== undefined && at <= step;
  });
  const rewritten = columns.length === 0 ? '' : [columns.join(','), ...kept].map((line) => `${line}\n`).join('');
  if (rewritten !== text) writeFileAtomic(path, rewritten);
}

/** String() prints the shortest text that reads back as the same float64. */
function formatRow(columns: readonly string[], row: MetricsRow): string {
  return `${columns.map((name) => (row[name] === undefined ? '' : printed(row[name]))).join(',')}\n`;
}

/** All but -0, for which it prints 0. */
function printed(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function readText(path: string): string | undefined {
  try {
    return readRegularSync(path).toString('utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    const { problem, hint } = explainSystemError(error);
    throw new RunDirectoryError(path, `cannot be read: ${problem}`, hint, { cause: error });
  }
}

/** The column names and the complete data lines; no columns where not even the header is complete. */
function readLines(path: string): { columns: string[]; lines: string[] } {
  const complete = (readText(path) ?? '').split('\n').slice(0, -1);
  return { columns: complete.length === 0 ? [] : complete[0].split(','), lines: complete.slice(1) };
}

function parseRow(path: string, columns: readonly string[], line: string, lineNumber: number): MetricsRow {
  const hint = 'the file was changed by hand or is damaged: correct this line, or delete it';
  const cells = line.split(',');
  if (cells.length !== columns.length) {
    throw new RunDirectoryError(
      `${path}:${lineNumber}`,
      `has ${cells.length} cells for ${columns.length} columns`,
      hint,
    );
  }
  const values = cells.map((cell, i) => {
    if (cell === '') return undefined;
    if (!numberForm.test(cell)) {
      throw new RunDirectoryError(
        `${path}:${lineNumber}`,
        `${columns[i]} is not a number: ${JSON.stringify(cell.slice(0, 80))}`,
        hint,
      );
    }
    return Number(cell);
  });
  return Object.fromEntries(columns.map((name, i) => [name, values[i]]));
}
