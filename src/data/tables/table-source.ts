/** A data source whose files are tables: what differs from format to format is how a file is read. */
import type * as z from 'zod';
import type { DataFiles } from '../data-files.js';
import type { TableRows, TableSink } from '../formats/table-sink.js';
import { fileOf, moveFiles, ownFiles } from '../role-files.js';
import type { TableEncoding } from '../encoding.js';
import type { DataSource, OpenContext, SampleFiles } from '../source.js';
import { ColumnBuilder } from './column.js';
import { missingValues } from './missing.js';
import { chooseColumns, type Roles, type TableParams, useOf } from './roles.js';
import { sampleFile } from './samples.js';
import type { ColumnTable } from './table.js';

/** Reads the file `name` into `sink`. */
export type ReadTable<P> = (files: DataFiles, name: string, params: P, sink: TableSink) => Promise<TableRows>;

export function tableSource<S extends z.ZodObject, P extends TableParams>(
  schema: S & { readonly _zod: { readonly output: P } },
  description: string,
  read: ReadTable<P>,
) {
  return {
    schema,
    description,
    onDisk: true,
    encoding: 'table',
    ownFiles,
    moveFiles,
    missingTarget: ({ target }) => (target === undefined ? ['target'] : undefined),
    /** With the columns that `fitted` says, else those of the first file. */
    async open(
      params: P,
      context: OpenContext,
      fitted: TableEncoding | undefined,
    ): Promise<SampleFiles<TableEncoding>> {
      let roles: Roles | undefined =
        fitted === undefined
          ? undefined
          : { features: fitted.columns.map(({ name }) => name), targets: fitted.targets };
      const categories = fitted?.columns.filter(({ kind }) => kind === 'categorical').map(({ name }) => name);
      const known = categories && new Set(categories);
      const markers = missingValues(params.missing_values);
      const opened: SampleFiles<TableEncoding> = {};
      for (const role of context.roles) {
        const name = fileOf(params, role);
        if (name === undefined) continue;
        const file = context.files.resolve(name);
        const choose = (names: readonly string[]): Roles =>
          (roles ??= chooseColumns(file, names, params, context.target));
        const columns: ColumnBuilder[] = [];
        const addColumn = (column: string): ColumnBuilder => {
          const use = useOf(column, params, context.target, known);
          const builder = new ColumnBuilder(column, columns.length + 1, use, file, markers, context.files.scratch);
          columns.push(builder);
          return builder;
        };
        const rows = await read(context.files, name, params, { header: choose, addColumn });
        const table: ColumnTable = {
          file,
          columns: columns.map((column) => column.build()),
          names: columns.map((column) => column.name),
          size: rows.size,
          placeOf: (row, column) => rows.placeOf(row, column?.number),
        };
        opened[role] = sampleFile(table, choose(table.names), params, context.target);
      }
      return opened;
    },
  } as const satisfies DataSource<P, TableEncoding>;
}
