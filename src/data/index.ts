/**
 * Data: files become resident tables of numbers. `loadData` reads the files of a config, splits the samples, learns encoding and
 * preprocessing from the training split (or takes those of a checkpoint) and applies them to every part. The training loop and
 * the evaluation see nothing else of this folder.
 */
import * as z from 'zod';
import { DataError } from './data-error.js';
import { DataFiles, type HashedFile } from './data-files.js';
import { splitFold } from './folds.js';
import { applyAffine, fitAffine, statisticsOf, type Affine } from './preprocess.js';
import type { DataConfig } from './schema.js';
import { encodingSchema, type EncodedSamples, type Encoding, type SampleFile, type SampleFiles } from './source.js';
import { sourceOf } from './sources/index.js';
import { splitRows } from './split.js';
import { product, type Role, type Rows, type Split, type Table, type Task } from './table.js';
import { measuresOf, widthOf } from './tabular/columns.js';

export { DataError } from './data-error.js';
export type { Affine } from './preprocess.js';
export { dataSchema, hasPart, type DataConfig } from './schema.js';
export { dataSources, sourceOf } from './sources/index.js';
export { preprocessors } from './preprocess.js';
export { type Role, sampleOf, type Split, type Table, type Task } from './table.js';
export type { HashedFile } from './data-files.js';

/** Entries of the last axis of a sample's features. */
function lastAxis(encoding: Encoding): number {
  if (encoding.kind === 'arrays') return encoding.shape[encoding.shape.length - 1];
  return encoding.columns.reduce((sum, column) => sum + widthOf(column), 0);
}

const affineSchema = z.strictObject({ scale: z.array(z.number()).min(1), shift: z.array(z.number()).min(1) });

/** What was learned from the training split, as it stands in a checkpoint: enough to treat new data the same way. */
export const fittedPreprocessingSchema = z
  .strictObject({ encoding: encodingSchema, affine: affineSchema })
  .refine(
    ({ encoding, affine: { scale, shift } }) => scale.length === lastAxis(encoding) && shift.length === scale.length,
    {
      path: ['affine'],
      message: 'does not fit the encoding',
    },
  );
export type FittedPreprocessing = z.output<typeof fittedPreprocessingSchema>;

export interface LoadOptions {
  readonly task: Task;
  readonly seed: number;
  /** What relative paths are relative to: the folder of the config. */
  readonly baseDir: string;
  /** Memory for the bytes of large files that stay as they are, such as a session's own. */
  readonly reserve?: (bytes: number) => Uint8Array;
  /** From a checkpoint: used as it is, nothing is fitted. */
  readonly fitted?: FittedPreprocessing;
}

interface Loaded {
  /** Names of the class indices; absent in regression. */
  readonly classes?: readonly string[];
  /**
   * For u8 features the map (value * scale + shift, an entry each for every entry of the last axis) that the step applies. Absent
   * for f32 features, which come mapped.
   */
  readonly affine?: Affine;
  readonly preprocessing: FittedPreprocessing;
  readonly files: readonly HashedFile[];
}

export interface LoadedData extends Loaded {
  readonly train: Split;
  readonly val?: Split;
  readonly test?: Split;
}

/** The config with every file name put through `move`: for a copy of it in another folder. */
export function moveFiles<C extends DataConfig>(config: C, move: (file: string) => string): C {
  const { source }: DataConfig = config;
  // An entry's `moveFiles` returns what it was given, with other names.
  return { ...config, source: sourceOf(source).moveFiles(source, move) as typeof source };
}

/**
 * Loads all parts of the data; of a cross-validation, those of `config.fold`, else of the first fold. Throws DataError for files
 * that are missing, damaged or not as the config says.
 */
export async function loadData(config: DataConfig, options: LoadOptions): Promise<LoadedData> {
  const { parts, ...rest } = await loadParts(config, options, ['train', 'val', 'test']);
  if (parts.train === undefined) throw new Error('a data source always has a training file');
  return { ...rest, train: parts.train, val: parts.val, test: parts.test };
}

/** One part of the data, treated as `fitted` says. */
export interface LoadedSplit extends Loaded {
  /** Absent where the config has no such part. */
  readonly split?: Split;
}

/** Loads one part for an evaluation, reading only the files that it needs. Throws as `loadData` does. */
export async function loadSplit(
  config: DataConfig,
  role: Role,
  options: LoadOptions & { readonly fitted: FittedPreprocessing },
): Promise<LoadedSplit> {
  const { parts, ...rest } = await loadParts(config, options, [role]);
  return { ...rest, split: parts[role] };
}

interface LoadedParts extends Loaded {
  readonly parts: Partial<Record<Role, Split>>;
}

