/**
 * A Parquet file as columns, by hyparquet: a row group and a column at a time, only those that are wanted. Sizes are checked
 * first, and whatever the library throws is an error of the file.
 */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type Compressors, type FileMetaData, parquetMetadata, parquetRead, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { DataFiles } from '../data-files.js';
import { ColumnBuilder } from '../tabular/column.js';
import type { ColumnTable, TableWishes } from '../tabular/table.js';
import { reasonOf } from './library-error.js';
import { type Chunk, PageFault, unpackPages } from './parquet-pages.js';

const HINT = 'the file is damaged or was not written whole';
/** Those of Node stop at the promised length; the library's own GZIP never ends on some damaged data. */
const DECOMPRESSORS: Compressors = {
  ...compressors,
  GZIP: (bytes, length) => gunzipSync(bytes, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
};
/** More rows than an index of rows can count. */
const MOST_ROWS = 2 ** 31 - 1;

export async function readParquet(files: DataFiles, name: string, wishes: TableWishes): Promise<ColumnTable> {
  const file = files.resolve(name);
  const bytes = await files.read(name);
  const metadata = footer(bytes, file);
  const fields = columnsOf(metadata, file);
  const names = fields.map(({ name }) => name);
  wishes.header(names);
  const builders = names.map((column, i) => new ColumnBuilder(column, i + 1, wishes.useOf(column), file));
  let size = 0;
  for (const [group, { columns, num_rows }] of metadata.row_groups.entries()) {
    const rows = Number(num_rows);
    if (!(rows >= 0 && size + rows <= MOST_ROWS))
      throw damaged(`row group ${group + 1} says it has ${rows} rows`, file);
    for (const [i, { name: column, optional, nested }] of fields.entries()) {
      if (wishes.useOf(column) === 'skip') continue;
      if (nested) throw nestedColumn(column, { file });
      const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === column)?.meta_data;
      if (chunk === undefined) throw damaged(`row group ${group + 1} has no column "${column}"`, file);
      const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
      const end = start + Number(chunk.total_compressed_size);
      if (!(start >= 0 && end >= start && end <= bytes.length))
        throw damaged(`column "${column}" lies beyond the end`, file);
      const unpacked = unpack({ bytes: bytes.subarray(start, end), rows, optional }, chunk.codec, column, file);
      const range = { metadata, columns: [column], rowStart: size, rowEnd: size + rows };
      const cells = await readCells(bytes, { ...range, compressors: unpacked }, file);
      cells.forEach((cell, row) => pushCell(builders[i], cell, { file, part: `row ${size + row + 1}` }));
    }
    size += rows;
  }
  if (size === 0) throw new DataError('the file has no rows', { file });
  const placeOf: ColumnTable['placeOf'] = (row, column) => ({
    file,
    part: `row ${row + 1}${column === undefined ? '' : `, column ${column.number}`}`,
  });
  return { file, columns: builders.map((builder) => builder.build()), names, size, placeOf };
}

const damaged = (problem: string, file: string): DataError =>
  new DataError(`damaged: ${problem}`, { file, hint: HINT });

function footer(bytes: Buffer, file: string): FileMetaData {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 4) !== 'PAR1') {
    throw new DataError('not a Parquet file: it does not start with PAR1', { file });
  }
  if (bytes.toString('latin1', bytes.length - 4) !== 'PAR1') {
    throw new DataError('truncated: a Parquet file ends with PAR1', { file, hint: HINT });
  }
  try {
    return parquetMetadata(bytes, { geoparquet: false });
  } catch (error) {
    throw damaged(`the footer cannot be read (${reasonOf(error)})`, file);
  }
}

interface Field {
  readonly name: string;
  /** Whether values may be missing. */
  readonly optional: boolean;
  /** Whether a row has several values, or none of its own. */
  readonly nested: boolean;
}

function columnsOf(metadata: FileMetaData, file: string): Field[] {
  let fields: Field[];
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
  // What the types promise, a damaged footer need not keep.
  if (names.some((name: unknown) => typeof name !== 'string' || name === '')) {
    throw damaged('a column has no name', file);
  }
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) throw new DataError(`there are two columns named "${repeated}"`, { file });
  return fields;
}

const nestedColumn = (name: string, place: DataErrorPlace): DataError =>
  new DataError(`column "${name}" is nested, and a feature is one number or text`, {
    ...place,
    hint: `leave it out: drop: [${name}]`,
  });

/** Checks and unpacks the pages of a chunk; hyparquet then gets them one by one. */
function unpack(chunk: Omit<Chunk, 'unpack'>, codec: string, column: string, file: string): Compressors {
  const decompressor = new Map(Object.entries(DECOMPRESSORS)).get(codec);
  if (decompressor === undefined && codec !== 'UNCOMPRESSED')
    throw damaged(`column "${column}" is packed in an unknown way`, file);
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

type Range = Pick<Parameters<typeof parquetRead>[0], 'metadata' | 'compressors'> & {
  readonly columns: string[];
  readonly rowStart: number;
  readonly rowEnd: number;
};

/** The cells of a column, rows of one row group. */
async function readCells(bytes: Buffer, range: Range, file: string): Promise<unknown[]> {
  const [column] = range.columns;
  const rows = range.rowEnd - range.rowStart;
  const parts: { readonly first: number; readonly cells: ArrayLike<unknown> }[] = [];
  const slice = (from: number, to?: number): ArrayBuffer => {
    const copy = new ArrayBuffer(Math.max(0, Math.min(bytes.length, to ?? bytes.length) - from));
    bytes.copy(new Uint8Array(copy), 0, from);
    return copy;
  };
  try {
    await parquetRead({
      file: { byteLength: bytes.length, slice },
      ...range,
      geoparquet: false,
      // Complaints wait until the library is done: it takes what is thrown here for its own.
      onChunk: ({ columnData, rowStart }) => parts.push({ first: rowStart, cells: columnData as ArrayLike<unknown> }),
    });
  } catch (error) {
    throw damaged(`column "${column}" cannot be read (${reasonOf(error)})`, file);
  }
  const cells = parts.sort((a, b) => a.first - b.first).flatMap((part) => Array.from(part.cells));
  if (cells.length !== rows) {
    throw damaged(`column "${column}" has ${cells.length} values where ${rows} are promised`, file);
  }
  return cells;
}

function pushCell(builder: ColumnBuilder, cell: unknown, place: DataErrorPlace): void {
  if (cell === null || cell === undefined) builder.push('');
  else if (typeof cell === 'number') builder.pushNumber(cell);
  else if (typeof cell === 'string' || typeof cell === 'boolean') builder.push(String(cell));
  else if (typeof cell === 'bigint') {
    if (Number.isSafeInteger(Number(cell))) builder.pushNumber(Number(cell));
    else builder.push(String(cell));
  } else if (cell instanceof Date) builder.push(Number.isNaN(cell.getTime()) ? '' : cell.toISOString());
  else {
    throw nestedColumn(builder.name, place);
  }
}
