/** Samples from files of JSON lines. */
import * as z from 'zod';
import { readJsonl } from '../formats/jsonl.js';
import { checkRoleFiles } from '../role-files.js';
import { tableKeys } from '../tables/roles.js';
import { tableSource } from '../tables/table-source.js';

const schema = z.object(tableKeys).superRefine(checkRoleFiles);

export const jsonlSource = tableSource(schema, 'JSON lines: one object per sample', (files, name, _, sink) =>
  readJsonl(files, name, sink),
);
