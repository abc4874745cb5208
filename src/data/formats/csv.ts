/** A CSV file as columns: every record gets its line, and errors name line and column. */
import { counted, DataError } from '../data-error.js';
import type { DataFiles } from '../data-files.js';
import { readRecords, type TakeRecord } from './csv-records.js';
import { LineIndex } from './line-index.js';
import type { ColumnSink, TableRows, TableSink } from './table-sink.js';
import { textBlocks } from './text-lines.js';

export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
}

/** Reads a CSV file whole into `sink`. Throws DataError with line and column for anything that does not match `dialect`. */
export async function readCsv(
  files: DataFiles,
  name: string,
  dialect: CsvDialect,
  sink: TableSink,
): Promise<TableRows> {
  const file = files.resolve(name);
  const lines = new LineIndex();
  let columns: ColumnSink[] | undefined;

  const take: TakeRecord = (fields, line) => {
    if (columns === undefined) {
      const names = columnNames(fields, dialect.header, file, line);
      sink.header(names);
      columns = names.map((name) => sink.addColumn(name));
      if (dialect.header) return;
    }
    if (fields.length !== columns.length) throw wrongFieldCount(fields.length, columns, file, line, dialect);
    for (let i = 0; i < fields.length; i++) columns[i].push(fields[i]);
    lines.push(line);
  };

  await readRecords(textBlocks(files.stream(name), file), file, dialect, take);
  if (columns === undefined) throw new DataError('the file is empty', { file });
  if (lines.size === 0) throw new DataError('the file has a header but no rows', { file });
  return { size: lines.size, placeOf: (row, column) => ({ file, line: lines.lineOf(row), column }) };
}

function columnNames(fields: readonly string[], header: boolean, file: string, line: number): string[] {
  // A header may leave the row-number column unnamed; without a header no column has a name.
  const names = fields.map((field, i) => (header && field !== '' ? field : `c${i}`));
  const repeated = firstRepeated(names);
  if (repeated >= 0) {
    const name = names[repeated];
    throw new DataError(
      `the header has two columns named "${name}" (columns ${names.indexOf(name) + 1} and ${repeated + 1})`,
      { file, line, column: repeated + 1, hint: 'rename one; for a file without a header line set header: false' },
    );
  }
  return names;
}

/** The index of the first duplicate name, or -1. */
function firstRepeated(names: readonly string[]): number {
  const seen = new Set<string>();
  return names.findIndex((name) => seen.size === seen.add(name).size);
}

function wrongFieldCount(
  count: number,
  columns: readonly { name: string }[],
  file: string,
  line: number,
  { delimiter, quote, header }: CsvDialect,
): DataError {
  const asIn = header ? 'as in the header' : 'as in the first row';
  const problem = `expected ${counted(columns.length, 'field')}, ${asIn}, got ${count}`;
  if (count > columns.length) {
    const hint = `a field that contains "${delimiter}" must be quoted: ${quote}a${delimiter}b${quote}`;
    return new DataError(problem, { file, line, column: columns.length + 1, hint });
  }
  return new DataError(`${problem}: no field for column "${columns[count].name}"`, {
    file,
    line,
    column: count + 1,
  });
}
