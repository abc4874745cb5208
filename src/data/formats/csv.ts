/**
 * A CSV file as columns of distinct values and codes. csv-parse does the parsing, fed as a stream; here every record gets its
 * line, and what is wrong is told with line and column. What the columns mean is decided in tabular/.
 */
import { isUtf8 } from 'node:buffer';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { counted, DataError } from '../data-error.js';
import type { DataFiles } from '../data-files.js';
import { isGzip } from './idx.js';
import type { Column, ColumnTable } from '../tabular/table.js';

export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
}

/** A record longer than this is a file that is no CSV, or a quote that never ends. */
const LONGEST_RECORD = 1 << 22;

class ColumnBuilder {
  private readonly codeOf = new Map<string, number>();
  readonly codes: number[] = [];

  constructor(
    readonly name: string,
    readonly number: number,
  ) {}

  push(value: string): void {
    let code = this.codeOf.get(value);
    if (code === undefined) {
      code = this.codeOf.size;
      this.codeOf.set(value, code);
    }
    this.codes.push(code);
  }

  build(): Column {
    const { name, number } = this;
    return { name, number, values: [...this.codeOf.keys()], codes: Int32Array.from(this.codes) };
  }
}

/** Reads a CSV file whole. Throws DataError with line and column for anything that is not as `dialect` says. */
export async function readCsv(files: DataFiles, name: string, dialect: CsvDialect): Promise<ColumnTable> {
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
      columns = columnNames(fields, dialect.header, file, line).map((name, i) => new ColumnBuilder(name, i + 1));
      if (dialect.header) return;
    }
    if (fields.length !== columns.length) throw wrongFieldCount(fields, columns, file, line, dialect);
    columns.forEach((column, i) => column.push(fields[i]));
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
    max_record_size: LONGEST_RECORD,
    on_record: (record: string[], context) => {
      emptyLines = context.empty_lines;
      take(record);
      return null;
    },
  });
  try {
    await pipeline(files.stream(name), (chunks: AsyncIterable<Buffer>) => onlyUtf8(chunks, file), parser.resume());
  } catch (error) {
    throw error instanceof CsvError ? inOurWords(error, file, 1 + linesBefore + emptyLines) : error;
  }
  if (columns === undefined) throw new DataError('the file is empty', { file });
  if (lines.length === 0) throw new DataError('the file has a header but no rows', { file });
  const lineOf = Int32Array.from(lines);
  return {
    file,
    columns: columns.map((column) => column.build()),
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
      return new DataError(`a record of more than ${LONGEST_RECORD} characters`, {
        file,
        line,
        hint: 'is this a CSV file, or is a quote never closed?',
      });
    default:
      return new DataError(error.message, { file, line, column });
  }
}

/** Hands the bytes on as they come, cut at line ends, and refuses what is not UTF-8 text with the line it is on. */
async function* onlyUtf8(chunks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  const check = (block: Buffer): Buffer => {
    if (!isUtf8(block) || block.includes(0)) throw notText(block, file, line);
    for (let at = block.indexOf(10); at >= 0; at = block.indexOf(10, at + 1)) line++;
    return block;
  };
  let first = true;
  for await (const chunk of chunks) {
    if (first && isGzip(chunk)) throw new DataError('the file is compressed', { file, hint: 'unpack it: gunzip' });
    first = false;
    const block = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    // No character of UTF-8 contains a byte below 128 but those of ASCII, so a line end never cuts one.
    const end = Math.max(block.lastIndexOf(10), block.lastIndexOf(13)) + 1;
    rest = block.subarray(end);
    if (rest.length > LONGEST_RECORD) {
      throw new DataError(`a line of more than ${LONGEST_RECORD} bytes`, { file, line, hint: 'is this a CSV file?' });
    }
    if (end > 0) yield check(block.subarray(0, end));
  }
  if (rest.length > 0) yield check(rest);
}

function notText(block: Buffer, file: string, firstLine: number): DataError {
  const isUtf16 = firstLine === 1 && block.length > 1 && [0xfeff, 0xfffe].includes(block.readUInt16BE(0));
  if (isUtf16) return new DataError('the file is UTF-16', { file, hint: 'save it as UTF-8' });
  let line = firstLine;
  for (let start = 0; start < block.length; line++) {
    const end = block.indexOf(10, start);
    const text = block.subarray(start, end < 0 ? block.length : end);
    if (text.includes(0)) return new DataError('a zero byte: this is not a text file', { file, line });
    if (!isUtf8(text)) break;
    start += text.length + 1;
  }
  return new DataError('not valid UTF-8', { file, line, hint: 'save the file as UTF-8 (it may be in Latin-1)' });
}
