/** Trains an experiment in a new run directory, or resumes one: all of `nn train` except its arguments and output. */
import { closeSplits, loadData } from '../data/index.js';
import {
  type CrossValidationSummary,
  gitState,
  type GitState,
  RunDirectory,
  RunDirectoryError,
  type Summary,
} from '../runs/index.js';
import { prepare } from '../train/index.js';
import type { Ahead } from './ahead.js';
import { openEngine } from './engine.js';
import type { RunListeners } from './events.js';
import { type Experiment, type LoadExperimentOptions, loadExperimentConfig, openExperiment } from './experiment.js';
import { beginFolds, foldsOf, reopenFolds, trainFolds } from './folds.js';
import { type ReopenOptions, reopenRun } from './reopen.js';
import { beginRun, type RunOptions, trainRun } from './run.js';
import { formatWarnings, warningsOf } from './warnings.js';

export interface TrainFileOptions extends RunOptions, Pick<LoadExperimentOptions, 'overrides' | 'name'> {
  readonly runsDir: string;
  /** What has been read before. */
  readonly ahead?: Ahead;
}

/**
 * Trains the config in `file`, one run or one for each of its folds, and returns the summary that its run directory has too. Throws
 * ConfigError, DataError and RunDirectoryError before anything is trained, TrainingError where the run fails.
 */
export async function trainFile(file: string, options: TrainFileOptions): Promise<Summary | CrossValidationSummary> {
  const git = gitState(process.cwd());
  const source = loadExperimentConfig(file, { ...options, written: options.ahead?.written });
  return foldsOf(source.loaded.config.data) === undefined
    ? trainOne(source, git, options)
    : crossValidate(source, git, options);
}

type ExperimentSource = ReturnType<typeof loadExperimentConfig>;
type Git = Promise<GitState | undefined>;

async function trainOne(source: ExperimentSource, git: Git, options: TrainFileOptions): Promise<Summary> {
  const { ahead, engine, fastDevRun, runsDir } = options;
  const session = openEngine(engine, ahead?.heap);
  try {
    const experiment = await openExperiment(source.loaded, {
      ...source,
      load: (config, how) => loadData(config, { ...how, reserve: (bytes) => session.reserve(bytes), unpacked: ahead?.unpacked }), // prettier-ignore
    });
    const prepared = prepare(session, experiment.config, experiment.data, fastDevRun);
    options.onEvent?.({ kind: 'loaded', experiment });
    const run = await beginRun(experiment, RunDirectory.create(runsDir, experiment.name), options, git);
    announceStart(experiment, run.directory, options.onEvent);
    return await trainRun(session, run, { ...options, prepared });
  } finally {
    session.close();
  }
}

/** The data loaded here are those of the first fold, for its sizes and warnings; each run loads its own. */
async function crossValidate(
  source: ExperimentSource,
  git: Git,
  options: TrainFileOptions,
): Promise<CrossValidationSummary> {
  const { ahead, runsDir } = options;
  const experiment = await openExperiment(source.loaded, {
    ...source,
    load: (config, how) => loadData(config, { ...how, unpacked: ahead?.unpacked }),
  });
  options.onEvent?.({ kind: 'loaded', experiment });
  const folds = await beginFolds(experiment, runsDir, options, git);
  announceStart(experiment, folds.directory, options.onEvent);
  closeSplits(experiment.data);
  return trainFolds(folds, options);
}

/** Reports a new run directory and what the lints find, which its log keeps. */
function announceStart(experiment: Experiment, directory: RunDirectory, onEvent: RunListeners['onEvent']): void {
  const warnings = warningsOf(experiment);
  onEvent?.({ kind: 'started', runDir: directory.path, warnings });
  if (warnings.length > 0) directory.log(formatWarnings(warnings).join('\n'));
}

/**
 * Resumes the run in `folder`, exactly as if it had not been stopped. Throws RunDirectoryError, CheckpointError and DataError
 * where that cannot be, TrainingError where the run fails.
 */
export async function resumeRun(
  folder: string,
  options: RunOptions & Pick<ReopenOptions, 'overrides'>,
): Promise<Summary | CrossValidationSummary> {
  const { onEvent, overrides } = options;
  const folds = reopenFolds(folder);
  if (folds !== undefined && overrides !== undefined && overrides.length > 0) {
    folds.directory.close();
    throw new RunDirectoryError(folder, 'is a cross-validation, whose folds cannot be trained longer', 'compare a config with more epochs instead'); // prettier-ignore
  }
  if (folds !== undefined) return trainFolds(folds, options);
  const session = openEngine(options.engine);
  try {
    const run = await reopenRun(folder, { onEvent, overrides, reserve: (bytes) => session.reserve(bytes) });
    return await trainRun(session, run, options);
  } finally {
    session.close();
  }
}
