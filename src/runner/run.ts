/** One training run in its run directory: begun, reopened after a stop, trained until it ends. */
import { resolve } from 'node:path';
import type { LoadedData } from '../data/index.js';
import { appendMetricsRow, collectProvenance, FileWriteError, type GitState, metricsColumns, type RunDirectory, type Summary, writeProvenance, writeSummary } from '../runs/index.js'; // prettier-ignore
import type { Session } from '../tensor/index.js';
import { type ExperimentConfig, planOf, type Recorder, train, TrainingError, type TrainingResult, type TrainOptions } from '../train/index.js'; // prettier-ignore
import { asCheckpointError, type Origin, saveSnapshot } from './checkpoint.js';
import { type EngineOptions, engineProvenance } from './engine.js';
import type { RunListeners } from './events.js';
import { type Experiment, filesOf } from './experiment.js';
import { digestsOf, withReferences } from './references.js';
import { writeResolvedConfig } from './resolved-config.js';
import { formatAveraging, formatEnd, formatEpoch, formatFigures } from './text.js';

type Listener = RunListeners['onEvent'];

/** How a run is trained, and who listens. */
export interface RunOptions extends RunListeners {
  readonly engine: EngineOptions;
  /** Aborted, it ends the run after its step, with a checkpoint to resume from. */
  readonly signal?: AbortSignal;
  readonly maxSeconds?: number;
  /** One training and one validation batch, then the end. */
  readonly fastDevRun?: boolean;
}

/** A run directory that is open for writing, with all that its training needs. */
export interface OpenRun {
  readonly directory: RunDirectory;
  readonly config: ExperimentConfig;
  readonly data: LoadedData;
  readonly origin: Origin;
  /** Where it resumes. */
  readonly resume?: TrainOptions['resume'];
  /** Its initial weights, unless it resumes. */
  readonly given?: TrainOptions['given'];
  /** Seconds that the run took before it was stopped. */
  readonly elapsed: number;
  /** Of a run that had finished before. */
  readonly finished?: Summary;
}

/** Fills the new `directory`: resolved config and provenance. `git` is the pending answer of `gitState`. */
export async function beginRun(
  experiment: Experiment,
  directory: RunDirectory,
  { engine, fastDevRun }: Pick<RunOptions, 'engine' | 'fastDevRun'>,
  git?: Promise<GitState | undefined>,
): Promise<OpenRun> {
  const { config, data, baseDir, given, loaded } = experiment;
  const { references } = loaded;
  const { paths, path } = directory;
  const moved = writeResolvedConfig(paths, path, config, baseDir, references);
  const known = {
    seed: config.seed,
    data: withReferences(filesOf(experiment), references, baseDir),
    engine: engineProvenance(engine),
    environment: digestsOf(references),
  };
  writeProvenance(
    paths.provenance,
    await collectProvenance({ ...known, ...(fastDevRun && { fast_dev_run: true }) }, git),
  );
  directory.log(`started: ${process.argv.slice(1).join(' ')}`);
  const origin = { baseDir: resolve(path), data: data.files, references };
  return { config: moved, data, origin, directory, ...(given && { given: given.tensors }), elapsed: 0 };
}

/**
 * Trains until the run ends or is stopped, and closes its directory; the session stays open. Throws TrainingError where a loss or
 * gradient is not finite, after the event `ended`.
 */
export async function trainRun(
  session: Session,
  run: OpenRun,
  options: Omit<RunOptions, 'engine'> & Pick<TrainOptions, 'prepared'>,
): Promise<Summary> {
  const { config, data, directory, resume, given, elapsed } = run;
  const { signal, maxSeconds, fastDevRun, prepared } = options;
  const began = performance.now();
  const now = (): number => (performance.now() - began) / 1000;
  const recorder = recorderOf(run, options, () => elapsed + now());
  const shouldStop = (): boolean => signal?.aborted ?? false;
  try {
    const result = await train(session, config, data, { recorder, now, shouldStop, resume, given, maxSeconds, fastDevRun, prepared }); // prettier-ignore
    return endRun(run, result, options.onEvent);
  } catch (error) {
    if (error instanceof TrainingError) endRun(run, error.result, options.onEvent);
    else if (!(error instanceof FileWriteError)) directory.log(`failed: ${String(error)}`);
    throw asCheckpointError(directory.paths.lastCheckpoint, error);
  } finally {
    directory.close();
  }
}

/** Writes what the training loop reports into the run directory, and passes it on. */
function recorderOf(
  { config, data, directory, origin }: OpenRun,
  { fastDevRun, onEvent, onProgress }: Omit<RunOptions, 'engine'>,
  secondsSoFar: () => number,
): Recorder {
  const { paths } = directory;
  const { epochs } = planOf(config, data.train.size, fastDevRun);
  let stepped = false;
  return {
    epoch({ epoch, step, values }) {
      const seconds = secondsSoFar();
      appendMetricsRow(paths.metrics, metricsColumns(Object.keys(values)), { epoch, step, time_s: seconds, ...values });
      const event = { kind: 'epoch', epoch, epochs, step, seconds, figures: values } as const;
      directory.log(formatEpoch(event));
      onEvent?.(event);
    },
    checkpoint: (kind, snapshot) =>
      saveSnapshot(kind === 'best' ? paths.bestCheckpoint : paths.lastCheckpoint, snapshot, origin),
    progress(progress) {
      if (!stepped) directory.log(`first step done, ${Math.round(performance.now())} ms after the process began`);
      stepped = true;
      onProgress?.(progress);
    },
  };
}

/** Records how the run ended; a run that had finished before, and took no step since, keeps its summary. */
function endRun({ directory, resume, elapsed, finished }: OpenRun, result: TrainingResult, onEvent: Listener): Summary {
  if (finished !== undefined && result.steps === resume?.last.meta.step) {
    onEvent?.({ kind: 'skipped', summary: finished });
    return finished;
  }
  const { paths, path } = directory;
  const wall_time_s = elapsed + result.wall_time_s;
  const summary: Summary = { ...result, wall_time_s, peak_memory_mb: peakMemory(), run_dir: path };
  writeSummary(paths.summary, summary);
  const lines = [summary.test && formatFigures(summary.test, 'test/'), formatAveraging(summary), formatEnd(summary)];
  directory.log(lines.filter((line) => line !== undefined).join('\n'));
  onEvent?.({ kind: 'ended', summary });
  return summary;
}

/** The most memory that the process has held, in MB. */
export const peakMemory = (): number => Math.round(process.resourceUsage().maxRSS / 1024);
