/** `nn compare`: trains each of several configs with the same seeds and prints what their figures come to, side by side. */
import { metricNames } from '../nn/metrics/index.js';
import { compare, type ComparedVariant, meanAndSpread, modeOf } from '../train/index.js';
import { type Run, runsOf } from '../runner/compared-runs.js';
import { foldsOf } from '../runner/cross-validation.js';
import { configArguments } from './config-files.js';
import { openDisplay } from './display.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { type CommonOptions, type Experiment, loadExperiment, printJson, rememberingLoad, say, threadsOf } from '../runner/experiment.js'; // prettier-ignore
import { formatFigure, formatTable, formatTime } from './format.js';
import { listenForInterrupt } from './interrupt.js';
import { UsageError } from './usage-error.js';
import { formatWarnings, warningsOf } from './warnings.js';

export interface CompareOptions extends CommonOptions {
  readonly seeds?: string;
  readonly figures?: string;
  readonly fresh?: boolean;
}

interface Variant {
  readonly label: string;
  readonly file: string;
  /** How many there are, where it is cross-validated. */
  readonly folds: number | undefined;
  readonly runs: Run[];
}

export async function compareCommand(args: readonly string[], options: CompareOptions): Promise<ExitCode> {
  const { files, overrides } = configArguments(args);
  const asked = seedsOf(options);
  threadsOf(options);
  const load = rememberingLoad();
  const open = (file: string, seed: number): Promise<Experiment> => loadExperiment(file, overrides, { ...options, seed: String(seed) }, load); // prettier-ignore
  const variants: Variant[] = [];
  let names: readonly string[] = [];
  let mode: 'min' | 'max' = 'max';
  for (const file of files) {
    const experiment = await open(file, asked[0]);
    const { config, data, name } = experiment;
    if (variants.length === 0) {
      names = figuresOf(options, experiment);
      mode = modeOf(config, names[0]);
    }
    checkFigures(file, names, metricNames(config.metrics), data);
    for (const line of formatWarnings(warningsOf(experiment))) say(options, line);
    variants.push({ label: name, file, folds: foldsOf(config.data), runs: [] });
  }
  // Folds are a spread of their own: more seeds only where they are asked for.
  const seeds = options.seeds === undefined && variants.every(({ folds }) => folds !== undefined) ? asked.slice(0, 1) : asked; // prettier-ignore
  const labels = variants.map(({ label }) => label);
  const labelled = variants.map((variant, i) => (labels.indexOf(variant.label) === labels.lastIndexOf(variant.label) ? variant : { ...variant, label: files[i] })); // prettier-ignore

  const display = await openDisplay(options);
  const interrupt = listenForInterrupt(() => display.line('stopping after this step; once more to quit at once'));
  const quiet = { ...display, line: () => {} };
  const total = seeds.length * labelled.reduce((sum, { folds = 1 }) => sum + folds, 0);
  const done = (): number => labelled.reduce((sum, { runs }) => sum + runs.length, 0);
  try {
    // Seed by seed, so that a comparison that is stopped has compared what it has.
    for (const seed of seeds) {
      for (const { label, file, folds, runs } of labelled) {
        if (interrupt.requested()) break;
        const { runs: ended, reused, runDir } = await runsOf(await open(file, seed), seed, { display: quiet, shouldStop: interrupt.requested }, options); // prettier-ignore
        runs.push(...ended);
        if (ended.length === 0) break;
        const which = `${label}, seed ${seed}${folds === undefined ? '' : `, ${ended.length} of ${folds} folds`}`;
        const seconds = ended.reduce((sum, { wall_time_s }) => sum + wall_time_s, 0);
        display.line(`[${done()}/${total}] ${which}: ${outcomeOf(ended, names)}  (${reused ? 'done before' : formatTime(seconds)}, ${runDir})`); // prettier-ignore
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
    say(options, `stopped after ${done()} of ${total} runs: the same command goes on`);
    return exitCode.interrupted;
  }
  return labelled.some(({ runs }) => runs.some(({ figures }) => figures === undefined))
    ? exitCode.failed
    : exitCode.done;
}

/** `5`: five seeds from --seed (1) on; `3,7`: these. */
function seedsOf({ seeds = '5', seed = '1' }: CompareOptions): number[] {
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
  const metric = metricNames(config.metrics).at(0) ?? 'loss';
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
  if (missing === undefined) return;
  const problem = `${file} has no figure "${missing}", only ${known.join(', ')}`;
  throw new UsageError(`${problem}\n  --figures names those to compare by; every config must have them`);
}

/** `test/accuracy 0.97 ± 0.02  test/loss 0.1 ± 0.03` of one run, or of the folds of a cross-validation. */
function outcomeOf(runs: readonly Run[], names: readonly string[]): string {
  const { mean, std } = meanAndSpread(runs.map(({ figures }) => figures).filter((figures) => figures !== undefined));
  const failed = runs.some(({ figures }) => figures === undefined);
  const shown = Object.keys(mean).length === 0 ? [] : names.map((name) => `${name} ${withSpread(mean[name], std?.[name])}`); // prettier-ignore
  return [...shown, ...(failed ? ['failed'] : [])].join('  ');
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
