/**
 * A Parquet file as columns, by hyparquet: a row group and a column at a time, only those that are wanted. Sizes are checked
 * first, and whatever the library throws is an error of the file.
 */
import { type FileMetaData, parquetMetadata, parquetRead, parquetSchema } from 'hyparquet';
import { compressors as pureCompressors } from 'hyparquet-compressors';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { DataError, type DataErrorPlace } from '../data-error.js';
import type { DataFiles } from '../data-files.js';
import { ColumnBuilder } from '../tabular/column.js';
import type { ColumnTable, TableWishes } from '../tabular/table.js';
import { reasonOf } from './library-error.js';
import { pageFault } from './parquet-pages.js';

const HINT = 'the file is damaged or was not written whole';
/** Those of Node stop at the promised length; the library's own GZIP never ends on some damaged data. */
const compressors: typeof pureCompressors = {
  ...pureCompressors,
  GZIP: (bytes, length) => gunzipSync(bytes, { maxOutputLength: Math.max(1, length) }),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: Math.max(1, length) }),
};
/** More rows than an index of rows can count. */
const MOST_ROWS = 2 ** 31 - 1;

export async function readParquet(files: DataFiles, name: string, wishes: TableWishes): Promise<ColumnTable> {
  const file = files.resolve(name);
  const bytes = await files.read(name);
  const metadata = footer(bytes, file);
  const names = columnNames(metadata, file);
  wishes.header(names);
  const builders = names.map((column, i) => new ColumnBuilder(column, i + 1, wishes.useOf(column), file));
  let size = 0;
  for (const [group, { columns, num_rows }] of metadata.row_groups.entries()) {
    const rows = Number(num_rows);
    if (!(rows >= 0 && size + rows <= MOST_ROWS))
      throw damaged(`row group ${group + 1} says it has ${rows} rows`, file);
    for (const [i, column] of names.entries()) {
      if (wishes.useOf(column) === 'skip') continue;
      const chunk = columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === column)?.meta_data;
      if (chunk === undefined) throw damaged(`row group ${group + 1} has no column "${column}"`, file);
      const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
      const end = start + Number(chunk.total_compressed_size);
      if (!(start >= 0 && end >= start && end <= bytes.length))
        throw damaged(`column "${column}" lies beyond the end`, file);
      const fault = pageFault({ bytes: bytes.subarray(start, end), rows });
      if (fault !== undefined) throw damaged(`column "${column}": ${fault}`, file);
      const cells = await readCells(bytes, metadata, column, size, size + rows, file);
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

const isText = (name: unknown): name is string => typeof name === 'string' && name !== '';

function columnNames(metadata: FileMetaData, file: string): string[] {
  let children;
  try {
    children = parquetSchema(metadata).children;
  } catch (error) {
    throw damaged(`the schema cannot be read (${reasonOf(error)})`, file);
  }
  // What the types promise, a damaged footer need not keep.
  const names: readonly unknown[] = children.map(({ element }) => element.name);
  if (!names.every(isText)) throw damaged('a column has no name', file);
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) throw new DataError(`there are two columns named "${repeated}"`, { file });
  return [...names];
}

/** The cells of a column from row `start` to `end`, all of one row group. */
async function readCells(
  bytes: Buffer,
  metadata: FileMetaData,
  column: string,
  start: number,
  end: number,
  file: string,
): Promise<unknown[]> {
  const parts: { readonly first: number; readonly cells: ArrayLike<unknown> }[] = [];
  const slice = (from: number, to?: number): ArrayBuffer => {
    const copy = new ArrayBuffer(Math.max(0, Math.min(bytes.length, to ?? bytes.length) - from));
    bytes.copy(new Uint8Array(copy), 0, from);
    return copy;
  };
  try {
    await parquetRead({
      file: { byteLength: bytes.length, slice },
      metadata,
      columns: [column],
      rowStart: start,
      rowEnd: end,
      compressors,
      geoparquet: false,
      // Complaints wait until the library is done: it takes what is thrown here for its own.
      onChunk: ({ columnData, rowStart }) => parts.push({ first: rowStart, cells: columnData as ArrayLike<unknown> }),
    });
  } catch (error) {
    throw damaged(`column "${column}" cannot be read (${reasonOf(error)})`, file);
  }
  const cells = parts.sort((a, b) => a.first - b.first).flatMap((part) => Array.from(part.cells));
  if (cells.length !== end - start) {
    throw damaged(`column "${column}" has ${cells.length} values where ${end - start} are promised`, file);
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
    throw new DataError(`column "${builder.name}" is nested, and a feature is one number or text`, {
      ...place,
      hint: `leave it out: drop: [${builder.name}]`,
    });
  }
}
