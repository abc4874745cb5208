/** Samples from CSV files: which columns are features, which are targets, and what is done about missing values. */
import * as z from 'zod';
import { text } from '../config/atoms.js';
import { didYouMean } from '../config/nearest.js';
import { readCsv, type CsvColumn, type CsvTable } from './csv.js';
import {
  columnNamed,
  completeRows,
  encodeColumn,
  encodeNumeric,
  fitColumn,
  refuseMissingTargets,
  widthOf,
} from './csv-columns.js';
import { counted, DataError } from './data-error.js';
import { encodeClasses, fitClasses } from './labels.js';
import type { CsvEncoding, EncodedSamples, OpenContext, SampleFile, SampleFiles } from './source.js';
import type { Role, Rows, Table, Task } from './table.js';

const columnRef = z.union([text, z.int().nonnegative()]);
const columnList = z.array(columnRef);
const character = z.string().refine((c) => c.length === 1 && !/[\r\n]/.test(c), 'must be a single character');
const schema = z
  .object({
    path: text.optional().describe('the file that data.split divides, relative to the config'),
    train: text.optional().describe('the training file, where other parts have files of their own (as path)'),
    val: text.optional().describe('a validation file of its own'),
    test: text.optional().describe('a test file of its own'),
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
      .describe(
        'what to do about empty fields, NA, NaN and ?: refuse, drop the row, or fill in from the training split',
      ),
    header: z.boolean().default(true).describe('whether the first line has the names; else they are c0, c1, ...'),
    delimiter: character.default(',').describe('the character between fields'),
    quote: z
      .union([character, z.literal('')])
      .default('"')
      .describe('the character around fields that contain a delimiter; "" for none'),
  })
  .superRefine(({ path, train, delimiter, quote }, context) => {
    if (delimiter === quote) context.addIssue({ code: 'custom', path: ['quote'], message: 'is the delimiter as well' });
    if (path === undefined && train === undefined) {
      context.addIssue({ code: 'custom', message: 'give the file as path, or as train, val and test' });
    }
    if (path !== undefined && train !== undefined) {
      context.addIssue({ code: 'custom', path: ['train'], message: 'path and train name the same thing: give one' });
    }
  });
type CsvParams = z.output<typeof schema>;

const fileOf = (params: CsvParams, role: Role): string | undefined =>
  role === 'train' ? (params.path ?? params.train) : params[role];

/** What the columns of the training file are for, by name. */
interface Roles {
  readonly features: readonly string[];
  readonly targets: readonly string[];
}

/** Opens the files that `context.roles` ask for, with the columns that `fitted` (else the first of them) says. */
async function open(
  params: CsvParams,
  context: OpenContext,
  fitted: CsvEncoding | undefined,
): Promise<SampleFiles<CsvEncoding>> {
  let columns: Roles | undefined =
    fitted === undefined ? undefined : { features: fitted.columns.map(({ name }) => name), targets: fitted.targets };
  const opened: SampleFiles<CsvEncoding> = {};
  for (const role of context.roles) {
    const name = fileOf(params, role);
    if (name === undefined) continue;
    const table = await readCsv(context.files, name, params);
    columns ??= chooseColumns(table, params, context.task);
    opened[role] = sampleFile(table, columns, params, context.task);
  }
  return opened;
}

export const csvSource = {
  schema,
  description: 'CSV files, numbers and categories mixed',
  open,
  /** The roles that have files of their own. */
  ownFiles: (params: CsvParams): Role[] =>
    (['train', 'val', 'test'] as const).filter((role) => fileOf(params, role) !== undefined),
  moveFiles<P extends CsvParams>(params: P, move: (file: string) => string): P {
    const { path, train, val, test } = params;
    return {
      ...params,
      ...(path && { path: move(path) }),
      ...(train && { train: move(train) }),
      ...(val && { val: move(val) }),
      ...(test && { test: move(test) }),
    };
  },
};

