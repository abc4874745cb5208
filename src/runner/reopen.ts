/** Opens a run to resume it, after checking that it is still the run that was stopped. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig, type References, toConfigValue } from '../config/index.js';
import { type HashedFile, loadData, moveFiles } from '../data/index.js';
import { addResumption, readEnvironment, readMetrics, readSummary, hasFinished, RunDirectory, RunDirectoryError, runPaths, type RunPaths, type Summary, truncateMetricsAfter } from '../runs/index.js'; // prettier-ignore
import type { Session } from '../tensor/index.js';
import { type ExperimentConfig, experimentSchema, type Snapshot, taskOf } from '../train/index.js';
import { loadStoredConfig, openSnapshot, usingCheckpoint } from './checkpoint.js';
import type { ConfigChange, RunListeners } from './events.js';
import { digestsOf } from './references.js';
import { writeResolvedConfig } from './resolved-config.js';
import type { OpenRun } from './run.js';
import { describeChange } from './text.js';

export interface ReopenOptions {
  readonly onEvent?: RunListeners['onEvent'];
  readonly reserve?: Session['reserve'];
  /** How long it is to be trained now: overrides of `train.max_epochs` and `train.max_steps`. */
  readonly overrides?: readonly string[];
}

/** Opens the directory of a run to resume it. Throws RunDirectoryError, CheckpointError, ConfigError, DataError. */
export async function reopenRun(
  folder: string,
  { onEvent, reserve, overrides = [] }: ReopenOptions = {},
): Promise<OpenRun> {
  const directory = RunDirectory.openForResume(folder);
  try {
    const { paths, path } = directory;
    const { snapshot: last, data: known } = openSnapshot(paths.lastCheckpoint);
    const { config: written, references } = loadConfig(experimentSchema, { file: paths.config });
    const { config: begun } = usingCheckpoint(paths.lastCheckpoint, () => loadStoredConfig(paths.lastCheckpoint, last));
    expectSame(paths, begun, written);
    const { config } = loadConfig(experimentSchema, { file: paths.config, overrides });
    const changes = differences(written, config);
    expectLonger(paths, config, last);
    const { best, notes } = openBest(paths, last);
    notes.push(...changedEnvironment(paths, references));
    const baseDir = resolve(path);
    const data = await loadData(config.data, { target: taskOf(config).targets, seed: config.seed, baseDir, reserve });
    expectSameFiles(data.files, known);
    const { step, epoch } = last.meta;
    truncateMetricsAfter(paths.metrics, step);
    const { rows } = readMetrics(paths.metrics);
    if (rows.length < epoch) {
      notes.push(`metrics.csv has rows of ${rows.length} of the ${epoch} epochs that are done: the others are lost`);
    }
    if (changes.length > 0) {
      writeResolvedConfig(paths, path, config, baseDir, references);
      addResumption(paths.provenance, { time: new Date().toISOString(), command: process.argv, step, changes });
    }
    directory.log(`resumed after step ${step}: ${process.argv.slice(1).join(' ')}`);
    for (const line of [...changes.map(describeChange), ...notes]) directory.log(line);
    onEvent?.({ kind: 'resumed', runDir: path, step, epoch, changes, notes });
    return {
      config,
      data,
      origin: { baseDir, data: data.files, references },
      directory,
      resume: { last, best },
      elapsed: rows.at(-1)?.time_s ?? 0,
      finished: changes.length > 0 ? undefined : readFinished(folder),
    };
  } catch (error) {
    directory.close();
    throw error;
  }
}

/** The summary of the run in `folder`, if that run is complete; undefined if it can be resumed, or failed. */
export function readFinished(folder: string): Summary | undefined {
  const summary = readSummary(runPaths(folder).summary);
  return summary !== undefined && hasFinished(summary) ? summary : undefined;
}

