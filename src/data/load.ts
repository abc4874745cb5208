/**
 * Loading: the files of a config are opened, the samples split, encoding and preprocessing fitted on the training split (or
 * taken from a checkpoint) and applied to every part.
 */
import path from 'node:path';
import { blocksOf, mappedNumbers, type Part, splitOf, type Treatment } from './cache/blocks.js';
import { DataError } from './data-error.js';
import { DataFiles, type HashedFile } from './data-files.js';
import { featureColumns } from './feature-columns.js';
import { splitFold } from './folds.js';
import { type Affine, fitAffine, isProjection } from './preprocess.js';
import { fitProjection } from './projection.js';
import { recordSplits } from './cache/record-splits.js';
import type { Records } from './records.js';
import { ScratchFile } from './cache/scratch-file.js';
import { Spread } from './spread.js';
import type { DataConfig } from './schema.js';
import type { Encoding } from './encoding.js';
import { lastAxis, widthOfSample } from './encoding-width.js';
import type { FittedPreprocessing } from './fitted-preprocessing.js';
import type { SampleFiles } from './source.js';
import { sourceOf } from './sources/index.js';
import { type Split, splitRows } from './split.js';
import { type SplitName, splitNames } from './split-names.js';
import type { Rows, TargetKind } from './fields.js';
import type { UnpackedFiles } from './unpack-ahead.js';
import { measuresOf, widthOf } from './tables/columns.js';

export interface LoadOptions {
  /** The target kind of the task. */
  readonly target: TargetKind;
  readonly seed: number;
  /** Base of relative paths: the folder of the config. */
  readonly baseDir: string;
  /** Allocates memory for the bytes of large files that are used unchanged, such as a session's. */
  readonly reserve?: (bytes: number) => Uint8Array;
  /** Files unpacked ahead. */
  readonly unpacked?: Pick<UnpackedFiles, 'take'>;
  /** From a checkpoint: used unchanged, nothing is fitted. */
  readonly fitted?: FittedPreprocessing;
}

