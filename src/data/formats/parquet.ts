/**
 * A Parquet file as columns, by hyparquet: one row group and used column at a time, of which one is in
 * memory. Sizes are checked first, and whatever the library throws is reported as an error in the file.
 */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Compressors, type FileMetaData, parquetMetadata, parquetRead, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { DataFiles, FileParts } from '../data-files.js';
import { reasonOf } from './library-error.js';
import { type ColumnChunk, PageFault, unpackPages } from './parquet-pages.js';
import type { ColumnSink, TableRows, TableSink } from './table-sink.js';

const HINT = 'the file is damaged or was not written whole';
/** Node's decompressors stop at the promised length; the library's own GZIP never ends on some damaged data. */
const DECOMPRESSORS: Compressors = {
  ...compressors,
  GZIP: (bytes, length) => gunzipSync(bytes, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
};
/** Footers of files with thousands of columns take a few megabytes. */
const MOST_FOOTER = 2 ** 28;
/** More rows than a row index can hold. */
const MOST_ROWS = 2 ** 31 - 1;

/** Reads the used columns of a Parquet file into `sink`. Throws DataError if the file is damaged or a used column is nested. */
export async function readParquet(files: DataFiles, name: string, sink: TableSink): Promise<TableRows> {
  return files.readParts(name, (parts) => readTable(parts, files.resolve(name), sink));
}

async function readTable(parts: FileParts, file: string, sink: TableSink): Promise<TableRows> {
  const metadata = await footer(parts, file);
  const fields = columnsOf(metadata, file);
  const names = fields.map(({ name }) => name);
  sink.header(names);
  const sinks = names.map((column) => sink.addColumn(column));
  let size = 0;
  for (const [group, { columns, num_rows }] of metadata.row_groups.entries()) {
    const rows = Number(num_rows);
    if (!(rows >= 0 && size + rows <= MOST_ROWS)) throw damaged(`row group ${group + 1} claims ${rows} rows`, file);
    for (const [i, { name: column, optional, nested }] of fields.entries()) {
      if (!sinks[i].isUsed) continue;
      if (nested) throw nestedColumn(column, { file });
      const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === column)?.meta_data;
      if (chunk === undefined) throw damaged(`row group ${group + 1} has no column "${column}"`, file);
      const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
      const end = start + Number(chunk.total_compressed_size);
      if (!(start >= 0 && end >= start && end <= parts.size))
        throw damaged(`column "${column}" lies beyond the end`, file);
      const bytes = await parts.read(start, end);
      const unpacked = unpack({ bytes, rows, optional }, chunk.codec, column, file);
      const range = { metadata, columns: [column], rowStart: size, rowEnd: size + rows };
      let row = size;
      for (const cells of await readCells(parts, { start, bytes }, { ...range, compressors: unpacked }, file)) {
        for (let k = 0; k < cells.length; k++, row++) {
          if (!pushCell(sinks[i], cells[k])) throw nestedColumn(column, { file, part: `row ${row + 1}` });
        }
      }
    }
    size += rows;
  }
  if (size === 0) throw new DataError('the file has no rows', { file });
  const placeOf: TableRows['placeOf'] = (row, column) => ({
    file,
    part: `row ${row + 1}${column === undefined ? '' : `, column ${column}`}`,
  });
  return { size, placeOf };
}

const damaged = (problem: string, file: string): DataError =>
  new DataError(`damaged: ${problem}`, { file, hint: HINT });

async function footer(parts: FileParts, file: string): Promise<FileMetaData> {
  const { size } = parts;
  if (size < 12 || (await parts.read(0, 4)).toString('latin1') !== 'PAR1') {
    throw new DataError('not a Parquet file: it does not start with PAR1', { file });
  }
  const end = await parts.read(size - 8, size);
  if (end.toString('latin1', 4) !== 'PAR1') {
    throw new DataError('truncated: a Parquet file ends with PAR1', { file, hint: HINT });
  }
  const length = end.readUInt32LE(0) + 8;
  if (length > MOST_FOOTER) throw damaged(`the footer claims ${length} bytes`, file);
  try {
    return parquetMetadata(await parts.read(Math.max(0, size - length), size), { geoparquet: false });
  } catch (error) {
    throw damaged(`the footer cannot be read (${reasonOf(error)})`, file);
  }
}

interface SchemaField {
  readonly name: string;
  /** Whether values may be missing. */
  readonly optional: boolean;
  /** Whether the column is nested: a row may have several values, or none. */
  readonly nested: boolean;
}

