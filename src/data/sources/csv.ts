/** Samples from CSV files. */
import * as z from 'zod';
import { readCsv } from '../formats/csv.js';
import { checkRoleFiles } from '../role-files.js';
import { tableKeys } from '../tables/roles.js';
import { tableSource } from '../tables/table-source.js';

const character = z.string().refine((c) => c.length === 1 && !/[\r\n]/.test(c), 'must be a single character');
const schema = z
  .object({
    ...tableKeys,
    header: z
      .boolean()
      .default(true)
      .describe('whether the first line has the column names; else they are c0, c1, ...'),
    delimiter: character.default(',').describe('the character between fields'),
    quote: z
      .union([character, z.literal('')])
      .default('"')
      .describe('the character around fields that contain a delimiter; "" for none'),
  })
  .superRefine((params, context) => {
    checkRoleFiles(params, context);
    if (params.delimiter !== params.quote) return;
    context.addIssue({ code: 'custom', path: ['quote'], message: 'must differ from delimiter' });
  });

export const csvSource = tableSource(schema, 'CSV files, numbers and categories mixed', readCsv);
