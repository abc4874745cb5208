/** A data source whose files are tables: what differs from format to format is how a file is read. */
import type * as z from 'zod';
import type { DataFiles } from '../data-files.js';
import { fileOf, moveFiles, ownFiles } from '../role-files.js';
import type { TableEncoding } from '../encoding.js';
import type { DataSource, OpenContext, SampleFiles } from '../source.js';
import { chooseColumns, type Roles, type TableParams, useOf } from './roles.js';
import { sampleFile } from './samples.js';
import type { ColumnTable, TableWishes } from './table.js';

export type ReadTable<P> = (files: DataFiles, name: string, params: P, wishes: TableWishes) => Promise<ColumnTable>;

/** `onDisk` says that `read` keeps the columns in `files.scratch`, where that is given. */
export function tableSource<S extends z.ZodObject, P extends TableParams>(
  schema: S & { readonly _zod: { readonly output: P } },
  description: string,
  read: ReadTable<P>,
  onDisk: boolean,
) {
  return {
    schema,
    description,
    onDisk,
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
      const opened: SampleFiles<TableEncoding> = {};
      for (const role of context.roles) {
        const name = fileOf(params, role);
        if (name === undefined) continue;
        const file = context.files.resolve(name);
        const choose = (names: readonly string[]): Roles =>
          (roles ??= chooseColumns(file, names, params, context.target));
        const table = await read(context.files, name, params, {
          useOf: (column) => useOf(column, params, context.target, known),
          header: choose,
        });
        opened[role] = sampleFile(table, choose(table.names), params, context.target);
      }
      return opened;
    },
  } as const satisfies DataSource<P, TableEncoding>;
}
