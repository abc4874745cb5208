/** One training run with its run directory: how it begins, how it goes on after a stop, and how it is led to its end. */
import { existsSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { formatCount } from '../config/format-count.js';
import { loadConfig, toConfigValue } from '../config/index.js';
import { type LoadedData, loadData, moveFiles } from '../data/index.js';
import { checkpointOf } from '../nn/initializers.js';
import { figureMetrics, metricNames } from '../nn/metrics/index.js';
import { appendMetricsRow, collectProvenance, FileWriteError, type gitState, metricsColumns, readMetrics, RunDirectory, RunDirectoryError, type RunPaths, type Summary, truncateMetricsAfter, writeFileAtomic, writeProvenance, writeSummary } from '../runs/index.js'; // prettier-ignore
import { type ExperimentConfig, experimentSchema, planOf, type Recorder, train, TrainingError, type TrainingResult, type TrainOptions } from '../train/index.js'; // prettier-ignore
import type { Session } from '../tensor/index.js';
import { asCheckpointError, openSnapshot, type Origin, saveSnapshot } from './checkpoint.js';
import type { Display } from '../cli/display.js';
import { type Experiment, filesOf } from './experiment.js';
import { formatFigures, formatReports, formatSparsity, formatTime } from '../cli/format.js';

/** A run that is about to begin or to go on. */
export interface Start {
  readonly config: ExperimentConfig;
  readonly data: LoadedData;
  readonly origin: Origin;
  readonly run: RunDirectory;
  readonly resume?: TrainOptions['resume'];
  /** What it begins with, where it does not go on. */
  readonly given?: TrainOptions['given'];
  /** Seconds that the run has taken before. */
  readonly elapsed: number;
  /** Where it has come to its end before. */
  readonly outcome?: Summary;
}

/** What a run needs of the command that leads it. */
export interface Surroundings extends Pick<TrainOptions, 'shouldStop' | 'maxSeconds' | 'fastDevRun' | 'prepared'> {
  readonly display: Display;
  /** What begins the lines of this run, such as `fold 1/5  `. */
  readonly prefix?: string;
  /** What to resume where this run is stopped; the run itself by default. */
  readonly resumeWith?: string;
  /** Called with what the run has come to, also where it fails. */
  readonly ended: (summary: Summary) => void;
}

/** Writes the config as it was resolved, its file names relative to where it now lies, so that it runs as it is, also once moved. */
export function writeResolvedConfig(
  paths: RunPaths,
  folder: string,
  config: ExperimentConfig,
  baseDir: string,
): ExperimentConfig {
  const moved = movedTo(folder, config, baseDir);
  writeFileAtomic(paths.config, textOf(moved));
  return moved;
}

function movedTo(folder: string, config: ExperimentConfig, baseDir: string): ExperimentConfig {
  const move = (file: string): string => relative(resolve(folder), resolve(baseDir, file));
  const checkpoint = checkpointOf(config.init);
  const moved = checkpoint && { checkpoint: { ...checkpoint, path: move(checkpoint.path) } };
  return { ...config, data: moveFiles(config.data, move), init: { ...config.init, ...moved } };
}
const textOf = (config: ExperimentConfig): string => stringify(toConfigValue(experimentSchema, config));

/** The config.yaml of a run of this config in `folder`. */
export const resolvedConfigText = (folder: string, config: ExperimentConfig, baseDir: string): string =>
  textOf(movedTo(folder, config, baseDir));

/** Fills the directory of a new run: its resolved config and provenance. */
export async function begin(
  experiment: Pick<Experiment, 'config' | 'data' | 'baseDir' | 'given'>,
  run: RunDirectory,
  git?: ReturnType<typeof gitState>,
): Promise<Start> {
  const { config, data, baseDir, given } = experiment;
  const moved = writeResolvedConfig(run.paths, run.path, config, baseDir);
  writeProvenance(run.paths.provenance, await collectProvenance(config.seed, filesOf(experiment), git));
  run.log(`started: ${process.argv.slice(1).join(' ')}`);
  const origin = { baseDir: resolve(run.path), data: data.files };
  return { config: moved, data, origin, run, ...(given && { given: given.tensors }), elapsed: 0 };
}

/** Opens the directory of a run that is to go on. Throws RunDirectoryError, CheckpointError, DataError. */
export async function goOn(folder: string, say: (line: string) => void, reserve?: Session['reserve']): Promise<Start> {
  const run = RunDirectory.openForResume(folder);
  try {
    const { paths } = run;
    const { snapshot: last, data: known } = openSnapshot(paths.lastCheckpoint);
    const best = existsSync(paths.bestCheckpoint) ? openSnapshot(paths.bestCheckpoint).snapshot : undefined;
    const { config } = loadConfig(experimentSchema, { file: paths.config, env: {} });
    const baseDir = resolve(run.path);
    const data = await loadData(config.data, { task: config.task, seed: config.seed, baseDir, reserve });
    const changed = data.files.find(({ sha256 }, i) => sha256 !== known[i].sha256);
    if (changed !== undefined) {
      const hint = 'put the old file back, or start the run anew';
      throw new RunDirectoryError(changed.path, 'has changed since the run began: it cannot go on exactly', hint);
    }
    truncateMetricsAfter(paths.metrics, last.meta.step);
    const elapsed = readMetrics(paths.metrics).rows.at(-1)?.time_s ?? 0;
    const { step, epoch } = last.meta;
    say(`run directory: ${run.path}, going on after step ${formatCount(step)} (${epoch} epochs done)`);
    run.log(`resumed after step ${step}: ${process.argv.slice(1).join(' ')}`);
    const outcome = finishedSummary(paths.summary);
    return { config, data, origin: { baseDir, data: data.files }, run, resume: { last, best }, elapsed, outcome };
  } catch (error) {
    run.close();
    throw error;
  }
}

/** Trains until the run ends or is stopped, and closes run directory and session. Throws TrainingError after `ended`. */
export async function runToItsEnd(session: Session, start: Start, surroundings: Surroundings): Promise<Summary> {
  const { config, data, origin, run, resume, given, elapsed, outcome } = start;
  const { display, prefix = '', resumeWith = run.path, ended, ...how } = surroundings;
  const { paths } = run;
  const { epochs } = planOf(config, data.train.size, how.fastDevRun);
  const columns = metricsColumns(metricNames(figureMetrics(config.metrics)), data.val !== undefined);
  const line = (text: string): void => display.line(prefix + text);
  const began = performance.now();
  const now = (): number => (performance.now() - began) / 1000;

  let stepped = false;
  const recorder: Recorder = {
    epoch({ epoch, step, values }) {
      const time_s = elapsed + now();
      appendMetricsRow(paths.metrics, columns, { epoch, step, time_s, ...values });
      const text = `epoch ${epoch}/${epochs}  ${formatFigures(values)}  ${formatTime(time_s)}`;
      run.log(text);
      line(text);
    },
    checkpoint: (kind, snapshot) =>
      saveSnapshot(kind === 'best' ? paths.bestCheckpoint : paths.lastCheckpoint, snapshot, origin),
    progress(progress) {
      if (!stepped) run.log(`first step done, ${Math.round(performance.now())} ms after the process began`);
      stepped = true;
      display.progress(progress);
    },
  };
  const finish = (result: TrainingResult): Summary => {
    if (outcome !== undefined && result.steps === resume?.last.meta.step) {
      line(`this run is finished (${outcome.status} after ${outcome.epochs} epochs): nothing to do`);
      ended(outcome);
      return outcome;
    }
    const summary: Summary = {
      ...result,
      wall_time_s: elapsed + result.wall_time_s,
      peak_memory_mb: peakMemory(),
      run_dir: run.path,
    };
    writeSummary(paths.summary, summary);
    const end = ending(summary);
    run.log(summary.test === undefined ? end : `${formatFigures(summary.test, 'test/')}\n${end}`);
    if (summary.test !== undefined) line(formatFigures(summary.test, 'test/'));
    for (const text of formatReports(summary.reports)) line(text);
    if (summary.sparsity !== undefined) line(formatSparsity(summary.sparsity));
    line(end);
    if (summary.status === 'failed') line(`the weights before it are in ${paths.lastCheckpoint}`);
    if (isToGoOn(summary)) display.line(`resume with: nn train --resume ${resumeWith}`);
    ended(summary);
    return summary;
  };

  try {
    return finish(await train(session, config, data, { recorder, now, resume, given, ...how }));
  } catch (error) {
    if (error instanceof TrainingError) finish(error.result);
    else if (!(error instanceof FileWriteError)) run.log(`failed: ${String(error)}`);
    throw asCheckpointError(paths.lastCheckpoint, error);
  } finally {
    run.close();
    session.close();
  }
}

/** The most memory that the process has held, in MB. */
export const peakMemory = (): number => Math.round(process.resourceUsage().maxRSS / 1024);

export const isToGoOn = ({ status, reason }: Pick<Summary, 'status' | 'reason'>): boolean =>
  status === 'interrupted' || reason === 'max_time';

/** `completed after 10 epochs in 18 s, 33,001 samples/s` */
function ending({ status, reason, epochs, steps, wall_time_s, samples_per_s }: Summary): string {
  // The reason of a failure is the error that follows.
  const why =
    reason === undefined || reason === status || status === 'failed'
      ? ''
      : ` (${reason.replace('max_time', 'time is up')})`;
  const speed = samples_per_s > 0 ? `, ${formatCount(Math.round(samples_per_s))} samples/s` : '';
  return `${status.replace('_', ' ')}${why} after ${epochs} epochs, ${formatCount(steps)} steps, in ${formatTime(wall_time_s)}${speed}`;
}

/** The summary of a run that has come to its end; undefined where it can go on. */
export function finishedSummary(path: string): Summary | undefined {
  if (!existsSync(path)) return undefined;
  let summary: Summary;
  try {
    summary = JSON.parse(readFileSync(path, 'utf8')) as Summary;
  } catch {
    return undefined; // Only a checkpoint is needed to go on.
  }
  const ended = summary.status === 'completed' || summary.status === 'early_stopped';
  return ended && !isToGoOn(summary) ? summary : undefined;
}