/** Where the config in the run directory is not that of the checkpoint: it was edited. Its files may have been moved. */
function expectSame({ config: file }: RunPaths, begun: ExperimentConfig, written: ExperimentConfig): void {
  const unplaced = (config: ExperimentConfig): ExperimentConfig => ({
    ...config,
    data: moveFiles(config.data, () => 'file'),
  });
  const [change] = differences(unplaced(begun), unplaced(written));
  if (change === undefined) return;
  const { key, from, to } = change;
  const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80));
  const hint = /^train\.max_(epochs|steps)$/.test(key)
    ? `put it back; to train longer: nn train --resume RUN_DIR ${key}=${shown(to)}`
    : 'put it back, or start a run of its own with the changed config';
  const problem = `${key} was changed since the run began, from ${shown(from)} to ${shown(to)}: it cannot be resumed exactly`;
  throw new RunDirectoryError(file, problem, hint);
}

/** The values that differ between two configs, by their keys. */
function differences(a: ExperimentConfig, b: ExperimentConfig): ConfigChange[] {
  const compare = (from: unknown, to: unknown, path: string): ConfigChange[] => {
    if (JSON.stringify(from) === JSON.stringify(to)) return [];
    const alike = Array.isArray(from) ? Array.isArray(to) && from.length === to.length : !Array.isArray(to);
    if (!alike || !isMapping(from) || !isMapping(to)) return [{ key: path, from, to }];
    const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
    return keys.flatMap((key) => compare(from[key], to[key], path === '' ? key : `${path}.${key}`));
  };
  return compare(toConfigValue(experimentSchema, a), toConfigValue(experimentSchema, b), '');
}

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** The environment variables that have changed since the run began. */
function changedEnvironment({ provenance }: RunPaths, references: References): string[] {
  const known = new Map(readEnvironment(provenance).map(({ variable, sha256 }) => [variable, sha256]));
  const changed = digestsOf(references).filter(({ variable, sha256 }) => known.has(variable) && known.get(variable) !== sha256); // prettier-ignore
  return changed.map(({ variable }) => `the environment variable ${variable} has changed since the run began`);
}

/** A run cannot be made shorter than it is. */
function expectLonger({ config: file }: RunPaths, { train }: ExperimentConfig, { meta }: Snapshot): void {
  const { max_epochs: epochs = Infinity, max_steps: steps = Infinity } = train;
  if (epochs >= meta.epoch && steps >= meta.step) return;
  const problem = `${meta.epoch} epochs and ${meta.step} steps are done already: more than was asked for`;
  throw new RunDirectoryError(file, problem, 'ask for more, or leave the run as it is');
}

/** The best weights so far, which must be there where there are any. */
function openBest(paths: RunPaths, { meta }: Snapshot): { best?: Snapshot; notes: string[] } {
  if (!existsSync(paths.bestCheckpoint)) {
    if (meta.best === null) return { notes: [] };
    const problem = `is gone, and holds the best weights so far, of epoch ${meta.best.row.epoch}`;
    throw new RunDirectoryError(paths.bestCheckpoint, problem, 'put it back, or start the run anew');
  }
  const best = openSnapshot(paths.bestCheckpoint).snapshot;
  // Saved before the last checkpoint of its epoch, which was then cut off; that epoch is trained again, to the same weights.
  const isAhead = best.meta.step > meta.step;
  const note = `the best checkpoint is of step ${best.meta.step}, the last of step ${meta.step}: the run was cut off between the two, and trains the steps between them again`;
  return { best, notes: isAhead ? [note] : [] };
}

function expectSameFiles(files: readonly HashedFile[], known: readonly HashedFile[]): void {
  const changed = files.find(({ sha256 }, i) => sha256 !== known.at(i)?.sha256);
  if (changed === undefined && files.length === known.length) return;
  const path = changed?.path ?? known[files.length].path;
  const hint = 'put the old file back, or start the run anew';
  throw new RunDirectoryError(path, 'has changed since the run began: it cannot be resumed exactly', hint);
}
