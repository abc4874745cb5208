/**
 * A CSV file as columns. csv-parse does the parsing, fed as a stream; here every record gets its
 * line, and what is wrong is told with line and column. What the columns mean is decided in tabular/.
 */
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { counted, DataError } from '../data-error.js';
import type { DataFiles } from '../data-files.js';
import { LONGEST_LINE, textBlocks } from './text-lines.js';
import { ColumnBuilder } from '../tabular/column.js';
import type { ColumnTable, TableWishes } from '../tabular/table.js';

export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
}

/** Reads a CSV file whole. Throws DataError with line and column for anything that is not as `dialect` says. */
export async function readCsv(
  files: DataFiles,
  name: string,
  dialect: CsvDialect,
  wishes: TableWishes,
): Promise<ColumnTable> {
  const file = files.resolve(name);
  const lines: number[] = [];
  let columns: ColumnBuilder[] | undefined;
  let linesBefore = 0;
  let emptyLines = 0;

  const take = (fields: string[]): void => {
    const line = 1 + linesBefore + emptyLines;
    linesBefore++;
    for (const field of fields) if (field.includes('\n')) linesBefore += field.split('\n').length - 1;
    if (columns === undefined) {
      const names = columnNames(fields, dialect.header, file, line);
      wishes.header(names);
      columns = names.map((name, i) => new ColumnBuilder(name, i + 1, wishes.useOf(name), file));
      if (dialect.header) return;
    }
    if (fields.length !== columns.length) throw wrongFieldCount(fields, columns, file, line, dialect);
    for (let i = 0; i < fields.length; i++) columns[i].push(fields[i]);
    lines.push(line);
  };

  const parser = parse({
    bom: true,
    delimiter: dialect.delimiter,
    quote: dialect.quote === '' ? null : dialect.quote,
    escape: dialect.quote === '' ? null : dialect.quote,
    record_delimiter: ['\r\n', '\n', '\r'],
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: LONGEST_LINE,
    on_record: (record: string[], context) => {
      emptyLines = context.empty_lines;
      take(record);
      return null;
    },
  });
  try {
    await pipeline(files.stream(name), (chunks: AsyncIterable<Buffer>) => textBlocks(chunks, file), parser.resume());
  } catch (error) {
    throw error instanceof CsvError ? inOurWords(error, file, 1 + linesBefore + emptyLines) : error;
  }
  if (columns === undefined) throw new DataError('the file is empty', { file });
  if (lines.length === 0) throw new DataError('the file has a header but no rows', { file });
  const lineOf = Int32Array.from(lines);
  return {
    file,
    columns: columns.map((column) => column.build()),
    names: columns.map((column) => column.name),
    size: lineOf.length,
    placeOf: (row, column) => ({ file, line: lineOf[row], column: column?.number }),
  };
}

function columnNames(fields: readonly string[], header: boolean, file: string, line: number): string[] {
  // A header may leave the column of row numbers without a name; without a header no column has one.
  const names = fields.map((field, i) => (header && field !== '' ? field : `c${i}`));
  const repeated = names.findIndex((name, i) => names.indexOf(name) < i);
  if (repeated >= 0) {
    const name = names[repeated];
    throw new DataError(
      `the header has two columns named "${name}" (columns ${names.indexOf(name) + 1} and ${repeated + 1})`,
      { file, line, column: repeated + 1, hint: 'rename one; for a file without a header line set header: false' },
    );
  }
  return names;
}

function wrongFieldCount(
  fields: readonly string[],
  columns: readonly { name: string }[],
  file: string,
  line: number,
  { delimiter, quote, header }: CsvDialect,
): DataError {
  const asIn = header ? 'as in the header' : 'as in the first row';
  const problem = `expected ${counted(columns.length, 'field')}, ${asIn}, got ${fields.length}`;
  if (fields.length > columns.length) {
    const hint = `a field that contains "${delimiter}" must be quoted: ${quote}a${delimiter}b${quote}`;
    return new DataError(problem, { file, line, column: columns.length + 1, hint });
  }
  return new DataError(`${problem}: no field for column "${columns[fields.length].name}"`, {
    file,
    line,
    column: fields.length + 1,
  });
}

/** csv-parse's complaint about the record that starts on `line`. */
function inOurWords(error: CsvError, file: string, line: number): DataError {
  const column = typeof error.column === 'number' ? error.column + 1 : undefined;
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return new DataError('a quote is opened and never closed', { file, line });
    case 'INVALID_OPENING_QUOTE':
      return new DataError('a quote stands inside of a field that is not quoted', {
        file,
        line,
        column,
        hint: 'quote the whole field and double the quotes in it: "5"" pipe"',
      });
    case 'CSV_INVALID_CLOSING_QUOTE':
      return new DataError('there is text between the closing quote and the delimiter', { file, line, column });
    case 'CSV_MAX_RECORD_SIZE':
      return new DataError(`a record of more than ${LONGEST_LINE} characters`, {
        file,
        line,
        hint: 'is this a CSV file, or is a quote never closed?',
      });
    default:
      return new DataError(error.message, { file, line, column });
  }
}
