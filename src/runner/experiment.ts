/** What every command does first: load the config and its data, check that they fit, open the tensor engine. */
import { availableParallelism } from 'node:os';
import { basename, dirname, extname, resolve } from 'node:path';
import { ConfigError, type LoadedConfig, loadConfig, locatedProblem, type WrittenConfig } from '../config/index.js';
import { type DescribedData, type HashedFile, type LoadedData, loadData } from '../data/index.js';
import { CheckpointError } from '../runs/index.js';
import { checkpointOf } from '../nn/initializers.js';
import type { LayerRow } from '../nn/model.js';
import {
  type Backend,
  type Heap,
  portableBackend,
  referenceBackend,
  type Session,
  wasmBackend,
} from '../tensor/index.js';
import { type Contradiction, describeData, type ExperimentConfig, experimentSchema, fitModel, givenWeights, type Tensors, withLossWeights } from '../train/index.js'; // prettier-ignore
import { readWeights } from './checkpoint.js';
import { UsageError } from '../cli/usage-error.js';

export interface CommonOptions {
  readonly seed?: string;
  readonly threads?: string;
  readonly winograd: boolean;
  readonly backend: 'auto' | 'wasm' | 'wasm-portable' | 'reference';
  readonly runsDir: string;
  readonly name?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly debug?: boolean;
}

export interface Experiment {
  readonly loaded: LoadedConfig<ExperimentConfig>;
  readonly config: ExperimentConfig;
  readonly name: string;
  readonly baseDir: string;
  readonly data: LoadedData;
  readonly rows: readonly LayerRow[];
  /** Where the network begins with weights of a checkpoint: these, by name, and the file. */
  readonly given?: { readonly tensors: Tensors; readonly file: HashedFile };
}

/** Loads a config with its data. Throws ConfigError and DataError. */
export async function loadExperiment(
  file: string,
  overrides: readonly string[],
  options: CommonOptions,
  load: typeof loadData = loadData,
  written?: WrittenConfig,
  onFitted?: OnFitted,
): Promise<Experiment> {
  const seed = options.seed === undefined ? [] : [`seed=${options.seed}`];
  const loaded = loadConfig(experimentSchema, { file, written, overrides: [...overrides, ...seed] });
  const name = options.name ?? loaded.config.name ?? (file === '-' ? 'stdin' : basename(file, extname(file)));
  return openExperiment(loaded, resolve(dirname(file)), name, undefined, load, onFitted);
}

/** Called with a config as it is trained and data that it fits; see `LoadOptions.onDescribed`. */
type OnFitted = (config: ExperimentConfig, data: DescribedData) => void;

/** A loaded config with its data; where `fold` is given, with this fold held out. Throws ConfigError and DataError. */
export async function openExperiment(
  loaded: LoadedConfig<ExperimentConfig>,
  baseDir: string,
  name: string,
  fold?: number,
  load: typeof loadData = loadData,
  onFitted?: OnFitted,
): Promise<Experiment> {
  const whole = loaded.config;
  const written = fold === undefined ? whole : { ...whole, data: { ...whole.data, fold } };
  let fitted: ReturnType<typeof fitTo> | undefined;
  const onDescribed = (data: DescribedData): void => {
    fitted = fitTo(written, data);
    if (fitted.problems.length === 0) onFitted?.(fitted.config, data);
  };
  const { task, seed } = written;
  const data = await load(written.data, { task, seed, baseDir, ...(onFitted && { onDescribed }) });
  const { config, rows, problems } = fitted ?? fitTo(written, data);
  if (problems.length > 0)
    throw new ConfigError(problems.map(({ path, message }) => locatedProblem(loaded, path, message)));
  const given = openGiven(loaded, config, data, baseDir);
  return { loaded, config, name, baseDir, data, rows, ...(given && { given }) };
}

/** The config with what it takes from the data, its layers, and why it does not fit them, if it does not. */
function fitTo(
  written: ExperimentConfig,
  data: Pick<LoadedData, 'train' | 'classes'>,
): Pick<Experiment, 'config' | 'rows'> & { problems: readonly Contradiction[] } {
  const { config, problems: ofWeights } = withLossWeights(written, data);
  const { rows, problems: ofModel } = fitModel(config, describeData(config, data));
  return { config, rows, problems: [...ofWeights, ...ofModel] };
}

/** What `init.checkpoint` asks for. Throws ConfigError where there is none of it, or it does not fit the network. */
function openGiven(
  loaded: LoadedConfig<ExperimentConfig>,
  config: ExperimentConfig,
  data: LoadedData,
  baseDir: string,
): Experiment['given'] {
  const checkpoint = checkpointOf(config.init);
  if (checkpoint === undefined) return undefined;
  const path = resolve(baseDir, checkpoint.path);
  try {
    const { tensors, sha256 } = readWeights(path);
    const { tensors: taken, problems } = givenWeights(config, data.train.features.shape, tensors);
    if (problems.length === 0) return { tensors: taken, file: { path, sha256 } };
    throw new ConfigError(problems.map(({ path, message }) => locatedProblem(loaded, path, message)));
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    const message = `${error.file}: ${error.problem}`;
    const problem = locatedProblem(loaded, ['init', 'checkpoint'], message);
    throw new ConfigError([{ ...problem, hint: error.hint }]);
  }
}

/** All files that an experiment reads. */
export const filesOf = ({ data, given }: Pick<Experiment, 'data' | 'given'>): readonly HashedFile[] =>
  given === undefined ? data.files : [...data.files, given.file];

/** `loadData` that keeps what it loaded last: configs of one comparison mostly differ in all but their data. */
export function rememberingLoad(): typeof loadData {
  let last: { readonly key: string; readonly data: Promise<LoadedData> } | undefined;
  return (config, options) => {
    const key = JSON.stringify([{ ...config, augment: undefined }, options]);
    if (last?.key !== key) last = { key, data: loadData(config, options) };
    return last.data;
  };
}

const backends: Record<CommonOptions['backend'], Backend> = {
  auto: wasmBackend,
  wasm: wasmBackend,
  'wasm-portable': portableBackend,
  reference: referenceBackend,
};

/** More than any machine has cores, and few enough to start. */
const MOST_THREADS = 256;

/** The threads that a session gets: those asked for, else as many as there are cores, at most 8. Throws UsageError. */
export function threadsOf(options: CommonOptions): number {
  const threads = options.threads === undefined ? Math.min(8, availableParallelism()) : Number(options.threads);
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS)
    throw new UsageError(`--threads: expected a whole number from 1 to ${MOST_THREADS}, got "${options.threads}"`);
  return threads;
}

/** `heap` is memory that has been made for it before. */
export const openSession = (options: CommonOptions, threads = threadsOf(options), heap?: Heap): Session =>
  backends[options.backend].open({ threads, winograd: options.winograd, heap });

/** Writes a line for people, on stderr. */
export const say = (options: CommonOptions, line: string): void => {
  if (!options.quiet) process.stderr.write(`${line}\n`);
};

export const printJson = (options: CommonOptions, value: unknown): void => {
  if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
};
