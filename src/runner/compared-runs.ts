/** The training runs behind a comparison: those that are there already, those that were stopped and go on, and new ones. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CrossValidationSummary, type Provenance, RunDirectory, RunDirectoryError, runPaths, type Summary } from '../runs/index.js'; // prettier-ignore
import { packageVersion } from '../runs/version.js';
import { type ComparedRun, type Figures, TrainingError } from '../train/index.js';
import { beginFolds, foldsOf, resumeFolds, runFolds } from './cross-validation.js';
import { type CommonOptions, type Experiment, filesOf, openSession } from './experiment.js';
import { begin, finishedSummary, goOn, resolvedConfigText, runToItsEnd, type Surroundings } from './single-run.js';

/** A run of the comparison that has ended, now or before. */
export interface Run extends ComparedRun {
  readonly status: Summary['status'];
  readonly run_dir: string;
  readonly wall_time_s: number;
  /** Whether it was there already. */
  readonly reused: boolean;
}

/** What an experiment came to with one seed: one run, or one for each fold that has ended; none where it was stopped before. */
export interface Outcome {
  readonly runs: readonly Run[];
  readonly reused: boolean;
  readonly runDir: string;
}

type RunSummary = Summary | CrossValidationSummary;
type Command = Pick<Surroundings, 'display' | 'shouldStop'>;
interface CompareRunsOptions extends CommonOptions {
  readonly fresh?: boolean;
}

/** Leads an experiment to its end, unless it has come there before. The seed is the one that it was loaded with. */
export async function runsOf(
  experiment: Experiment,
  seed: number,
  surroundings: Command,
  options: CompareRunsOptions,
): Promise<Outcome> {
  const folds = foldsOf(experiment.config.data);
  const { finished, stopped } = options.fresh ? {} : earlierRuns(experiment, options);
  if (finished !== undefined) return outcomeOf(finished, { seed, folds, reused: true });
  let last: RunSummary | undefined;
  const lead = folds === undefined ? leadRun : leadFolds;
  try {
    await lead(experiment, stopped, { ...surroundings, ended: (summary) => (last = summary) }, options);
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
  }
  return last === undefined ? { runs: [], reused: false, runDir: '' } : outcomeOf(last, { seed, folds, reused: false });
}

type Lead = (
  experiment: Experiment,
  stopped: string | undefined,
  surroundings: Command & { readonly ended: (summary: RunSummary) => void },
  options: CommonOptions,
) => Promise<unknown>;

const leadRun: Lead = async (experiment, stopped, surroundings, options) => {
  const begun = stopped && (await unlessBusy(() => goOn(stopped, () => {})));
  const start = begun || (await begin(experiment, RunDirectory.create(options.runsDir, experiment.name)));
  return runToItsEnd(openSession(options), start, surroundings);
};

const leadFolds: Lead = async (experiment, stopped, { ended, ...surroundings }, options) => {
  const begun = stopped && (await unlessBusy(() => resumeFolds(stopped)));
  const folds = begun || (await beginFolds(experiment, options.runsDir));
  return runFolds(folds, surroundings, ended, { ...options, quiet: true });
};

/** Undefined where another process works on the run, or it cannot be gone on with. */
async function unlessBusy<T>(open: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof RunDirectoryError) return undefined;
    throw error;
  }
}

type Of = Pick<Run, 'seed' | 'fold' | 'folds' | 'reused'>;

function outcomeOf(summary: RunSummary, { seed, folds, reused }: Omit<Of, 'fold'>): Outcome {
  const ofFolds = 'folds' in summary ? summary.folds : undefined;
  const runs = ofFolds?.map((run, i) => runOf(run, { seed, fold: i + 1, folds, reused })) ?? [runOf(summary, { seed, reused })]; // prettier-ignore
  return { runs: runs.filter(({ status }) => status !== 'interrupted'), reused, runDir: summary.run_dir };
}

function runOf(summary: Summary, of: Of): Run {
  const { status, run_dir, wall_time_s, final, best, test } = summary;
  const ofTest = Object.entries(test ?? {}).map(([name, value]) => [`test/${name}`, value]);
  // Validation figures are those of the epoch that was chosen.
  const ofBest = Object.entries(best ?? {}).filter(([name]) => name.startsWith('val/'));
  const figures = Object.fromEntries([...Object.entries(final), ...ofBest, ...ofTest]) as Figures;
  return { ...of, status, run_dir, wall_time_s, ...(status === 'failed' ? {} : { figures }) };
}

/** Runs of the very same config on the same data with the same version and engine: one that has ended, and one that was stopped. */
function earlierRuns(experiment: Experiment, options: CommonOptions): { finished?: RunSummary; stopped?: string } {
  const { loaded, config, name, baseDir } = experiment;
  const parent = join(options.runsDir, name);
  const digests = filesOf(experiment).map(({ sha256 }) => sha256).join(); // prettier-ignore
  const folds = foldsOf(config.data);
  const written = folds === undefined ? config : loaded.config;
  let stopped: string | undefined;
  for (const folder of existsSync(parent) ? readdirSync(parent).sort().reverse() : []) {
    const path = join(parent, folder);
    const paths = runPaths(path);
    if (readIfThere(paths.config) !== resolvedConfigText(path, written, baseDir)) continue;
    const provenance = parseIfThere<Provenance>(paths.provenance);
    if (provenance?.versions.nn !== packageVersion() || !isSameEngine(provenance, options)) continue;
    if (provenance.data.map(({ sha256 }) => sha256).join() !== digests) continue;
    // A run of one batch has the same config, and ends sooner.
    if (provenance.command.includes('--fast-dev-run')) continue;
    const summary: RunSummary | undefined = finishedSummary(paths.summary);
    if (summary !== undefined && (folds === undefined || 'folds' in summary)) return { finished: summary };
    const isStopped = parseIfThere<Summary>(paths.summary)?.status === 'interrupted';
    if (isStopped && (folds !== undefined || existsSync(paths.lastCheckpoint))) stopped ??= path;
  }
  return stopped === undefined ? {} : { stopped };
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function parseIfThere<T>(path: string): T | undefined {
  try {
    return JSON.parse(readIfThere(path) ?? 'null') as T;
  } catch {
    return undefined;
  }
}

/** Whether the run's --backend and --no-winograd were those of now, which the last bits depend on. */
function isSameEngine({ command }: Provenance, { backend, winograd }: CommonOptions): boolean {
  const at = command.findIndex((word) => word === '--backend' || word.startsWith('--backend='));
  const before = at < 0 ? 'auto' : (command[at].split('=')[1] ?? command[at + 1]);
  return before === backend && command.includes('--no-winograd') !== winograd;
}
