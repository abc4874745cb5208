/**
 * The records of a CSV file (RFC 4180), by csv-parse. Beyond the RFC: spaces around fields are not part of them, empty lines are
 * not records, and lines may end in LF, CRLF or CR.
 */
import { pipeline } from 'node:stream/promises';
import type { CsvError } from 'csv-parse';
import { DataError } from '../data-error.js';
import { LONGEST_LINE } from './text-lines.js';

/** Receives a record and the line on which it begins. */
export type TakeRecord = (fields: readonly string[], line: number) => void;

/** Passes the records in `blocks` to `take`, in order; `quote` may be "" for none. Throws DataError with line and column. */
export async function readRecords(
  blocks: AsyncIterable<Buffer>,
  file: string,
  { delimiter, quote }: { readonly delimiter: string; readonly quote: string },
  take: TakeRecord,
): Promise<void> {
  const { parse } = await import('csv-parse');
  /** The line after the last record, before any empty lines. */
  let next = 1;
  let emptyLines = 0;
  const parser = parse({
    bom: true,
    delimiter,
    quote: quote === '' ? null : quote,
    escape: quote === '' ? null : quote,
    record_delimiter: ['\r\n', '\n', '\r'],
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    max_record_size: LONGEST_LINE,
    // Records stop here, so that they do not pay for the stream machinery.
    on_record: (fields: string[], { empty_lines }) => {
      const line = next + empty_lines - emptyLines;
      emptyLines = empty_lines;
      next = line + 1;
      for (const field of fields) {
        for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) next++;
      }
      take(fields, line);
      return null;
    },
  });
  parser.resume();
  try {
    await pipeline(copiesOf(blocks), parser);
  } catch (error) {
    const code = (error as Partial<CsvError>).code;
    if (code === undefined || !(code in PROBLEMS)) throw error;
    const { column, empty_lines } = error as { readonly column?: number; readonly empty_lines?: number };
    const { problem, hint, inField } = PROBLEMS[code];
    throw new DataError(problem, {
      file,
      line: next + (empty_lines ?? emptyLines) - emptyLines,
      column: inField && column !== undefined ? column + 1 : undefined,
      hint,
    });
  }
}

/** Copied, since the parser keeps a view of unconsumed input and blocks are reused. */
async function* copiesOf(blocks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const block of blocks) yield Buffer.from(block);
}

interface CsvProblem {
  readonly problem: string;
  readonly hint?: string;
  readonly inField: boolean;
}

const afterQuote: CsvProblem = { problem: 'text between the closing quote and the delimiter', inField: true };

/** The errors of csv-parse by code. */
const PROBLEMS: Readonly<Record<string, CsvProblem>> = {
  CSV_QUOTE_NOT_CLOSED: { problem: 'a quote is never closed', inField: false },
  CSV_INVALID_CLOSING_QUOTE: afterQuote,
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE: afterQuote,
  INVALID_OPENING_QUOTE: {
    problem: 'a quote inside an unquoted field',
    hint: 'quote the whole field and double the quotes in it: "5"" pipe"',
    inField: true,
  },
  CSV_MAX_RECORD_SIZE: {
    problem: `a record of more than ${LONGEST_LINE} characters`,
    hint: 'is this a CSV file, or is a quote never closed?',
    inField: false,
  },
};
