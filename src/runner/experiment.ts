/** An experiment: its config and data, loaded and checked against each other. Most commands begin with one. */
import { basename, dirname, extname, resolve } from 'node:path';
import { ConfigError, type LoadedConfig, loadConfig, locatedProblem, type WrittenConfig } from '../config/index.js';
import { type HashedFile, type LoadedData, loadData } from '../data/index.js';
import { CheckpointError } from '../runs/index.js';
import { checkpointOf, type LayerRow } from '../nn/index.js';
import { type Contradiction, describeData, embeddingIdProblems, type ExperimentConfig, experimentSchema, fitModel, givenWeights, taskOf, type Tensors, withLossWeights } from '../train/index.js'; // prettier-ignore
import { readWeights } from './checkpoint.js';

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

export interface LoadExperimentOptions extends Pick<OpenExperimentOptions, 'load'> {
  /** `key=value` texts that change the config; the last one wins. */
  readonly overrides?: readonly string[];
  /** Instead of the name in the config. */
  readonly name?: string;
  /** The parsed file, where that has been done before. */
  readonly written?: WrittenConfig;
}

/** Loads the config in `file` (`-`: stdin) with its data. Throws ConfigError and DataError. */
export async function loadExperiment(file: string, options: LoadExperimentOptions = {}): Promise<Experiment> {
  const { loaded, name, baseDir } = loadExperimentConfig(file, options);
  return openExperiment(loaded, { ...options, baseDir, name });
}

/** The config of an experiment, its name, and what its file names are relative to. Throws ConfigError. */
export function loadExperimentConfig(
  file: string,
  { overrides = [], name, written }: LoadExperimentOptions = {},
): Pick<Experiment, 'loaded' | 'name' | 'baseDir'> {
  const loaded = loadConfig(experimentSchema, { file, written, overrides });
  const ofFile = file === '-' ? 'stdin' : basename(file, extname(file));
  return { loaded, name: name ?? loaded.config.name ?? ofFile, baseDir: resolve(dirname(file)) };
}

export interface OpenExperimentOptions {
  /** What the file names in the config are relative to. */
  readonly baseDir: string;
  readonly name: string;
  /** The fold to hold out (1-based), where each fold has a run of its own. */
  readonly fold?: number;
  /** Instead of `loadData`: one that shares data between experiments, or reads them elsewhere. */
  readonly load?: typeof loadData;
}

/** A loaded config with its data. Throws ConfigError and DataError. */
export async function openExperiment(
  loaded: LoadedConfig<ExperimentConfig>,
  { baseDir, name, fold, load = loadData }: OpenExperimentOptions,
): Promise<Experiment> {
  const whole = loaded.config;
  const written = fold === undefined ? whole : { ...whole, data: { ...whole.data, fold } };
  const { seed } = written;
  const target = taskOf(written).targets;
  const data = await load(written.data, { target, seed, baseDir });
  const { config, rows, problems } = fitTo(written, data);
  if (problems.length > 0)
    throw new ConfigError(problems.map(({ path, message }) => locatedProblem(loaded, path, message)));
  const given = openGiven(loaded, config, data, baseDir);
  return { loaded, config, name, baseDir, data, rows, ...(given && { given }) };
}

/** The config with what it takes from the data, its layers, and why it does not fit them, if it does not. */
function fitTo(
  written: ExperimentConfig,
  data: Pick<LoadedData, 'train' | 'val' | 'test' | 'classes'>,
): Pick<Experiment, 'config' | 'rows'> & { problems: readonly Contradiction[] } {
  const { config, problems: ofWeights } = withLossWeights(written, data);
  const { rows, problems: ofModel } = fitModel(config, describeData(config, data));
  const ofIds = ofModel.length > 0 ? [] : embeddingIdProblems(config, data);
  return { config, rows, problems: [...ofWeights, ...ofModel, ...ofIds] };
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
    const { tensors: taken, problems } = givenWeights(config, data.train.fields.features.shape, tensors);
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

/** `loadData` that keeps what it loaded last: the configs of a comparison mostly share their data. */
export function cachedLoad(): typeof loadData {
  let last: { readonly key: string; readonly data: Promise<LoadedData> } | undefined;
  return (config, options) => {
    const key = JSON.stringify([{ ...config, augment: undefined }, options]);
    if (last?.key !== key) last = { key, data: loadData(config, options) };
    return last.data;
  };
}
