/** Trains several experiments with the same seeds and compares their figures: all of `nn compare` except its output. */
import type { LoadedData } from '../data/index.js';
import { metricNames } from '../nn/index.js';
import { type CrossValidationSummary, RunDirectory, RunDirectoryError, type Summary } from '../runs/index.js';
import { compare, type ComparedRun, type ComparedVariant, type Figures, type MeanAndSpread, meanAndSpread, modeOf, TrainingError } from '../train/index.js'; // prettier-ignore
import { findEarlierRuns } from './earlier-runs.js';
import { openEngine } from './engine.js';
import type { RunListeners } from './events.js';
import { cachedLoad, type Experiment, loadExperiment } from './experiment.js';
import { beginFolds, foldsOf, reopenFolds, trainFolds } from './folds.js';
import { reopenRun } from './reopen.js';
import { beginRun, type RunOptions, trainRun } from './run.js';

/** A run of a comparison that has ended, now or before. */
export interface FinishedRun extends ComparedRun {
  readonly status: Summary['status'];
  readonly run_dir: string;
  readonly wall_time_s: number;
  /** Whether it had been trained before. */
  readonly reused: boolean;
}

/** One of the configs that are compared. */
export interface Variant extends ComparedVariant {
  /** The name of its experiment, or the file where two have the same name. */
  readonly label: string;
  readonly file: string;
  readonly runs: readonly FinishedRun[];
}

export interface Comparison {
  /** The figures compared, such as `test/accuracy`; gains are in the first. */
  readonly figures: readonly string[];
  readonly seeds: readonly number[];
  readonly variants: readonly Variant[];
  /** Runs that have ended, of all that were asked for: fewer where the comparison was stopped. */
  readonly done: number;
  readonly total: number;
}

/** A config of the comparison has been loaded with its first seed; nothing has been trained yet. */
interface CandidateEvent {
  readonly kind: 'candidate';
  readonly experiment: Experiment;
}

/** The data of a config are not those of the first. */
interface OtherDataEvent {
  readonly kind: 'other_data';
  readonly file: string;
  readonly first: string;
}

/** A run begins, or is resumed. */
export interface RunningEvent {
  readonly kind: 'running';
  readonly label: string;
  readonly seed: number;
  readonly fold?: number;
  readonly folds?: number;
  /** Its number, of `total`. */
  readonly run: number;
  readonly total: number;
}

/** All configs have been loaded and can be compared: the training begins. */
interface PlannedEvent {
  readonly kind: 'planned';
  readonly seeds: readonly number[];
  /** Runs to come, those that will be found trained included. */
  readonly total: number;
}

/** A config has been trained with a seed, or was found trained. */
export interface VariantEvent {
  readonly kind: 'variant';
  readonly label: string;
  readonly seed: number;
  /** How many it is cross-validated by, of which `runs` have ended. */
  readonly folds?: number;
  /** The names of the figures compared. */
  readonly figures: readonly string[];
  readonly runs: readonly FinishedRun[];
  /** Of the figures of those runs that have not failed. */
  readonly spread: MeanAndSpread;
  readonly runDir: string;
  /** Runs of the comparison that have ended so far. */
  readonly done: number;
  readonly total: number;
}

export interface CompareOptions extends Pick<RunOptions, 'engine' | 'signal' | 'onProgress'> {
  readonly runsDir: string;
  readonly overrides?: readonly string[];
  readonly name?: string;
  /** By default five from `firstSeed` on, or `firstSeed` alone where all configs are cross-validated. */
  readonly seeds?: readonly number[];
  readonly firstSeed?: number;
  /** By default metric and loss on the test split (else validation, else training), and the metric in training. */
  readonly figures?: readonly string[];
  /** Train again what has been trained before. */
  readonly fresh?: boolean;
  readonly onEvent?: (event: CandidateEvent | OtherDataEvent | PlannedEvent | RunningEvent | VariantEvent) => void;
}

/** A comparison by a figure that one of the configs does not have. */
export class FigureError extends Error {
  override readonly name = 'FigureError';
}

