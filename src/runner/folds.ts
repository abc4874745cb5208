/** A cross-validation: one run for each fold, in directories of their own, and the mean and spread of their figures. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig } from '../config/index.js';
import { closeSplits } from '../data/index.js';
import { collectProvenance, type CrossValidationSummary, foldPath, type GitState, hasFinished, isResumable, RunDirectory, runPaths, type Summary, writeProvenance, writeSummary } from '../runs/index.js'; // prettier-ignore
import { type ExperimentConfig, experimentSchema, type Figures, meanAndSpread } from '../train/index.js';
import { engineProvenance, openEngine } from './engine.js';
import type { FoldPosition, RunListeners } from './events.js';
import { type Experiment, filesOf, openExperiment } from './experiment.js';
import { digestsOf, withReferences } from './references.js';
import { writeResolvedConfig } from './resolved-config.js';
import { beginRun, type OpenRun, peakMemory, type RunOptions, trainRun } from './run.js';
import { readFinished, reopenRun } from './reopen.js';
import { formatFolds } from './text.js';

/** A cross-validation whose directory is open for writing. */
export interface OpenFolds {
  readonly directory: RunDirectory;
  readonly count: number;
  /** The experiment with one fold held out (1-based). */
  readonly open: (fold: number) => Promise<Experiment>;
}

/** The folds of a config that asks for a run for each; undefined for one run. */
export const foldsOf = ({ folds, fold }: Pick<ExperimentConfig['data'], 'folds' | 'fold'>): number | undefined =>
  fold === undefined ? folds : undefined;

/** Makes the directory of a new cross-validation, with its resolved config and provenance. */
export async function beginFolds(
  experiment: Experiment,
  runsDir: string,
  { engine }: Pick<RunOptions, 'engine'>,
  git?: Promise<GitState | undefined>,
): Promise<OpenFolds> {
  const { loaded, name, baseDir } = experiment;
  // Not the config of the first fold, whose balanced weights are that fold's.
  const { config } = loaded;
  const directory = RunDirectory.createForFolds(runsDir, name);
  const { paths, path } = directory;
  writeResolvedConfig(paths, path, config, baseDir, loaded.references);
  const known = {
    seed: config.seed,
    data: withReferences(filesOf(experiment), loaded.references, baseDir),
    engine: engineProvenance(engine),
    environment: digestsOf(loaded.references),
  };
  writeProvenance(paths.provenance, await collectProvenance(known, git));
  directory.log(`started: ${process.argv.slice(1).join(' ')}`);
  return { directory, count: config.data.folds ?? 1, open: (fold) => openExperiment(loaded, { baseDir, name, fold }) };
}

/** Opens a cross-validation to resume it; undefined if the run in `folder` is not one. Throws RunDirectoryError. */
export function reopenFolds(folder: string): OpenFolds | undefined {
  const { config: file } = runPaths(folder);
  if (!existsSync(file)) return undefined;
  const loaded = loadConfig(experimentSchema, { file });
  const count = foldsOf(loaded.config.data);
  if (count === undefined) return undefined;
  const directory = RunDirectory.openForFolds(folder);
  directory.log(`resumed: ${process.argv.slice(1).join(' ')}`);
  const [baseDir, name] = [resolve(folder), loaded.config.name ?? ''];
  return { directory, count, open: (fold) => openExperiment(loaded, { baseDir, name, fold }) };
}

/**
 * Trains the folds one after the other, except those that have finished, writes the summary of all and closes the directory. Where a
 * fold is stopped, the rest is left for a resume. Throws TrainingError where one fails, after the event `ended`.
 */
export async function trainFolds(folds: OpenFolds, options: RunOptions): Promise<CrossValidationSummary> {
  const { directory, count } = folds;
  const { onEvent, maxSeconds = Infinity } = options;
  const summaries: Summary[] = [];
  const began = performance.now();
  try {
    for (let fold = 1; fold <= count; fold++) {
      const position: FoldPosition = { fold, count, runDir: directory.path };
      const ofFold: RunListeners['onEvent'] = (event) => {
        if (event.kind === 'ended' || event.kind === 'skipped') summaries.push(event.summary);
        onEvent?.({ ...event, fold: position });
      };
      const known = readFinished(foldPath(directory.path, fold));
      if (known !== undefined) {
        ofFold({ kind: 'skipped', summary: known });
        continue;
      }
      const remaining = Math.max(0, maxSeconds - (performance.now() - began) / 1000);
      const summary = await trainFold(folds, fold, { ...options, maxSeconds: remaining, onEvent: ofFold });
      if (isResumable(summary)) break;
    }
    return endFolds(directory, summaries, onEvent);
  } catch (error) {
    if (summaries.at(-1)?.status === 'failed') endFolds(directory, summaries, onEvent);
    throw error;
  } finally {
    directory.close();
  }
}

async function trainFold(folds: OpenFolds, fold: number, options: RunOptions): Promise<Summary> {
  const run = await openFold(folds, fold, options);
  const session = openEngine(options.engine);
  try {
    return await trainRun(session, run, options);
  } finally {
    session.close();
    closeSplits(run.data);
  }
}

/** The run of a fold: on from its last checkpoint where there is one. */
async function openFold({ directory, open }: OpenFolds, fold: number, options: RunOptions): Promise<OpenRun> {
  const folder = foldPath(directory.path, fold);
  if (existsSync(runPaths(folder).lastCheckpoint)) return reopenRun(folder, options);
  const run = await beginRun(await open(fold), RunDirectory.createFold(directory.path, fold), options);
  options.onEvent?.({ kind: 'started', runDir: folder, warnings: [] });
  return run;
}

function endFolds(
  directory: RunDirectory,
  summaries: readonly Summary[],
  onEvent: RunListeners['onEvent'],
): CrossValidationSummary {
  const summary = summarizeFolds(summaries, directory.path);
  writeSummary(directory.paths.summary, summary);
  for (const line of formatFolds(summary)) directory.log(line);
  onEvent?.({ kind: 'ended', summary });
  return summary;
}

/** The outcome of a cross-validation from those of its runs, of which the last may have been stopped. */
function summarizeFolds(runs: readonly Summary[], path: string): CrossValidationSummary {
  const last = runs[runs.length - 1];
  const finished = runs.filter(hasFinished);
  const of = (pick: (summary: Summary) => Figures | undefined) =>
    meanAndSpread(finished.map(pick).filter((figures) => figures !== undefined));
  const [final, test] = [of((summary) => summary.final), of((summary) => summary.test)];
  const { mean: sparsity } = of((summary) => summary.sparsity);
  const total = (key: 'epochs' | 'steps' | 'wall_time_s'): number =>
    runs.reduce((sum, summary) => sum + summary[key], 0);
  const stopped = !hasFinished(last);
  return {
    status: stopped ? last.status : 'completed',
    ...(stopped && last.reason !== undefined ? { reason: last.reason } : {}),
    epochs: total('epochs'),
    steps: total('steps'),
    final: final.mean,
    ...(final.std === undefined ? {} : { final_std: final.std }),
    ...(finished.length === 0 ? {} : { test: test.mean }),
    ...(test.std === undefined ? {} : { test_std: test.std }),
    ...(final.defined === undefined ? {} : { final_defined: final.defined }),
    ...(test.defined === undefined ? {} : { test_defined: test.defined }),
    ...(Object.keys(sparsity).length === 0 ? {} : { sparsity }),
    wall_time_s: total('wall_time_s'),
    samples_per_s: last.samples_per_s,
    peak_memory_mb: peakMemory(),
    run_dir: path,
    folds: runs,
  };
}
