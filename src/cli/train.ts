/** `nn train`: runs an experiment, or goes on with one, and leaves a run directory behind. */
import { existsSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig, toConfigValue } from '../config/index.js';
import { type LoadedData, loadData, moveFiles } from '../data/index.js';
import { appendMetricsRow, collectProvenance, FileWriteError, metricsColumns, readMetrics, RunDirectory, RunDirectoryError, type Summary, truncateMetricsAfter, writeFileAtomic, writeProvenance, writeSummary } from '../runs/index.js'; // prettier-ignore
import { type ExperimentConfig, experimentSchema, planOf, type Recorder, train, TrainingError, type TrainingResult, type TrainOptions } from '../train/index.js'; // prettier-ignore
import type { Session } from '../tensor/index.js';
import { asCheckpointError, openSnapshot, type Origin, saveSnapshot } from './checkpoint.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { type CommonOptions, type Experiment, loadExperiment, openSession, printJson, say } from './experiment.js';
import { listenForInterrupt } from './interrupt.js';
import { formatCount, formatFigures, formatSizes, formatTime } from './format.js';
import { openDisplay } from './display.js';
import { UsageError } from './usage-error.js';

export interface TrainCommandOptions extends CommonOptions {
  readonly resume?: string;
  readonly fastDevRun?: boolean;
  readonly maxTime?: string;
}

/** A run that is about to begin or to go on. */
interface Start {
  readonly config: ExperimentConfig;
  readonly data: LoadedData;
  readonly origin: Origin;
  readonly run: RunDirectory;
  readonly resume?: TrainOptions['resume'];
  /** Seconds that the run has taken before. */
  readonly elapsed: number;
  /** Where it has come to its end before. */
  readonly outcome?: Summary;
}

/** Seconds of 90s, 10m or 2h. */
function timeLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  if (match === null) throw new UsageError(`--max-time: expected a time such as 90s, 10m or 2h, got "${text}"`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as 's' | 'm' | 'h'];
}

export async function trainCommand(
  file: string | undefined,
  overrides: readonly string[],
  options: TrainCommandOptions,
): Promise<ExitCode> {
  const { resume } = options;
  const maxSeconds = timeLimit(options.maxTime);
  const session = openSession(options);
  if (resume === undefined) {
    if (file === undefined) throw new UsageError('train needs a config file, or --resume RUN_DIR');
    const start = await begin(await loadExperiment(file, overrides, options), options);
    return runToItsEnd(session, start, maxSeconds, options);
  }
  if (file !== undefined) throw new UsageError('--resume takes no config and no overrides: the run directory has it');
  for (const option of ['seed', 'name', 'fastDevRun'] as const) {
    if (options[option] === undefined) continue;
    throw new UsageError(`--resume takes no --${option === 'fastDevRun' ? 'fast-dev-run' : option}: a run goes on as it began`); // prettier-ignore
  }
  return runToItsEnd(session, await goOn(resume, options), maxSeconds, options);
}

/** Makes the run directory of a new run, with its resolved config and provenance. */
async function begin({ config, data, name, baseDir, rows }: Experiment, options: TrainCommandOptions): Promise<Start> {
  const provenance = await collectProvenance(config.seed, data.files);
  const run = RunDirectory.create(options.runsDir, name);
  // File names relative to where the config now lies, so that it runs as it is, also where the project has been moved.
  const here = resolve(run.path);
  const moved = { ...config, data: moveFiles(config.data, (file) => relative(here, resolve(baseDir, file))) };
  writeFileAtomic(run.paths.config, stringify(toConfigValue(experimentSchema, moved)));
  writeProvenance(run.paths.provenance, provenance);
  const parameters = rows.reduce((sum, row) => sum + row.parameters, 0);
  say(options, `${name}: ${formatCount(parameters)} parameters; ${formatSizes(data)}`);
  say(options, `run directory: ${run.path}`);
  run.log(`started: ${process.argv.slice(1).join(' ')}`);
  return { config: moved, data, origin: { baseDir: here, data: data.files }, run, elapsed: 0 };
}

