/** `nn eval`: measures a checkpoint; no other file of the run is needed. */
import { formatCount } from '../../config/format-count.js';
import { splitNames } from '../../data/split-names.js';
import type { Evaluated } from '../../runner/index.js';
import { formatFigures, formatMean, formatSparsity } from '../../runner/text.js';
import { addCommand, type CommonOptions, engineOf, type Register } from '../command.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { formatReports } from '../format.js';
import { print, printJson, say } from '../output.js';
import { UsageError } from '../usage-error.js';

interface EvalArguments extends CommonOptions {
  readonly split: string;
  readonly data?: string;
}

export const registerEval: Register = (program, finish) => {
  addCommand(program, 'eval <checkpoint> [overrides...]', 'measure a checkpoint or the best of a run, on other data too', ['engine']) // prettier-ignore
    .option('--split <name>', 'train, val or test', 'test')
    .option('--data <file>', 'measure all samples of this file (or folder of images)')
    .action(async (checkpoint: string, overrides: string[], options: EvalArguments) => {
      finish(await evaluateCheckpoint(checkpoint, overrides, options));
    });
};

async function evaluateCheckpoint(
  path: string,
  overrides: readonly string[],
  options: EvalArguments,
): Promise<ExitCode> {
  const { evaluateCheckpoints, EvaluationError } = await import('../../runner/index.js');
  const foreign = overrides.find((override) => !/^(?:data|metrics)\b/.test(override));
  if (foreign !== undefined) {
    throw new UsageError(`"${foreign}" cannot be changed after training: eval takes overrides of data.* and metrics only`); // prettier-ignore
  }
  const split = splitNames.find((name) => name === options.split);
  if (split === undefined) throw new UsageError(`--split: expected train, val or test, got "${options.split}"`);
  if (options.data !== undefined && split !== 'test') throw new UsageError('--data is measured whole: leave out --split'); // prettier-ignore
  const evaluated = await evaluateCheckpoints(path, {
    split,
    overrides,
    file: options.data,
    engine: engineOf(options),
    // A checkpoint from elsewhere can name any file.
    onFiles: (files) => say(options, `data: ${files.join(', ')}`),
  }).catch((error: unknown) => {
    throw error instanceof EvaluationError ? new UsageError(error.message) : error;
  });
  const name = options.data === undefined ? `${split} ` : '';
  evaluated.forEach((one, i) => printOne(one, `${evaluated.length > 1 ? `fold ${i + 1}: ` : ''}${formatCount(one.samples)} ${name}samples`, options)); // prettier-ignore
  if (evaluated.length === 1) printJson(options, asJson(evaluated[0], split));
  else await printMean(evaluated, split, options);
  return exitCode.done;
}

const figuresOf = ({ loss, metrics }: Evaluated): Record<string, number> => ({ loss, ...metrics });

function printOne(evaluated: Evaluated, what: string, options: EvalArguments): void {
  print(options, `${what}: ${formatFigures(figuresOf(evaluated))}`);
  for (const line of formatReports(evaluated.reports)) print(options, line);
  if (evaluated.sparsity !== undefined) print(options, formatSparsity(evaluated.sparsity));
}

function asJson(evaluated: Evaluated, split: string): Record<string, unknown> {
  const { samples, reports, sparsity } = evaluated;
  const tables = Object.keys(reports).length > 0 ? { reports } : {};
  return { split, samples, ...figuresOf(evaluated), ...tables, ...(sparsity && { sparsity }) };
}

async function printMean(evaluated: readonly Evaluated[], split: string, options: EvalArguments): Promise<void> {
  const { meanAndSpread } = await import('../../train/index.js');
  const spread = meanAndSpread(evaluated.map(figuresOf));
  const { length } = evaluated;
  const shown = Object.keys(spread.mean).map((name) => `${name} ${formatMean(spread, name, length)}`);
  print(options, `${length} folds, mean ± standard deviation: ${shown.join('  ')}`);
  const { mean, std, defined } = spread;
  printJson(options, { split, ...mean, ...(std && { std }), ...(defined && { defined }), folds: evaluated.map((one) => asJson(one, split)) }); // prettier-ignore
}
