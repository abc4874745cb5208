/** `nn compare`: trains each of several configs with the same seeds and prints what their figures come to, side by side. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Provenance, RunDirectory, RunDirectoryError, runPaths, type Summary } from '../runs/index.js';
import { packageVersion } from '../runs/version.js';
import { compare, type ComparedVariant, type Figures, modeOf, planOf, TrainingError } from '../train/index.js';
import { configArguments } from './config-files.js';
import { openDisplay } from './display.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { type CommonOptions, type Experiment, filesOf, loadExperiment, openSession, printJson, rememberingLoad, say, threadsOf } from './experiment.js'; // prettier-ignore
import { formatFigure, formatTable, formatTime } from './format.js';
import { listenForInterrupt } from './interrupt.js';
import { begin, finishedSummary, goOn, resolvedConfigText, runToItsEnd, type Start, type Surroundings } from './single-run.js'; // prettier-ignore
import { UsageError } from './usage-error.js';
import { formatWarnings, warningsOf } from './warnings.js';

export interface CompareOptions extends CommonOptions {
  readonly seeds: string;
  readonly figures?: string;
  readonly fresh?: boolean;
}

/** A run of the comparison that has ended, now or before. */
interface Run {
  readonly seed: number;
  readonly status: Summary['status'];
  readonly run_dir: string;
  readonly wall_time_s: number;
  /** Absent where it failed. */
  readonly figures?: Figures;
}

interface Variant {
  readonly label: string;
  readonly file: string;
  readonly runs: Run[];
}

export async function compareCommand(args: readonly string[], options: CompareOptions): Promise<ExitCode> {
  const { files, overrides } = configArguments(args);
  const seeds = seedsOf(options);
  threadsOf(options);
  const load = rememberingLoad();
  const open = (file: string, seed: number): Promise<Experiment> => loadExperiment(file, overrides, { ...options, seed: String(seed) }, load); // prettier-ignore
  const variants: Variant[] = [];
  let names: readonly string[] = [];
  let mode: 'min' | 'max' = 'max';
  for (const file of files) {
    const experiment = await open(file, seeds[0]);
    const { config, data, name } = experiment;
    if (config.data.folds !== undefined && config.data.fold === undefined) {
      throw new UsageError(`${file}: compare takes one training run per seed: leave out data.folds, or set data.fold`);
    }
    if (variants.length === 0) {
      names = figuresOf(options, experiment);
      mode = modeOf(config, names[0]);
    }
    checkFigures(file, names, config.metrics.map(({ type }) => type), data); // prettier-ignore
    for (const line of formatWarnings(warningsOf(experiment))) say(options, line);
    variants.push({ label: name, file, runs: [] });
  }
  const labels = variants.map(({ label }) => label);
  const labelled = variants.map((variant, i) => (labels.indexOf(variant.label) === labels.lastIndexOf(variant.label) ? variant : { ...variant, label: files[i] })); // prettier-ignore

  const display = await openDisplay(options);
  const interrupt = listenForInterrupt(() => display.line('stopping after this step; once more to quit at once'));
  const quiet = { ...display, line: () => {} };
  const total = labelled.length * seeds.length;
  let done = 0;
  try {
    // Seed by seed, so that a comparison that is stopped has compared what it has.
    for (const seed of seeds) {
      for (const { label, file, runs } of labelled) {
        if (interrupt.requested()) break;
        const run = await runOne(await open(file, seed), seed, { display: quiet, shouldStop: interrupt.requested }, options); // prettier-ignore
        if (run === undefined) break;
        runs.push(run);
        const outcome = run.figures === undefined ? 'failed' : names.map((name) => `${name} ${formatFigure(run.figures?.[name] ?? NaN)}`).join('  '); // prettier-ignore
        display.line(`[${++done}/${total}] ${label}, seed ${seed}: ${outcome}  (${run.reused ? 'done before' : formatTime(run.wall_time_s)}, ${run.run_dir})`); // prettier-ignore
      }
    }
  } finally {
    display.close();
    interrupt.release();
  }
  const compared = compare(labelled.map(({ runs }) => runs), names, mode); // prettier-ignore
  for (const line of describe(labelled, compared, names)) say(options, line);
  printJson(options, {
    figures: names,
    seeds,
    configs: labelled.map(({ label, file, runs }, i) => ({ name: label, config: file, ...compared[i], runs })),
  });
  if (interrupt.requested()) {
    say(options, `stopped after ${done} of ${total} runs: the same command goes on`);
    return exitCode.interrupted;
  }
  return labelled.some(({ runs }) => runs.some(({ figures }) => figures === undefined))
    ? exitCode.failed
    : exitCode.done;
}

/** `5`: five seeds from --seed (1) on; `3,7`: these. */
function seedsOf({ seeds, seed = '1' }: CompareOptions): number[] {
  const wholes = seeds.split(',').map((text) => (/^\d+$/.test(text.trim()) ? Number(text) : NaN));
  const first = /^\d+$/.test(seed) ? Number(seed) : NaN;
  const list = wholes.length > 1 ? wholes : Array.from({ length: wholes[0] || 0 }, (_, i) => first + i);
  if (list.length === 0 || list.some(Number.isNaN) || new Set(list).size < list.length)
    throw new UsageError(`--seeds: expected how many seeds, such as 5, or which, such as 1,2,3; got "${seeds}"`);
  return list;
}

