/** `nn compare`: trains each of several configs with the same seeds and prints their figures side by side. */
import type { Comparison, RunningEvent, VariantEvent } from '../../runner/index.js';
import { formatMean, formatTime } from '../../runner/text.js';
import { addCommand, type CommonOptions, engineOf, type Register } from '../command.js';
import { configArguments } from '../config-files.js';
import { openDisplay } from '../display.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { formatTable } from '../format.js';
import { Interrupt } from '../interrupt.js';
import { UsageError } from '../usage-error.js';
import { print, printJson, say } from '../output.js';

interface CompareArguments extends CommonOptions {
  readonly seeds?: string;
  readonly figures?: string;
  readonly fresh?: boolean;
}

export const registerCompare: Register = (program, finish) => {
  addCommand(program, 'compare <configs...>', 'train several configs with the same seeds and compare', ['seed', 'engine', 'run']) // prettier-ignore
    .usage('[options] <config or folder...> [key=value...]')
    .option(
      '--seeds <seeds>',
      'how many, from --seed (1) on, or which: 1,2,5 (default: 5; 1 if all configs have data.folds)',
    )
    .option('--figures <names>', 'what to show: test/accuracy,val/loss; gains are in the first')
    .option('--fresh', 'train again even where a run exists')
    .action(async (args: string[], options: CompareArguments) => {
      finish(await compare(args, options));
    });
};

async function compare(args: readonly string[], options: CompareArguments): Promise<ExitCode> {
  const { compareFiles, FigureError, formatWarnings, warningsOf } = await import('../../runner/index.js');
  const { files, overrides } = configArguments(args);
  const { runsDir, name, fresh } = options;
  const [seeds, engine] = [seedsOf(options), engineOf(options)];
  const figures = options.figures?.split(',').map((name) => name.trim());
  const display = await openDisplay(options);
  const interrupt = new Interrupt(() => display.line('stopping after this step; once more to quit at once'));
  let comparison: Comparison;
  try {
    comparison = await compareFiles(files, {
      ...seeds,
      runsDir,
      name,
      fresh,
      overrides,
      engine,
      figures,
      signal: interrupt.signal,
      onProgress: display.progress,
      onEvent(event) {
        if (event.kind === 'planned') interrupt.listen();
        else if (event.kind === 'variant') display.line(describeVariant(event));
        else if (event.kind === 'running') display.line(describeRunning(event));
        else if (event.kind === 'other_data')
          display.line(
            `warning: the data of ${event.file} are not those of ${event.first}: what differs may be theirs`,
          );
        else for (const line of formatWarnings(warningsOf(event.experiment))) display.line(line);
      },
    });
  } catch (error) {
    if (!(error instanceof FigureError)) throw error;
    throw new UsageError(`${error.message}\n  --figures names those to compare by; every config must have them`);
  } finally {
    display.close();
    interrupt.release();
  }
  const { variants, done, total } = comparison;
  for (const line of describe(comparison)) print(options, line);
  printJson(options, {
    figures: comparison.figures,
    seeds: comparison.seeds,
    configs: variants.map(({ label, file, count, figures, gain, runs }) => ({ name: label, config: file, count, figures, gain, runs })), // prettier-ignore
  });
  if (interrupt.signal.aborted) {
    say(options, `stopped after ${done} of ${total} runs: run the same command to continue`);
    return exitCode.interrupted;
  }
  const failed = variants.some(({ runs }) => runs.some(({ figures }) => figures === undefined));
  return failed ? exitCode.failed : exitCode.done;
}

/** `5`: five seeds from --seed (1) on; `3,7`: these. */
function seedsOf({ seeds, seed = '1' }: CompareArguments): { firstSeed: number; seeds?: number[] } {
  const whole = (text: string): number => (/^\d+$/.test(text.trim()) ? Number(text) : NaN);
  const firstSeed = whole(seed);
  const named = seeds?.split(',').map(whole) ?? [];
  const list = named.length === 1 ? Array.from({ length: named[0] || 0 }, (_, i) => firstSeed + i) : named;
  const isWrong = list.some(Number.isNaN) || new Set(list).size < list.length || Number.isNaN(firstSeed);
  if (isWrong || (seeds !== undefined && list.length === 0))
    throw new UsageError(
      `--seeds: expected how many seeds, such as 5, or which, such as 1,2,3; got "${seeds ?? seed}"`,
    );
  return { firstSeed, ...(seeds !== undefined && { seeds: list }) };
}

/** `[3/10] mlp, seed 2, fold 1 of 5: running` */
const describeRunning = ({ label, seed, fold, folds, run, total }: RunningEvent): string =>
  `[${run}/${total}] ${label}, seed ${seed}${fold === undefined ? '' : `, fold ${fold} of ${folds}`}: running`;

/** `[3/10] mlp, seed 2: test/accuracy 0.97  test/loss 0.1  (2.5 s, runs/mlp/...)` */
function describeVariant(event: VariantEvent): string {
  const { label, seed, folds, runs, runDir, done, total } = event;
  const ofFolds = folds === undefined ? '' : `, ${runs.length} of ${folds} folds`;
  const seconds = runs.reduce((sum, { wall_time_s }) => sum + wall_time_s, 0);
  const when = runs.some(({ reused }) => reused) ? 'done before' : formatTime(seconds);
  return `[${done}/${total}] ${label}, seed ${seed}${ofFolds}: ${describeFigures(event)}  (${when}, ${runDir})`;
}

/** `test/accuracy 0.97 ± 0.02  test/loss 0.1 ± 0.03` of one run, or of the folds of a cross-validation. */
function describeFigures({ runs, figures, spread }: VariantEvent): string {
  const shown = Object.keys(spread.mean).length === 0 ? [] : figures.map((name) => `${name} ${formatMean(spread, name, runs.length)}`); // prettier-ignore
  const failed = runs.some((run) => run.figures === undefined);
  return [...shown, ...(failed ? ['failed'] : [])].join('  ');
}

function describe({ variants, figures: names }: Comparison): string[] {
  const rows = variants.map(({ label, runs, count, figures, gain }) => {
    const shown = names.map((name) => (count === 0 ? '-' : formatMean(figures, name, count)));
    const gained = gain === undefined ? '-' : formatGain(gain);
    const seconds = runs.reduce((sum, { wall_time_s }) => sum + wall_time_s, 0) / Math.max(runs.length, 1);
    const ended = count === runs.length ? String(count) : `${count} of ${runs.length}`;
    return [label, ended, shown[0], gained, ...shown.slice(1), formatTime(seconds)];
  });
  return formatTable(['config', 'runs', names[0], 'gain', ...names.slice(1), 'time'], rows, ['runs', 'time']);
}

/** `+0.02 ± 0.01` */
const formatGain = ({ mean, std }: NonNullable<Comparison['variants'][number]['gain']>): string =>
  `${mean > 0 ? '+' : ''}${formatMean({ mean: { gain: mean }, ...(std !== undefined && { std: { gain: std } }) }, 'gain', 1)}`; // prettier-ignore