function columnsOf(metadata: FileMetaData, file: string): SchemaField[] {
  let fields: SchemaField[];
  try {
    fields = parquetSchema(metadata).children.map(({ element, children }) => ({
      name: element.name,
      optional: element.repetition_type === 'OPTIONAL',
      nested: children.length > 0 || element.repetition_type === 'REPEATED',
    }));
  } catch (error) {
    throw damaged(`the schema cannot be read (${reasonOf(error)})`, file);
  }
  const names = fields.map(({ name }) => name);
  // A damaged footer may violate the types.
  if (names.some((name: unknown) => typeof name !== 'string' || name === '')) {
    throw damaged('a column has no name', file);
  }
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) throw new DataError(`two columns are named "${repeated}"`, { file });
  return fields;
}

const nestedColumn = (name: string, place: DataErrorPlace): DataError =>
  new DataError(`column "${name}" is nested; a feature must be one number or text`, {
    ...place,
    hint: `leave it out: drop: [${name}]`,
  });

/** Checks and unpacks the pages of a chunk; hyparquet then gets them one by one. */
function unpack(chunk: Omit<ColumnChunk, 'unpack'>, codec: string, column: string, file: string): Compressors {
  const decompressor = new Map(Object.entries(DECOMPRESSORS)).get(codec);
  if (decompressor === undefined && codec !== 'UNCOMPRESSED')
    throw damaged(`column "${column}" uses an unknown compression`, file);
  let pages: Uint8Array[];
  try {
    pages = unpackPages({ ...chunk, unpack: decompressor });
  } catch (error) {
    const reason = error instanceof PageFault ? error.message : `cannot be unpacked (${reasonOf(error)})`;
    throw damaged(`column "${column}": ${reason}`, file);
  }
  const next = (): Uint8Array => pages.shift() ?? new Uint8Array(0);
  return Object.fromEntries(Object.keys(DECOMPRESSORS).map((name) => [name, next]));
}

type ReadRange = Pick<Parameters<typeof parquetRead>[0], 'metadata' | 'compressors'> & {
  readonly columns: string[];
  readonly rowStart: number;
  readonly rowEnd: number;
};

/** The cells of a column in one row group, in pieces. `chunk` has the bytes of the file that the library will request. */
async function readCells(
  parts: FileParts,
  chunk: { readonly start: number; readonly bytes: Buffer },
  range: ReadRange,
  file: string,
): Promise<ArrayLike<unknown>[]> {
  const [column] = range.columns;
  const rows = range.rowEnd - range.rowStart;
  const pieces: { readonly first: number; readonly cells: ArrayLike<unknown> }[] = [];
  const slice = async (from: number, to = parts.size): Promise<ArrayBuffer> => {
    const [start, end] = [from - chunk.start, to - chunk.start];
    const isThere = start >= 0 && end <= chunk.bytes.length;
    const bytes = isThere
      ? chunk.bytes.subarray(start, end)
      : await parts.read(from, Math.max(from, Math.min(to, parts.size)));
    return new Uint8Array(bytes).buffer;
  };
  try {
    await parquetRead({
      file: { byteLength: parts.size, slice },
      ...range,
      geoparquet: false,
      // Errors wait until the library is done: it would catch what is thrown here.
      onChunk: ({ columnData, rowStart }) => pieces.push({ first: rowStart, cells: columnData as ArrayLike<unknown> }),
    });
  } catch (error) {
    throw damaged(`column "${column}" cannot be read (${reasonOf(error)})`, file);
  }
  const cells = pieces.sort((a, b) => a.first - b.first).map((piece) => piece.cells);
  const found = cells.reduce((sum, { length }) => sum + length, 0);
  if (found !== rows) throw damaged(`column "${column}" has ${found} values where ${rows} are expected`, file);
  return cells;
}

/** Returns false for a cell that is not one value. */
function pushCell(column: ColumnSink, cell: unknown): boolean {
  if (cell === null || cell === undefined) column.push('');
  else if (typeof cell === 'number') column.pushNumber(cell);
  else if (typeof cell === 'string' || typeof cell === 'boolean') column.push(String(cell));
  else if (typeof cell === 'bigint') {
    if (Number.isSafeInteger(Number(cell))) column.pushNumber(Number(cell));
    else column.push(String(cell));
  } else if (cell instanceof Date) column.push(Number.isNaN(cell.getTime()) ? '' : cell.toISOString());
  else return false;
  return true;
}
