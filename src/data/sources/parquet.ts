/** Samples from Parquet files. */
import * as z from 'zod';
import { checkRoleFiles } from '../role-files.js';
import { tableKeys } from '../tables/roles.js';
import { tableSource } from '../tables/table-source.js';

const schema = z.object(tableKeys).superRefine(checkRoleFiles);

export const parquetSource = tableSource(
  schema,
  'Parquet files, numbers and categories mixed',
  async (files, name, _, sink) => {
    // Imported on demand: its libraries are a quarter of the program.
    const { readParquet } = await import('../formats/parquet.js');
    return readParquet(files, name, sink);
  },
);
