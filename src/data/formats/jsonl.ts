/**
 * JSON lines (https://jsonlines.org): one object per line, whose keys are columns. An absent key, or null, is a
 * missing value.
 */
import { DataError } from '../data-error.js';
import type { DataFiles } from '../data-files.js';
import { LineIndex } from './line-index.js';
import type { ColumnSink, TableRows, TableSink } from './table-sink.js';
import { textLines } from './text-lines.js';

/** With more distinct keys than this, the keys are data rather than columns. */
const MOST_COLUMNS = 10_000;

/** Reads a whole JSON lines file into `sink`. Throws DataError with the line of anything that is not a flat object. */
export async function readJsonl(files: DataFiles, name: string, sink: TableSink): Promise<TableRows> {
  const file = files.resolve(name);
  const columns = new Map<string, ColumnSink>();
  const filled = new Map<string, number>();
  const lines = new LineIndex();
  for await (const { text, line } of textLines(files.stream(name), file)) {
    if (text.trim() === '') continue;
    const row = lines.size;
    for (const [key, value] of Object.entries(parseObject(text, file, line))) {
      let column = columns.get(key);
      if (column === undefined) {
        if (columns.size === MOST_COLUMNS)
          throw new DataError(`more than ${MOST_COLUMNS} distinct keys`, { file, line });
        column = sink.addColumn(key);
        columns.set(key, column);
      }
      // Earlier rows lacked the key.
      for (let missed = filled.get(key) ?? 0; missed < row; missed++) column.push('');
      pushValue(column, value, file, line);
      filled.set(key, row + 1);
    }
    lines.push(line);
  }
  if (lines.size === 0) throw new DataError('the file is empty', { file });
  for (const [key, column] of columns) {
    for (let missed = filled.get(key) ?? 0; missed < lines.size; missed++) column.push('');
  }
  return { size: lines.size, placeOf: (row) => ({ file, line: lines.lineOf(row) }) };
}

/** A run of digits that a float64 may not hold exactly: usually an identifier. */
const LONG_NUMBER = /\d{16}/;
/** A string, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON with integers beyond 2^53 as strings, so that they stay distinct. */
const withLongNumbersQuoted = (text: string): string =>
  text.replace(TOKEN, (token) =>
    /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );

function parseObject(text: string, file: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(LONG_NUMBER.test(text) ? withLongNumbersQuoted(text) : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`not JSON: ${reason.slice(0, 120)}`, { file, line, hint: 'each line is one object: {"a": 1}' });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const shown = text.trim().slice(0, 40);
    throw new DataError(`expected an object, got ${shown}`, { file, line, hint: 'each line is one object: {"a": 1}' });
  }
  return value as Record<string, unknown>;
}

function pushValue(column: ColumnSink, value: unknown, file: string, line: number): void {
  if (value === null) column.push('');
  else if (typeof value === 'number') column.pushNumber(value);
  else if (typeof value === 'string' || typeof value === 'boolean') column.push(String(value));
  else {
    throw new DataError(`the value of "${column.name}" is nested; a feature must be one number or text`, {
      file,
      line,
      hint: `leave it out: drop: [${column.name}]`,
    });
  }
}