const DEFAULT_SEEDS = 5;

/**
 * Compares the configs in `files`, the first being what the others are measured against. Seed by seed, so that a comparison that is
 * stopped has compared what it has. Throws FigureError, ConfigError and DataError before anything is trained.
 */
export async function compareFiles(files: readonly string[], options: CompareOptions): Promise<Comparison> {
  const { firstSeed = 1, onEvent, signal } = options;
  const load = cachedLoad();
  const open = (file: string, seed: number): Promise<Experiment> =>
    loadExperiment(file, { ...options, overrides: [...(options.overrides ?? []), `seed=${seed}`], load });

  const candidates: { label: string; file: string; folds?: number; runs: FinishedRun[] }[] = [];
  let figures: readonly string[] = [];
  let digests = '';
  let mode: 'min' | 'max' = 'max';
  for (const file of files) {
    const experiment = await open(file, options.seeds?.[0] ?? firstSeed);
    const { config, data, name } = experiment;
    const own = data.files.map(({ sha256 }) => sha256).join();
    if (candidates.length > 0 && own !== digests) onEvent?.({ kind: 'other_data', file, first: files[0] });
    if (candidates.length === 0) {
      digests = own;
      figures = options.figures ?? defaultFigures(experiment);
      mode = modeOf(config, figures[0]);
    }
    checkFigures(file, figures, metricNames(config.metrics), data);
    onEvent?.({ kind: 'candidate', experiment });
    candidates.push({ label: name, file, folds: foldsOf(config.data), runs: [] });
  }
  const names = candidates.map(({ label }) => label);
  for (const candidate of candidates)
    if (names.filter((name) => name === candidate.label).length > 1) candidate.label = candidate.file;
  // Folds have a spread of their own: more seeds only where they are asked for.
  const isSpread = candidates.every(({ folds }) => folds !== undefined);
  const seeds = options.seeds ?? Array.from({ length: isSpread ? 1 : DEFAULT_SEEDS }, (_, i) => firstSeed + i);

  const total = seeds.length * candidates.reduce((sum, { folds = 1 }) => sum + folds, 0);
  onEvent?.({ kind: 'planned', seeds, total });
  const done = (): number => candidates.reduce((sum, { runs }) => sum + runs.length, 0);
  for (const seed of seeds) {
    for (const { label, file, folds, runs } of candidates) {
      if (signal?.aborted) break;
      const { ended, runDir } = await trainOrReuse(await open(file, seed), seed, options, (fold) =>
        onEvent?.({
          kind: 'running',
          label,
          seed,
          ...(fold !== undefined && { fold, folds }),
          run: done() + (fold ?? 1),
          total,
        }),
      );
      runs.push(...ended);
      if (ended.length === 0) continue;
      const spread = meanAndSpread(ended.flatMap(({ figures: reached }) => (reached === undefined ? [] : [reached])));
      const event = { label, seed, folds, figures, runs: ended, spread, runDir, done: done(), total };
      onEvent?.({ kind: 'variant', ...event });
    }
  }
  const compared = compare(candidates.map(({ runs }) => runs), figures, mode); // prettier-ignore
  const variants = candidates.map(({ label, file, runs }, i) => ({ label, file, ...compared[i], runs }));
  return { figures, seeds, variants, done: done(), total };
}

function defaultFigures({ config, data }: Experiment): string[] {
  const metric = metricNames(config.metrics).at(0) ?? 'loss';
  const split = data.test !== undefined ? 'test' : data.val !== undefined ? 'val' : 'train';
  return [...new Set([`${split}/${metric}`, `${split}/loss`, `train/${metric}`])];
}

function checkFigures(
  file: string,
  figures: readonly string[],
  metrics: readonly string[],
  { val, test }: LoadedData,
): void {
  const splits = ['train', ...(val === undefined ? [] : ['val']), ...(test === undefined ? [] : ['test'])];
  const known = splits.flatMap((split) => ['loss', ...metrics].map((metric) => `${split}/${metric}`));
  const missing = figures.find((name) => !known.includes(name));
  if (missing !== undefined) throw new FigureError(`${file} has no figure "${missing}", only ${known.join(', ')}`);
}