/** Opens the directory of a run that is to go on. */
async function goOn(folder: string, options: TrainCommandOptions): Promise<Start> {
  const run = RunDirectory.openForResume(folder);
  try {
    const { paths } = run;
    const { snapshot: last, data: known } = openSnapshot(paths.lastCheckpoint);
    const best = existsSync(paths.bestCheckpoint) ? openSnapshot(paths.bestCheckpoint).snapshot : undefined;
    const { config } = loadConfig(experimentSchema, { file: paths.config, env: {} });
    const baseDir = resolve(run.path);
    const data = await loadData(config.data, { task: config.task, seed: config.seed, baseDir });
    const changed = data.files.find(({ sha256 }, i) => sha256 !== known[i].sha256);
    if (changed !== undefined) {
      const hint = 'put the old file back, or start the run anew';
      throw new RunDirectoryError(changed.path, 'has changed since the run began: it cannot go on exactly', hint);
    }
    truncateMetricsAfter(paths.metrics, last.meta.step);
    const elapsed = readMetrics(paths.metrics).rows.at(-1)?.time_s ?? 0;
    const { step, epoch } = last.meta;
    say(options, `run directory: ${run.path}, going on after step ${formatCount(step)} (${epoch} epochs done)`);
    run.log(`resumed after step ${step}: ${process.argv.slice(1).join(' ')}`);
    const outcome = finishedSummary(paths.summary);
    return { config, data, origin: { baseDir, data: data.files }, run, resume: { last, best }, elapsed, outcome };
  } catch (error) {
    run.close();
    throw error;
  }
}

async function runToItsEnd(
  session: Session,
  start: Start,
  maxSeconds: number | undefined,
  options: TrainCommandOptions,
): Promise<ExitCode> {
  const { config, data, origin, run, resume, elapsed, outcome } = start;
  const { fastDevRun } = options;
  const { paths } = run;
  const { epochs } = planOf(config, data.train.size, fastDevRun);
  const columns = metricsColumns(
    config.metrics.map(({ type }) => type),
    data.val !== undefined,
  );
  const display = await openDisplay(options);
  const interrupt = listenForInterrupt(() => display.line('stopping after this step; once more to quit at once'));
  const began = performance.now();
  const now = (): number => (performance.now() - began) / 1000;

  const recorder: Recorder = {
    epoch({ epoch, step, values }) {
      const time_s = elapsed + now();
      appendMetricsRow(paths.metrics, columns, { epoch, step, time_s, ...values });
      const line = `epoch ${epoch}/${epochs}  ${formatFigures(values)}  ${formatTime(time_s)}`;
      run.log(line);
      display.line(line);
    },
    checkpoint: (kind, snapshot) =>
      saveSnapshot(kind === 'best' ? paths.bestCheckpoint : paths.lastCheckpoint, snapshot, origin),
    progress: (progress) => display.progress(progress),
  };
  const finish = (result: TrainingResult): void => {
    if (outcome !== undefined && result.steps === resume?.last.meta.step) {
      display.line(`this run is finished (${outcome.status} after ${outcome.epochs} epochs): nothing to do`);
      printJson(options, outcome);
      return;
    }
    const summary: Summary = {
      ...result,
      wall_time_s: elapsed + result.wall_time_s,
      peak_memory_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      run_dir: run.path,
    };
    writeSummary(paths.summary, summary);
    const end = ending(summary);
    run.log(summary.test === undefined ? end : `${formatFigures(summary.test, 'test/')}\n${end}`);
    if (summary.test !== undefined) display.line(formatFigures(summary.test, 'test/'));
    display.line(end);
    if (summary.status === 'failed') display.line(`the weights before it are in ${paths.lastCheckpoint}`);
    if (isToGoOn(summary)) display.line(`resume with: nn train --resume ${run.path}`);
    printJson(options, summary);
  };

  try {
    const shouldStop = interrupt.requested;
    const result = await train(session, config, data, { recorder, shouldStop, now, resume, maxSeconds, fastDevRun });
    finish(result);
    return result.status === 'interrupted' ? exitCode.interrupted : exitCode.done;
  } catch (error) {
    if (error instanceof TrainingError) finish(error.result);
    else if (!(error instanceof FileWriteError)) run.log(`failed: ${String(error)}`);
    throw asCheckpointError(paths.lastCheckpoint, error);
  } finally {
    display.close();
    interrupt.release();
    run.close();
    session.close();
  }
}

const isToGoOn = ({ status, reason }: Summary): boolean => status === 'interrupted' || reason === 'max_time';

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
function finishedSummary(path: string): Summary | undefined {
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
