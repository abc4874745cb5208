/** Samples from Parquet files. */
import * as z from 'zod';
import { readParquet } from '../formats/parquet.js';
import { checkRoleFiles } from '../role-files.js';
import { tableKeys } from '../tabular/roles.js';
import { tableSource } from '../tabular/table-source.js';

const schema = z.object(tableKeys).superRefine(checkRoleFiles);

export const parquetSource = tableSource(
  schema,
  'Parquet files, numbers and categories mixed',
  (files, name, _, wishes) => readParquet(files, name, wishes),
  true,
);