/** The figures to show: those asked for, else metric and loss of the test (or validation) split and the metric in training. */
function figuresOf({ figures }: CompareOptions, { config, data }: Experiment): string[] {
  if (figures !== undefined) return figures.split(',').map((name) => name.trim());
  const metric = config.metrics[0]?.type ?? 'loss';
  const split = data.test !== undefined ? 'test' : data.val !== undefined ? 'val' : 'train';
  return [...new Set([`${split}/${metric}`, `${split}/loss`, `train/${metric}`])];
}

function checkFigures(
  file: string,
  names: readonly string[],
  metrics: readonly string[],
  { val, test }: Experiment['data'],
): void {
  const splits = ['train', ...(val === undefined ? [] : ['val']), ...(test === undefined ? [] : ['test'])];
  const known = splits.flatMap((split) => ['loss', ...metrics].map((metric) => `${split}/${metric}`));
  const missing = names.find((name) => !known.includes(name));
  if (missing !== undefined) throw new UsageError(`${file} has no figure "${missing}", only ${known.join(', ')}`);
}

/** A run of one experiment: one that is there already, one that was stopped and goes on, or a new one. Undefined where it is stopped. */
async function runOne(
  experiment: Experiment,
  seed: number,
  surroundings: Pick<Surroundings, 'display' | 'shouldStop'>,
  options: CompareOptions,
): Promise<(Run & { reused: boolean }) | undefined> {
  const { finished, stopped } = options.fresh ? {} : earlierRuns(experiment, options);
  if (finished !== undefined) return { ...outcomeOf(finished, seed), reused: true };
  const begun = stopped === undefined ? undefined : await goOnUnlessBusy(stopped);
  const start = begun ?? (await begin(experiment, RunDirectory.create(options.runsDir, experiment.name)));
  let last: Summary | undefined;
  try {
    await runToItsEnd(openSession(options), start, { ...surroundings, ended: (summary) => (last = summary) });
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
  }
  return last === undefined || last.status === 'interrupted' ? undefined : { ...outcomeOf(last, seed), reused: false };
}

const outcomeOf = ({ status, run_dir, wall_time_s, final, best, test }: Summary, seed: number): Run => {
  const ofTest = Object.entries(test ?? {}).map(([name, value]) => [`test/${name}`, value]);
  // Validation figures are those of the epoch that was chosen.
  const ofBest = Object.entries(best ?? {}).filter(([name]) => name.startsWith('val/'));
  const figures = Object.fromEntries([...Object.entries(final), ...ofBest, ...ofTest]) as Figures;
  return { seed, status, run_dir, wall_time_s, ...(status === 'failed' ? {} : { figures }) };
};

/** Runs of the very same config on the same data with the same version and backend: one that has ended, and one that was stopped. */
function earlierRuns(experiment: Experiment, options: CompareOptions): { finished?: Summary; stopped?: string } {
  const { config, data, name, baseDir } = experiment;
  const parent = join(options.runsDir, name);
  const digests = filesOf(experiment)
    .map(({ sha256 }) => sha256)
    .join();
  const { totalSteps } = planOf(config, data.train.size);
  let stopped: string | undefined;
  for (const folder of existsSync(parent) ? readdirSync(parent).sort().reverse() : []) {
    const path = join(parent, folder);
    const paths = runPaths(path);
    if (readIfThere(paths.config) !== resolvedConfigText(path, config, baseDir)) continue;
    const provenance = parseIfThere<Provenance>(paths.provenance);
    if (provenance?.versions.nn !== packageVersion() || backendOf(provenance) !== options.backend) continue;
    if (provenance.data.map(({ sha256 }) => sha256).join() !== digests) continue;
    const summary = finishedSummary(paths.summary);
    // A --fast-dev-run has the same config, and ends sooner.
    if (summary?.status === 'early_stopped' || summary?.steps === totalSteps) return { finished: summary };
    const isStopped = parseIfThere<Summary>(paths.summary)?.status === 'interrupted';
    if (isStopped && existsSync(paths.lastCheckpoint)) stopped ??= path;
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

/** What --backend said. */
function backendOf({ command }: Provenance): string {
  const at = command.findIndex((word) => word === '--backend' || word.startsWith('--backend='));
  return at < 0 ? 'auto' : (command[at].split('=')[1] ?? command[at + 1]);
}

/** Undefined where another process works on the run, or it cannot be gone on with. */
async function goOnUnlessBusy(folder: string): Promise<Start | undefined> {
  try {
    return await goOn(folder, () => {});
  } catch (error) {
    if (error instanceof RunDirectoryError) return undefined;
    throw error;
  }
}

const withSpread = (mean: number, std: number | undefined, sign = ''): string =>
  `${sign}${formatFigure(mean)}${std === undefined ? '' : ` ± ${Number(std.toPrecision(2))}`}`;

function describe(
  variants: readonly Variant[],
  compared: readonly ComparedVariant[],
  names: readonly string[],
): string[] {
  const rows = compared.map(({ count, figures: { mean, std }, gain }, i) => {
    const { label, runs } = variants[i];
    const shown = names.map((name) => (count === 0 ? '-' : withSpread(mean[name], std?.[name])));
    const gained = gain === undefined ? '-' : withSpread(gain.mean, gain.std, gain.mean > 0 ? '+' : '');
    const seconds = runs.reduce((sum, { wall_time_s }) => sum + wall_time_s, 0) / Math.max(runs.length, 1);
    const ended = count === runs.length ? String(count) : `${count} of ${runs.length}`;
    return [label, ended, shown[0], gained, ...shown.slice(1), formatTime(seconds)];
  });
  return formatTable(['config', 'runs', names[0], 'gain', ...names.slice(1), 'time'], rows, ['runs', 'time']);
}
