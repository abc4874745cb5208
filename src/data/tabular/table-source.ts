/** A data source whose files are tables: what differs from format to format is how a file is read. */
import type * as z from 'zod';
import type { DataFiles } from '../data-files.js';
import { fileOf, moveFiles, ownFiles } from '../role-files.js';
import type { DataSource, OpenContext, SampleFiles, TableEncoding } from '../source.js';
import { chooseColumns, type Roles, type TableParams } from './roles.js';
import { sampleFile } from './samples.js';
import type { ColumnTable } from './table.js';

export type ReadTable<P> = (files: DataFiles, name: string, params: P) => Promise<ColumnTable>;

export function tableSource<S extends z.ZodObject, P extends TableParams>(
  schema: S & { readonly _zod: { readonly output: P } },
  description: string,
  read: ReadTable<P>,
) {
  return {
    schema,
    description,
    encoding: 'table',
    ownFiles,
    moveFiles,
    /** With the columns that `fitted` says, else those of the first file. */
    async open(
      params: P,
      context: OpenContext,
      fitted: TableEncoding | undefined,
    ): Promise<SampleFiles<TableEncoding>> {
      let columns: Roles | undefined =
        fitted === undefined
          ? undefined
          : { features: fitted.columns.map(({ name }) => name), targets: fitted.targets };
      const opened: SampleFiles<TableEncoding> = {};
      for (const role of context.roles) {
        const name = fileOf(params, role);
        if (name === undefined) continue;
        const table = await read(context.files, name, params);
        columns ??= chooseColumns(table, params, context.task);
        opened[role] = sampleFile(table, columns, params, context.task);
      }
      return opened;
    },
  } as const satisfies DataSource<P, TableEncoding>;
}