async function loadParts(config: DataConfig, options: LoadOptions, wanted: readonly Role[]): Promise<LoadedParts> {
  const { source } = config;
  const files = new DataFiles(options.baseDir);
  const entry = sourceOf(source);
  const fitted = options.fitted?.encoding;
  if (fitted !== undefined && fitted.kind !== entry.encoding) {
    const [given, trained] = [KINDS[entry.encoding], KINDS[fitted.kind]];
    throw new DataError(`the data are ${given}, but the model was trained on ${trained}`, { file: files.resolve('.') });
  }
  const own = entry.ownFiles(source);
  const isCarved = (role: Role): boolean =>
    role !== 'train' && (config.split[role] !== undefined || (role === 'test' && config.folds !== undefined));
  const carved = wanted.some((role) => !own.includes(role) && isCarved(role));
  const roles = own.filter((role) => wanted.includes(role) || (role === 'train' && carved));
  const opened = await entry.open(source, { files, task: options.task, roles, reserve: options.reserve }, fitted);
  return assemble(config, options, opened, wanted, files);
}

const KINDS: Record<Encoding['kind'], string> = { arrays: 'arrays of one shape', table: 'tables of columns' };

/** The samples of each part, by file and rows. */
interface Part {
  readonly from: SampleFile<Encoding>;
  readonly rows: Rows;
}

function partsOf(config: DataConfig, seed: number, opened: SampleFiles<Encoding>): Partial<Record<Role, Part>> {
  const parts: Partial<Record<Role, Part>> = {};
  if (opened.train !== undefined) {
    const from = opened.train;
    const { folds, fold = 1 } = config;
    const rows =
      folds === undefined
        ? splitRows(from.file, from.size, config.split, seed, from.labels)
        : splitFold(from.file, from.size, { fold, folds }, config.split, seed, from.labels);
    parts.train = { from, rows: rows.train };
    if (rows.val !== undefined) parts.val = { from, rows: rows.val };
    if (rows.test !== undefined) parts.test = { from, rows: rows.test };
  }
  if (opened.val !== undefined) parts.val = { from: opened.val, rows: undefined };
  if (opened.test !== undefined) parts.test = { from: opened.test, rows: undefined };
  return parts;
}

function assemble(
  config: DataConfig,
  options: LoadOptions,
  opened: SampleFiles<Encoding>,
  wanted: readonly Role[],
  files: DataFiles,
): LoadedParts {
  const parts = partsOf(config, options.seed, opened);
  const encoding = options.fitted?.encoding ?? parts.train?.from.fit(parts.train.rows);
  if (encoding === undefined) throw new Error('without a training file the preprocessing must be given');
  const affine = options.fitted?.affine ?? fitOn(config, parts.train, encoding);
  const limits = { train: config.limit_train, val: config.limit_val, test: config.limit_test };
  const splits: Partial<Record<Role, Split>> = {};
  for (const role of wanted) {
    const part = parts[role];
    if (part === undefined) continue;
    const samples = part.from.encode(firstRows(part, limits[role]), encoding);
    splits[role] = toSplit(samples, affine);
  }
  const isBytes = encoding.kind === 'arrays' && encoding.dtype === 'u8';
  return {
    parts: splits,
    classes: encoding.classes,
    affine: isBytes ? affine : undefined,
    preprocessing: { encoding, affine },
    files: files.list(),
  };
}

function firstRows({ from, rows }: Part, limit: number | undefined): Rows {
  if (limit === undefined) return rows;
  if (rows !== undefined) return rows.slice(0, limit);
  return Int32Array.from({ length: Math.min(limit, from.size) }, (_, row) => row);
}

/** Fits the preprocessing on the whole training split, before any limit. One-hot entries stay 0 and 1. */
function fitOn(config: DataConfig, part: Part | undefined, encoding: Encoding): Affine {
  if (part === undefined) throw new Error('preprocessing is fitted on the training split');
  const isMeasure = encoding.kind === 'table' ? encoding.columns.flatMap(measuresOf) : [];
  const width = lastAxis(encoding);
  const statistics = () => {
    const { values, shape, rows } = part.from.encode(part.rows, encoding).features;
    return statisticsOf(values, width, product(shape), rows);
  };
  return fitAffine(config.preprocess, width, statistics, (entry) => isMeasure[entry] === false);
}

function toSplit({ features, targets, placeOf }: EncodedSamples, affine: Affine): Split {
  const { shape, values, rows } = features;
  const perSample = product(shape);
  const size = rows?.length ?? values.length / perSample;
  if (values instanceof Uint8Array)
    return { size, features: { shape, dtype: 'u8', values, ...(rows && { rows }) }, targets };
  const mapped: Table = { shape, dtype: 'f32', values: applyAffine(values, affine) };
  const bad = mapped.values.findIndex((value: number) => !Number.isFinite(value));
  if (bad >= 0) {
    const place = placeOf(Math.floor(bad / perSample), bad % perSample);
    throw new DataError(`${values[bad]} comes to ${mapped.values[bad]} as a 32-bit feature`, place);
  }
  return { size, features: mapped, targets };
}
