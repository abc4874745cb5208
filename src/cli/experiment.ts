/** What every command does first: load the config and its data, check that they fit, open the tensor engine. */
import { availableParallelism } from 'node:os';
import { basename, dirname, extname, resolve } from 'node:path';
import { ConfigError, type LoadedConfig, loadConfig, locatedProblem } from '../config/index.js';
import { type LoadedData, loadData } from '../data/index.js';
import type { LayerRow } from '../nn/model.js';
import { type Backend, portableBackend, referenceBackend, type Session, wasmBackend } from '../tensor/index.js';
import { describeData, type ExperimentConfig, experimentSchema, fitModel } from '../train/index.js';
import { UsageError } from './usage-error.js';

export interface CommonOptions {
  readonly seed?: string;
  readonly threads?: string;
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
}

/** Loads a config with its data. Throws ConfigError and DataError. */
export async function loadExperiment(
  file: string,
  overrides: readonly string[],
  options: CommonOptions,
  reserve?: Session['reserve'],
): Promise<Experiment> {
  const seed = options.seed === undefined ? [] : [`seed=${options.seed}`];
  const loaded = loadConfig(experimentSchema, { file, overrides: [...overrides, ...seed] });
  const name = options.name ?? loaded.config.name ?? basename(file, extname(file));
  return openExperiment(loaded, resolve(dirname(file)), name, undefined, reserve);
}

/** A loaded config with its data; where `fold` is given, with this fold held out. Throws ConfigError and DataError. */
export async function openExperiment(
  loaded: LoadedConfig<ExperimentConfig>,
  baseDir: string,
  name: string,
  fold?: number,
  reserve?: Session['reserve'],
): Promise<Experiment> {
  const whole = loaded.config;
  const config = fold === undefined ? whole : { ...whole, data: { ...whole.data, fold } };
  const data = await loadData(config.data, { task: config.task, seed: config.seed, baseDir, reserve });
  const { rows, problems } = fitModel(config, describeData(config, data));
  if (problems.length > 0)
    throw new ConfigError(problems.map(({ path, message }) => locatedProblem(loaded, path, message)));
  return { loaded, config, name, baseDir, data, rows };
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

export const openSession = (options: CommonOptions, threads = threadsOf(options)): Session =>
  backends[options.backend].open({ threads });

/** Writes a line for people, on stderr. */
export const say = (options: CommonOptions, line: string): void => {
  if (!options.quiet) process.stderr.write(`${line}\n`);
};

export const printJson = (options: CommonOptions, value: unknown): void => {
  if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
};