type RunSummary = Summary | CrossValidationSummary;

/** The runs of an experiment that have ended with this seed, one for each fold where it is cross-validated. */
interface EndedRuns {
  readonly ended: readonly FinishedRun[];
  readonly runDir: string;
}

/** Trains an experiment, unless it has been trained before; one that was stopped is resumed. */
async function trainOrReuse(
  experiment: Experiment,
  seed: number,
  options: CompareOptions,
  onRunning: (fold?: number) => void,
): Promise<EndedRuns> {
  const { runsDir, engine, fresh = false } = options;
  const { finished, stopped } = fresh ? {} : findEarlierRuns(experiment, runsDir, engine);
  const folds = foldsOf(experiment.config.data);
  const restoresBest = experiment.config.train.early_stopping?.restore_best ?? true;
  if (finished !== undefined) return endedRuns(finished, { seed, folds, reused: true, restoresBest });
  let last: RunSummary | undefined;
  const onEvent: RunListeners['onEvent'] = (event) => {
    if (event.kind === 'ended' && event.fold === undefined) last = event.summary;
    if (event.kind === 'started' || event.kind === 'resumed') onRunning(event.fold?.fold);
  };
  const trainIt = folds === undefined ? trainSingle : crossValidate;
  try {
    await trainIt(experiment, stopped, { ...options, onEvent });
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
  }
  return last === undefined ? { ended: [], runDir: '' } : endedRuns(last, { seed, folds, reused: false, restoresBest });
}

type ComparedRunOptions = RunOptions & Pick<CompareOptions, 'runsDir'>;

async function trainSingle(
  experiment: Experiment,
  stopped: string | undefined,
  options: ComparedRunOptions,
): Promise<void> {
  const reopened = stopped && (await unlessBusy(() => reopenRun(stopped, options)));
  const run = reopened || (await beginRun(experiment, RunDirectory.create(options.runsDir, experiment.name), options));
  if (!reopened) options.onEvent?.({ kind: 'started', runDir: run.directory.path, warnings: [] });
  const session = openEngine(options.engine);
  try {
    await trainRun(session, run, options);
  } finally {
    session.close();
  }
}

async function crossValidate(
  experiment: Experiment,
  stopped: string | undefined,
  options: ComparedRunOptions,
): Promise<void> {
  const reopened = stopped && (await unlessBusy(() => reopenFolds(stopped)));
  await trainFolds(reopened || (await beginFolds(experiment, options.runsDir, options)), options);
}

/** Undefined where another process works on the run, or it cannot be resumed. */
async function unlessBusy<T>(open: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof RunDirectoryError) return undefined;
    throw error;
  }
}

type Of = Pick<FinishedRun, 'seed' | 'fold' | 'folds' | 'reused'> & { readonly restoresBest: boolean };

function endedRuns(summary: RunSummary, { folds, ...of }: Omit<Of, 'fold'>): EndedRuns {
  const ofFolds = 'folds' in summary ? summary.folds : undefined;
  const runs = ofFolds?.map((run, i) => runOf(run, { ...of, fold: i + 1, folds })) ?? [runOf(summary, of)]; // prettier-ignore
  return { ended: runs.filter(({ status }) => status !== 'interrupted'), runDir: summary.run_dir };
}

function runOf(summary: Summary, { restoresBest, ...of }: Of): FinishedRun {
  const { status, run_dir, wall_time_s, final, best, test } = summary;
  const ofTest = Object.entries(test ?? {}).map(([name, value]) => [`test/${name}`, value]);
  // All of one epoch: that whose weights were tested.
  const { epoch: _, ...ofBest } = best ?? { epoch: 0 };
  const ofEpoch = restoresBest && best !== undefined ? ofBest : final;
  const figures = Object.fromEntries([...Object.entries(ofEpoch), ...ofTest]) as Figures;
  return { ...of, status, run_dir, wall_time_s, ...(status === 'failed' ? {} : { figures }) };
}