function chooseColumns(table: CsvTable, params: CsvParams, task: Task): Roles {
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
  params: CsvParams,
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

function sampleFile(whole: CsvTable, roles: Roles, params: CsvParams, task: Task): SampleFile<CsvEncoding> {
  const columnsOf = (table: CsvTable, names: readonly string[]): CsvColumn[] => {
    const known = table.columns.map(({ name }) => name);
    return names.map((name) => columnNamed(table, name, didYouMean(name, known) ?? 'training had this column'));
  };
  const used = columnsOf(whole, [...roles.features, ...roles.targets]);
  const table = params.missing === 'drop' ? withoutIncompleteRows(whole, used) : whole;
  const features = columnsOf(table, roles.features);
  const targets = columnsOf(table, roles.targets);
  for (const column of targets) refuseMissingTargets(table, column);
  const isCategorical = (name: string): boolean =>
    params.categorical.some((ref) => String(ref) === name || (!params.header && `c${ref}` === name));
  const labels = task === 'classification' ? targets[0] : undefined;
  const placeOfTarget = (row: number) => ({ file: table.file, line: table.lines[row], column: targets[0].number });

  return {
    file: table.file,
    size: table.lines.length,
    labels,
    fit: (rows: Rows): CsvEncoding => ({
      source: 'csv',
      columns: features.map((column) =>
        fitColumn(table, column, rows, { categorical: isCategorical(column.name), missing: params.missing }),
      ),
      targets: [...roles.targets],
      ...(labels === undefined ? {} : { classes: fitClasses(labels, rows, placeOfTarget) }),
    }),
    encode: (rows: Rows, encoding: CsvEncoding): EncodedSamples => {
      const size = rows?.length ?? table.lines.length;
      const columnOfEntry = encoding.columns.flatMap((column, i) => Array<number>(widthOf(column)).fill(i));
      const width = columnOfEntry.length;
      const values = matrix(table, size, width);
      features.forEach((column, i) => {
        const target = { values, width, offset: columnOfEntry.indexOf(i) };
        encodeColumn(table, column, rows, encoding.columns[i], params.missing, target);
      });
      const encodedTargets: Table =
        labels === undefined
          ? regressionTargets(table, targets, rows)
          : { shape: [], dtype: 'i32', values: encodeClasses(labels, rows, encoding.classes ?? [], placeOfTarget) };
      const placeOf = (sample: number, entry: number) => ({
        file: table.file,
        line: table.lines[rows === undefined ? sample : rows[sample]],
        column: features[columnOfEntry[entry]].number,
      });
      return { features: { shape: [width], values }, targets: encodedTargets, placeOf };
    },
  };
}

/** 4 GiB of float64. */
const MOST_VALUES = 2 ** 29;

function matrix(table: CsvTable, size: number, width: number): Float64Array {
  if (size * width <= MOST_VALUES) return new Float64Array(size * width);
  throw new DataError(`${size} rows of ${width} features are ${size * width} numbers, more than fit`, {
    file: table.file,
    hint: 'one-hot columns take a feature for each category: drop those with very many',
  });
}

function withoutIncompleteRows(table: CsvTable, used: readonly CsvColumn[]): CsvTable {
  const rows = completeRows(used, table.lines.length);
  if (rows.length === table.lines.length) return table;
  if (rows.length === 0) {
    throw new DataError(`every one of the ${counted(table.lines.length, 'row')} has a missing value`, {
      file: table.file,
      hint: 'drop the columns that are mostly empty, or set data.source.missing to mean or median',
    });
  }
  const columns = table.columns.map((column) => ({ ...column, codes: rows.map((row) => column.codes[row]) }));
  return { ...table, columns, lines: rows.map((row) => table.lines[row]) };
}

function regressionTargets(table: CsvTable, columns: readonly CsvColumn[], rows: Rows): Table {
  const size = rows?.length ?? table.lines.length;
  const width = columns.length;
  const values = new Float64Array(size * width);
  columns.forEach((column, offset) => encodeNumeric(table, column, rows, undefined, { values, width, offset }));
  const rounded = Float32Array.from(values);
  const bad = rounded.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const row = Math.floor(bad / width);
    const column = columns[bad % width];
    throw new DataError(`${values[bad]} in column "${column.name}" is too large for a 32-bit float`, {
      file: table.file,
      line: table.lines[rows === undefined ? row : rows[row]],
      column: column.number,
    });
  }
  return { shape: [width], dtype: 'f32', values: rounded };
}
