/** Which columns of a table are features and which are targets. */
import * as z from 'zod';
import { positiveInt, text } from '../../config/atoms.js';
import { didYouMean } from '../../config/nearest.js';
import { DataError } from '../data-error.js';
import { roleFiles } from '../role-files.js';
import type { TargetKind } from '../fields.js';
import type { ColumnUse } from './column.js';
import { requireColumn } from './columns.js';

const columnRef = z.union([text, z.int().nonnegative()]);
const columnList = z.array(columnRef);

/** The keys that all sources of tables share. */
export const tableKeys = {
  ...roleFiles('file'),
  target: z
    .union([columnRef, columnList.min(1)])
    .optional()
    .describe(
      'the column to predict, by name (0-based number without a header); several in regression and multilabel, none needed in reconstruction',
    ),
  features: columnList
    .min(1)
    .optional()
    .describe('the columns to predict from; all others when absent, but for an index of pandas (__index_level_0__)'),
  drop: columnList.default([]).describe('columns to leave out, such as identifiers'),
  categorical: columnList
    .default([])
    .describe('feature columns to encode one-hot although they are numbers; columns of text always are'),
  hash: z
    .record(text, positiveInt.max(65_536))
    .default({})
    .describe(
      'columns with very many categories, hashed into so many features each, such as {city: 64}: MurmurHash3 (32 bits, seed 0) ' +
        'of the UTF-8 bytes, modulo their number',
    ),
  missing: z
    .union([
      z.enum(['error', 'drop', 'mean', 'median', 'most_frequent']),
      z.strictObject({ constant: z.number().describe('what stands for a missing number') }),
    ])
    .default('error')
    .describe(
      'what to do about missing values: refuse, drop the row, or fill in from the training split; a missing ' +
        'category is all zeros, or the most frequent one',
    ),
  missing_values: z
    .array(z.string())
    .optional()
    .describe(
      'the texts that count as missing, beside empty fields; by default NA, N/A, NaN, null, None, ? and what else pandas knows',
    ),
  missing_indicator: z
    .boolean()
    .default(false)
    .describe(
      'a feature more for each column of numbers that lacks some in the training split: 1 where it was missing',
    ),
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

/** The name of a column that the config gives by name or, without a header, by number. */
const nameOf = (ref: string | number, { header }: TableParams): string =>
  typeof ref === 'number' && header === false ? `c${ref}` : String(ref);

const listedNames = new WeakMap<readonly (string | number)[], ReadonlySet<string>>();

/** A list is asked about as often as there are columns. */
function isListed(refs: readonly (string | number)[], name: string, params: TableParams): boolean {
  let names = listedNames.get(refs);
  if (names === undefined) listedNames.set(refs, (names = new Set(refs.map((ref) => nameOf(ref, params)))));
  return names.has(name);
}

export const isCategorical = (name: string, params: TableParams): boolean => isListed(params.categorical, name, params);

/** What a column is to be read for. `fitted` has the columns of a checkpoint that are categories. */
export function useOf(
  name: string,
  params: TableParams,
  target: TargetKind,
  fitted: ReadonlySet<string> | undefined,
): ColumnUse {
  const buckets = bucketsOf(name, params);
  if (isListed([params.target ?? []].flat(), name, params)) {
    return target === 'classes' || target === 'labels' ? 'texts' : 'auto';
  }
  if (buckets !== undefined) return { buckets };
  if (isListed(params.drop, name, params)) return 'skip';
  if (params.features !== undefined && !isListed(params.features, name, params)) return 'skip';
  return isCategorical(name, params) || fitted?.has(name) === true ? 'texts' : 'auto';
}

export const bucketsOf = (name: string, { hash }: TableParams): number | undefined =>
  Object.hasOwn(hash, name) ? hash[name] : undefined;

/** The name of a row index that pandas writes to Parquet; used as a feature only if named explicitly. */
const INDEX = /^__index_level_\d+__$/;
const isUnaskedIndex = (name: string, params: TableParams): boolean =>
  INDEX.test(name) && !isCategorical(name, params) && bucketsOf(name, params) === undefined;

/** Assigns the columns `names` of the training file. Throws DataError for columns that are missing or have two roles. */
export function chooseColumns(file: string, names: readonly string[], params: TableParams, target: TargetKind): Roles {
  const known = new Set(names);
  const find = (key: string) => (ref: string | number) => {
    const name = nameOf(ref, params);
    if (!known.has(name)) requireColumn(file, names, name, () => hintFor(key, name, names, params));
    return name;
  };
  const targets = [params.target ?? []].flat().map(find('target'));
  const drop = params.drop.map(find('drop'));
  const unused = new Set([...targets, ...drop]);
  const features =
    params.features?.map(find('features')) ??
    names.filter((name) => !unused.has(name) && !isUnaskedIndex(name, params));
  const refuse = (problem: string, hint?: string): never => {
    throw new DataError(problem, { file, hint });
  };
  if (target === 'classes' && targets.length > 1) {
    const hint = 'for several yes-or-no labels set task: multilabel';
    refuse(`classification has one target column, but data.source.target lists ${targets.length}`, hint);
  }
  for (const [key, list] of Object.entries({ target: targets, features })) {
    const seen = new Set<string>();
    const twice = list.find((name) => seen.size === seen.add(name).size);
    if (twice !== undefined) refuse(`data.source.${key} lists column "${twice}" twice`);
  }
  const both = features.find((name) => targets.includes(name));
  if (both !== undefined) refuse(`column "${both}" is the target and cannot be a feature as well`);
  const left = new Set(drop);
  const dropped = [...features, ...targets].find((name) => left.has(name));
  if (dropped !== undefined) refuse(`column "${dropped}" is used and cannot be dropped as well`);
  if (features.length === 0) {
    refuse('no column is left to predict from', hintFor('target', targets[0], [], { ...params, header: true }, names));
  }
  const isFeature = new Set(features);
  const other = params.categorical.map(find('categorical')).find((name) => !isFeature.has(name));
  if (other !== undefined) refuse(`column "${other}" is listed under categorical, but it is no feature`);
  const hashed = Object.keys(params.hash).map(find('hash')).find((name) => !isFeature.has(name)); // prettier-ignore
  if (hashed !== undefined) refuse(`column "${hashed}" is listed under hash, but it is no feature`);
  return { features, targets: target === 'none' ? [] : targets };
}

/** Why a column is not found: a typo, another delimiter, or a file without a header. */
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
