/** `nn train` with data.folds: one run for each fold, in directories of their own, and what they come to together. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { formatCount } from '../config/format-count.js';
import { loadConfig } from '../config/index.js';
import { closeSplits } from '../data/index.js';
import { collectProvenance, type CrossValidationSummary, foldPath, type gitState, RunDirectory, runPaths, type Summary, writeProvenance, writeSummary } from '../runs/index.js'; // prettier-ignore
import { type ExperimentConfig, experimentSchema, type Figures, meanAndSpread } from '../train/index.js';
import { type CommonOptions, type Experiment, filesOf, openExperiment, openSession, say } from './experiment.js';
import { formatSparsity, formatTime } from '../cli/format.js';
import { begin, finishedSummary, goOn, isToGoOn, peakMemory, runToItsEnd, type Start, type Surroundings, writeResolvedConfig } from './single-run.js'; // prettier-ignore

/** A cross-validation with its directory. */
export interface Folds {
  readonly run: RunDirectory;
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
  git?: ReturnType<typeof gitState>,
): Promise<Folds> {
  const { loaded, name, baseDir } = experiment;
  // Not the config of the first fold, whose balanced weights are that fold's.
  const { config } = loaded;
  const run = RunDirectory.createForFolds(runsDir, name);
  writeResolvedConfig(run.paths, run.path, config, baseDir);
  writeProvenance(run.paths.provenance, await collectProvenance(config.seed, filesOf(experiment), git));
  run.log(`started: ${process.argv.slice(1).join(' ')}`);
  return { run, count: config.data.folds ?? 1, open: (fold) => openExperiment(loaded, baseDir, name, fold) };
}

/** Opens a cross-validation that is to go on; undefined where the run in `folder` is none. Throws RunDirectoryError. */
export function resumeFolds(folder: string): Folds | undefined {
  const { config: file } = runPaths(folder);
  if (!existsSync(file)) return undefined;
  const loaded = loadConfig(experimentSchema, { file, env: {} });
  const folds = foldsOf(loaded.config.data);
  if (folds === undefined) return undefined;
  const run = RunDirectory.openForFolds(folder);
  run.log(`resumed: ${process.argv.slice(1).join(' ')}`);
  return { run, count: folds, open: (fold) => openExperiment(loaded, resolve(folder), loaded.config.name ?? '', fold) };
}

/**
 * Trains the folds one after the other, those that are finished left out, and writes the summary of all. Where a fold is stopped
 * the rest is left for a resume. Throws TrainingError where one fails, after `ended`.
 */
export async function runFolds(
  folds: Folds,
  surroundings: Omit<Surroundings, 'ended' | 'prefix'>,
  ended: (summary: CrossValidationSummary) => void,
  options: CommonOptions,
): Promise<CrossValidationSummary> {
  const { run, count } = folds;
  const { display, maxSeconds = Infinity } = surroundings;
  const summaries: Summary[] = [];
  const began = performance.now();
  const finish = (): CrossValidationSummary => {
    const summary = together(summaries, run.path);
    writeSummary(run.paths.summary, summary);
    for (const line of describeFigures(summary)) {
      display.line(line);
      run.log(line);
    }
    ended(summary);
    return summary;
  };
  try {
    for (let fold = 1; fold <= count; fold++) {
      const prefix = `fold ${fold}/${count}  `;
      const known = finishedSummary(runPaths(foldPath(run.path, fold)).summary);
      if (known !== undefined) {
        display.line(`${prefix}is finished (${known.status} after ${known.epochs} epochs)`);
        summaries.push(known);
        continue;
      }
      const start = await startOf(folds, fold, (line) => say(options, prefix + line));
      const remaining = maxSeconds - (performance.now() - began) / 1000;
      const summary = await runToItsEnd(openSession(options), start, {
        ...surroundings,
        prefix,
        resumeWith: run.path,
        maxSeconds: Math.max(0, remaining),
        ended: (summary) => summaries.push(summary),
      });
      closeSplits(start.data);
      if (isToGoOn(summary)) break;
    }
    return finish();
  } catch (error) {
    if (summaries.at(-1)?.status === 'failed') finish();
    throw error;
  } finally {
    run.close();
  }
}

/** The run of a fold: on from its last checkpoint where there is one. */
async function startOf({ run, open }: Folds, fold: number, say: (line: string) => void): Promise<Start> {
  const folder = foldPath(run.path, fold);
  if (existsSync(runPaths(folder).lastCheckpoint)) return goOn(folder, say);
  const experiment = await open(fold);
  return begin(experiment, RunDirectory.createFold(run.path, fold));
}

/** The outcome of all from those of the runs, of which the last may have been stopped. */
function together(runs: readonly Summary[], path: string): CrossValidationSummary {
  const last = runs[runs.length - 1];
  const whole = runs.filter((summary) => !isToGoOn(summary) && summary.status !== 'failed');
  const of = (pick: (summary: Summary) => Figures | undefined) =>
    meanAndSpread(whole.map(pick).filter((figures) => figures !== undefined));
  const [final, test] = [of((summary) => summary.final), of((summary) => summary.test)];
  const { mean: sparsity } = of((summary) => summary.sparsity);
  const total = (key: 'epochs' | 'steps' | 'wall_time_s'): number =>
    runs.reduce((sum, summary) => sum + summary[key], 0);
  const stopped = isToGoOn(last) || last.status === 'failed';
  return {
    status: stopped ? last.status : 'completed',
    ...(stopped && last.reason !== undefined ? { reason: last.reason } : {}),
    epochs: total('epochs'),
    steps: total('steps'),
    final: final.mean,
    ...(final.std === undefined ? {} : { final_std: final.std }),
    ...(whole.length === 0 ? {} : { test: test.mean }),
    ...(test.std === undefined ? {} : { test_std: test.std }),
    ...(Object.keys(sparsity).length === 0 ? {} : { sparsity }),
    wall_time_s: total('wall_time_s'),
    samples_per_s: last.samples_per_s,
    peak_memory_mb: peakMemory(),
    run_dir: path,
    folds: runs,
  };
}

/** `5 folds: test/loss 0.41 ± 0.03  test/accuracy 0.95 ± 0.01`. */
function describeFigures(summary: CrossValidationSummary): string[] {
  const { folds, test, test_std: std, sparsity, epochs, steps, wall_time_s } = summary;
  if (test === undefined) return [];
  const show = (value: number): string => String(Number(value.toPrecision(4)));
  const figures = Object.entries(test).map(
    ([name, value]) =>
      `test/${name} ${show(value)}${std === undefined ? '' : ` ± ${Number(std[name].toPrecision(2))}`}`,
  );
  const whole = folds.filter((summary) => !isToGoOn(summary) && summary.status !== 'failed').length;
  return [
    `${whole} fold${whole === 1 ? '' : 's'}, mean ± standard deviation: ${figures.join('  ')}`,
    ...(sparsity === undefined ? [] : [formatSparsity(sparsity)]),
    `${formatCount(epochs)} epochs, ${formatCount(steps)} steps, in ${formatTime(wall_time_s)}`,
  ];
}