interface Loaded {
  /** Names of the class indices or multilabel columns; absent for other targets. */
  readonly classes?: readonly string[];
  /**
   * For u8 features the map (value * scale + shift, per entry of the last axis) that the training step applies. Absent
   * for f32 features, which are already mapped.
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

/** The config with `move` applied to every file name: for a copy of it in another folder. */
export function moveFiles<C extends DataConfig>(config: C, move: (file: string) => string): C {
  const { source }: DataConfig = config;
  // `moveFiles` keeps the type of its argument.
  const moved = { ...config, source: sourceOf(source).moveFiles(source, move) as typeof source };
  return config.cache_dir === undefined ? moved : { ...moved, cache_dir: move(config.cache_dir) };
}

/** The names of the files that `config` would open, as written there. */
export function namedFiles({ source }: DataConfig): string[] {
  const names = new Set<string>();
  sourceOf(source).moveFiles(source, (file) => (names.add(file), file));
  return [...names];
}

/** Whether a part consists of samples of the training file. */
export function isCarved({ source, split, folds }: DataConfig, role: SplitName): boolean {
  if (role === 'train') return split.val !== undefined || split.test !== undefined || folds !== undefined;
  const isOwn = sourceOf(source).ownFiles(source).includes(role);
  return !isOwn && (split[role] !== undefined || (role === 'test' && folds !== undefined));
}

/** The config with all samples of `file` for its test part; undefined if a part is more than one file or folder. */
export function wholeFile<C extends DataConfig>(config: C, file: string): C | undefined {
  const { folds: _, fold: __, limit_test: ___, ...rest } = config;
  const { path, train, val: ____, ...source } = config.source as Record<string, unknown>;
  const training = train ?? path;
  if (typeof training !== 'string') return undefined;
  const tested = { ...source, train: training, test: file } as unknown as DataConfig['source'];
  return { ...rest, source: tested, split: { stratify: false } } as unknown as C;
}

/**
 * Loads all parts of the data; in a cross-validation those of `config.fold`, by default the first. `onOpened` gets the files
 * before anything is fitted. Throws DataError for files that are missing, damaged or not as the config says.
 */
export async function loadData(
  config: DataConfig,
  options: LoadOptions,
  onOpened?: (opened: SampleFiles<Encoding>) => void,
): Promise<LoadedData> {
  return splitsOf(await loadParts(config, options, splitNames, onOpened));
}

function splitsOf<P extends Pick<LoadedParts, 'parts'>>({
  parts,
  ...rest
}: P): Omit<P, 'parts'> & Pick<LoadedData, 'train' | 'val' | 'test'> {
  if (parts.train === undefined) throw new Error('a data source always has a training file');
  return { ...rest, train: parts.train, val: parts.val, test: parts.test };
}

/** One part of the data, preprocessed as in `fitted`. */
export interface LoadedSplit extends Loaded {
  /** Absent if the config has no such part. */
  readonly split?: Split;
}

/** Loads one part for an evaluation, reading only the files it needs. Throws like `loadData`. */
export async function loadSplit(
  config: DataConfig,
  role: SplitName,
  options: LoadOptions & { readonly fitted: FittedPreprocessing },
): Promise<LoadedSplit> {
  const { parts, ...rest } = await loadParts(config, options, [role]);
  return { ...rest, split: parts[role] };
}

interface LoadedParts extends Loaded {
  readonly parts: Partial<Record<SplitName, Split>>;
}

async function loadParts(
  config: DataConfig,
  options: LoadOptions,
  wanted: readonly SplitName[],
  onOpened?: (opened: SampleFiles<Encoding>) => void,
): Promise<LoadedParts> {
  const { source, cache, cache_dir } = config;
  const folder = cache_dir && path.resolve(options.baseDir, cache_dir);
  const scratch = cache === 'disk' ? new ScratchFile(folder) : undefined;
  const files = new DataFiles(options.baseDir, scratch, options.unpacked);
  const entry = sourceOf(source);
  const fitted = options.fitted?.encoding;
  if (fitted !== undefined && fitted.kind !== entry.encoding) {
    const [given, trained] = [KINDS[entry.encoding], KINDS[fitted.kind]];
    throw new DataError(`the data are ${given}, but the model was trained on ${trained}`, { file: files.resolve('.') });
  }
  const own = entry.ownFiles(source);
  const carved = wanted.some((role) => role !== 'train' && isCarved(config, role));
  const roles = own.filter((role) => wanted.includes(role) || (role === 'train' && carved));
  let opened: SampleFiles<Encoding> = {};
  const kept = new Set<Records | undefined>();
  try {
    opened = await entry.open(source, { files, target: options.target, roles, reserve: options.reserve }, fitted);
    onOpened?.(opened);
    const assembled = await assemble(config, options, opened, wanted, folder);
    const loaded = { ...assembled, files: await files.list() };
    for (const role of wanted) kept.add(loaded.parts[role]?.fields.features.records);
    return loaded;
  } finally {
    scratch?.close();
    // Close files that were copied into records or are not needed.
    for (const { records } of Object.values(opened)) if (!kept.has(records)) records?.close();
  }
}

/** Whether building the splits needs the feature values. */
const readsFeatures = ({ preprocess, cache }: DataConfig): boolean =>
  cache === 'disk' || preprocess.some(({ type }) => type !== 'scale');

const KINDS: Record<Encoding['kind'], string> = { arrays: 'arrays of one shape', table: 'tables of columns' };

function partsOf(config: DataConfig, seed: number, opened: SampleFiles<Encoding>): Partial<Record<SplitName, Part>> {
  const parts: Partial<Record<SplitName, Part>> = {};
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

async function assemble(
  config: DataConfig,
  options: LoadOptions,
  opened: SampleFiles<Encoding>,
  wanted: readonly SplitName[],
  cacheFolder: string | undefined,
): Promise<Omit<LoadedParts, 'files'>> {
  const parts = partsOf(config, options.seed, opened);
  const preprocessing = options.fitted ?? (await fit(config, parts.train));
  const { encoding, affine, projection } = preprocessing;
  const limits = { train: config.limit_train, val: config.limit_val, test: config.limit_test };
  const used: Partial<Record<SplitName, Part>> = {};
  for (const role of wanted) {
    const part = parts[role];
    if (part !== undefined) used[role] = { from: part.from, rows: firstRows(part, limits[role]) };
  }
  const columns = featureColumns(preprocessing);
  const treatment = { ...preprocessing, width: widthOfSample(encoding), columns };
  const isBytes = encoding.kind === 'arrays' && encoding.dtype === 'u8' && projection === undefined;
  const splits = config.cache === 'disk' ? recordSplits(used, treatment, cacheFolder) : residentSplits(used, treatment);
  return {
    parts: splits,
    classes: encoding.classes,
    affine: isBytes ? affine : undefined,
    preprocessing,
  };
}

function residentSplits(
  parts: Partial<Record<SplitName, Part>>,
  treatment: Treatment,
): Partial<Record<SplitName, Split>> {
  const { train, val, test } = parts;
  return {
    ...(train && { train: splitOf(train, treatment) }),
    ...(val && { val: splitOf(val, treatment) }),
    ...(test && { test: splitOf(test, treatment) }),
  };
}

function firstRows({ from, rows }: Part, limit: number | undefined): Rows {
  if (limit === undefined) return rows;
  if (rows !== undefined) return rows.slice(0, limit);
  return Int32Array.from({ length: Math.min(limit, from.size) }, (_, row) => row);
}

/** Fits encoding and preprocessing on the whole training split, before any limit. One-hot entries stay 0 and 1. */
async function fit(config: DataConfig, part: Part | undefined): Promise<FittedPreprocessing> {
  if (part === undefined) throw new Error('preprocessing is fitted on the training split');
  // In file order, which is faster when samples are read from a file. Floating-point sums depend on the order.
  const hasSums = sourceOf(config.source).encoding !== 'arrays' || readsFeatures(config);
  const ordered = { from: part.from, rows: hasSums ? part.rows?.slice().sort() : part.rows };
  const encoding = ordered.from.fit(ordered.rows);
  const last = config.preprocess.at(-1);
  const affine = fitAffines(config, ordered, encoding);
  if (last === undefined || !isProjection(last)) return { encoding, affine };
  const width = widthOfSample(encoding);
  const isMeasure = measuresIn(encoding);
  const inputs = Array.from({ length: width }, (_, entry) => entry).filter((entry) => isMeasure[entry] ?? true);
  const blocks = function* (): Generator<Float64Array> {
    for (const block of blocksOf(ordered, encoding, width, true)) yield mappedNumbers(block, affine);
  };
  return { encoding, affine, projection: await fitProjection(last, blocks, width, inputs, ordered.from.file) };
}

/** Whether each feature of a table is a real number; empty for arrays. */
const measuresIn = (encoding: Encoding): boolean[] =>
  encoding.kind === 'table' ? encoding.columns.flatMap(measuresOf) : [];

/** The per-feature maps; one-hot entries are unchanged and need not be encoded. */
function fitAffines(config: DataConfig, part: Part, encoding: Encoding): Affine {
  const affines = config.preprocess.filter((component) => !isProjection(component));
  const fitOn = (seen: Encoding): Affine => {
    const axis = lastAxis(seen);
    const isMeasure = measuresIn(seen);
    const spread = new Spread(axis, () => blocksOf(part, seen, widthOfSample(seen)));
    return fitAffine(affines, axis, spread, (entry) => isMeasure[entry] === false);
  };
  if (encoding.kind === 'arrays') return fitOn(encoding);
  const fitted = fitOn({ ...encoding, columns: encoding.columns.filter(({ kind }) => kind === 'numeric') });
  const affine: Affine = { scale: [], shift: [] };
  let next = 0;
  for (const column of encoding.columns) {
    for (let i = 0; i < widthOf(column); i++) {
      const isSeen = column.kind === 'numeric';
      affine.scale.push(isSeen ? fitted.scale[next] : 1);
      affine.shift.push(isSeen ? fitted.shift[next] : 0);
      if (isSeen) next++;
    }
  }
  return affine;
}
