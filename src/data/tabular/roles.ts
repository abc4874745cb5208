/** Which columns of a table are features and which are targets. */
import * as z from 'zod';
import { text } from '../../config/atoms.js';
import { didYouMean } from '../../config/nearest.js';
import { DataError } from '../data-error.js';
import { roleFiles } from '../role-files.js';
import type { Task } from '../table.js';
import { columnNamed } from './columns.js';
import type { ColumnTable } from './table.js';

const columnRef = z.union([text, z.int().nonnegative()]);
const columnList = z.array(columnRef);

/** The keys that all sources of tables share. */
export const tableKeys = {
  ...roleFiles('file'),
  target: z
    .union([columnRef, columnList.min(1)])
    .describe('the column to predict, by name (0-based number without a header); several in regression'),
  features: columnList.min(1).optional().describe('the columns to predict from; all others when absent'),
  drop: columnList.default([]).describe('columns to leave out, such as identifiers'),
  categorical: columnList
    .default([])
    .describe('feature columns to encode one-hot although they are numbers; columns of text always are'),
  missing: z
    .enum(['error', 'drop', 'mean', 'median'])
    .default('error')
    .describe('what to do about empty fields, NA, NaN and ?: refuse, drop the row, or fill in from the training split'),
};

/** The parameters that all sources of tables share; `header` and `delimiter` where the format has such. */
export type TableParams = z.output<z.ZodObject<typeof tableKeys>> & {
  readonly header?: boolean;
  readonly delimiter?: string;
};

/** What the columns of the training file are for, by name. */
export interface Roles {
  readonly features: readonly string[];
  readonly targets: readonly string[];
}

/** Assigns the columns of the training file. Throws DataError for names that it has not, or that have two roles. */
export function chooseColumns(table: ColumnTable, params: TableParams, task: Task): Roles {
  const names = table.columns.map(({ name }) => name);
  const nameOf = (key: string) => (ref: string | number) => {
    const name = typeof ref === 'number' && !params.header ? `c${ref}` : String(ref);
    return columnNamed(table, name, hintFor(key, name, names, params)).name;
  };
  const targets = [params.target].flat().map(nameOf('target'));
  const drop = params.drop.map(nameOf('drop'));
  const features =
    params.features?.map(nameOf('features')) ?? names.filter((name) => !targets.includes(name) && !drop.includes(name));
  const refuse = (problem: string, hint?: string): never => {
    throw new DataError(problem, { file: table.file, hint });
  };
  if (task === 'classification' && targets.length > 1) {
    refuse(`classification has one target column, but data.source.target lists ${targets.length}`);
  }
  for (const [key, list] of Object.entries({ target: targets, features })) {
    const twice = list.find((name, i) => list.indexOf(name) < i);
    if (twice !== undefined) refuse(`data.source.${key} lists column "${twice}" twice`);
  }
  const both = features.find((name) => targets.includes(name));
  if (both !== undefined) refuse(`column "${both}" is the target and cannot be a feature as well`);
  const dropped = [...features, ...targets].find((name) => drop.includes(name));
  if (dropped !== undefined) refuse(`column "${dropped}" is used and cannot be dropped as well`);
  if (features.length === 0) {
    refuse('no column is left to predict from', hintFor('target', targets[0], [], { ...params, header: true }, names));
  }
  const other = params.categorical.map(nameOf('categorical')).find((name) => !features.includes(name));
  if (other !== undefined) refuse(`column "${other}" is listed under categorical, but it is no feature`);
  return { features, targets };
}

/** Why a column is not found: a slip of the pen, another delimiter, or a file without a header. */
function hintFor(
  key: string,
  name: string,
  names: readonly string[],
  params: TableParams,
  header: readonly string[] = names,
): string | undefined {
  const other = [';', '\t', ',', '|'].find(
    (c) => c !== params.delimiter && header.length === 1 && header[0].includes(c),
  );
  if (other !== undefined)
    return `the fields seem to be separated by ${JSON.stringify(other)}: set data.source.delimiter`;
  const similar = didYouMean(name, names);
  if (similar !== undefined) return `data.source.${key}: ${similar}`;
  if (params.header && names.some((text) => /^[+-]?[\d.]+$/.test(text))) {
    return 'the first line looks like data: without a header line set data.source.header to false';
  }
  return undefined;
}
