/** `nn data`: inspects an experiment's data before training. */
import { dirname, relative, resolve } from 'node:path';
import { formatCount } from '../../config/format-count.js';
import type { ColumnReport, DataReport, FileReport } from '../../data/index.js';
import { splitNames } from '../../data/split-names.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { formatFigure } from '../../runner/text.js';
import { addCommand, type CommonOptions, type Register, withSeed } from '../command.js';
import { formatTable } from '../format.js';
import { print, printJson } from '../output.js';

export const registerData: Register = (program, finish) => {
  const description = 'what is in the data: columns, classes, leaks between splits';
  addCommand(program, 'data <config> [overrides...]', description, ['seed'])
    .action(async (config: string, overrides: string[], options: CommonOptions) => {
      finish(await data(config, overrides, options));
    }); // prettier-ignore
};

async function data(file: string, overrides: readonly string[], options: CommonOptions): Promise<ExitCode> {
  const { loadConfig } = await import('../../config/index.js');
  const { inspectData, sampleOf } = await import('../../data/index.js');
  const { experimentSchema, taskOf } = await import('../../train/index.js');
  const { config } = loadConfig(experimentSchema, { file, overrides: withSeed(overrides, options) });
  const show = (lines: readonly string[]): void => lines.forEach((line) => print(options, line));
  const where = { target: taskOf(config).targets, seed: config.seed, baseDir: resolve(dirname(file)) };
  const { report, data: splits } = await inspectData(config.data, where, (files) => show(files.flatMap(describeFile)));
  show(describeParts(report));
  const { features } = splits.train.fields;
  if (features.shape.length === 3) show(picture(sampleOf(features, 0), features.shape));
  printJson(options, report);
  return exitCode.done;
}

function describeFile({ file, rows, columns }: FileReport): string[] {
  const name = relative('.', file);
  const head = `${name.startsWith('..') ? file : name}: ${formatCount(rows)} samples`;
  if (columns === undefined) return [head];
  const numbers = ['missing', 'distinct', 'min', 'mean', 'max'];
  const cells = columns.map((column) => [
    column.name,
    column.kind,
    formatCount(column.missing),
    ...[column.distinct, column.min, column.mean, column.max].map((v) => (v === undefined ? '' : formatFigure(v))),
    spreadOf(column),
  ]);
  return [head, ...formatTable(['column', 'kind', ...numbers, 'values'], cells, numbers)];
}

/** Eight heights of a bar; a range with anything in it shows at least the lowest. */
const BARS = '▁▂▃▄▅▆▇█';

function spreadOf({ histogram, values, distinct }: ColumnReport): string {
  if (histogram !== undefined) {
    const most = Math.max(...histogram);
    return histogram.map((n) => (n === 0 ? ' ' : BARS[Math.min(7, Math.floor((8 * n) / most))])).join('');
  }
  if (values === undefined) return '';
  const rest = (distinct ?? 0) - values.length;
  return (
    values.map(([value, count]) => `${value} ${formatCount(count)}`).join(', ') + (rest > 0 ? `, ${rest} more` : '')
  );
}

/** Constant features listed by name. */
const MOST_CONSTANT = 20;

function describeParts(report: DataReport): string[] {
  const { splits, shape, classes, targets, constant, repeated, leaks } = report;
  const roles = splitNames.filter((role) => splits[role] !== undefined);
  const sizes = roles.map((role) => `${role} ${formatCount(splits[role] ?? 0)}`);
  const lines = [`splits: ${sizes.join(', ')} samples of [${shape.join(', ')}]`];
  if (classes !== undefined) {
    const rows = classes.map(({ name, counts }) => [name, ...roles.map((role) => formatCount(counts[role] ?? 0))]);
    lines.push(...formatTable(['class', ...roles], rows, roles));
  }
  if (targets !== undefined) {
    const [min, mean, max] = [targets.min, targets.mean, targets.max].map(formatFigure);
    lines.push(`targets: from ${min} to ${max}, mean ${mean}`);
  }
  if (constant.length > 0) {
    const more = constant.length > MOST_CONSTANT ? ` and ${constant.length - MOST_CONSTANT} more` : '';
    lines.push(`constant in the training split: ${constant.slice(0, MOST_CONSTANT).join(', ')}${more}`);
  }
  if (repeated > 0) lines.push(`repeated: ${formatCount(repeated)} samples of train occur before in it`);
  for (const { from, into, samples, contradicting } of leaks) {
    const other = contradicting > 0 ? `, ${formatCount(contradicting)} of them with another target` : '';
    lines.push(`leak: ${formatCount(samples)} samples of ${into} are in ${from} as well${other}`);
  }
  if (leaks.length === 0 && roles.length > 1) lines.push('leaks: no sample is in two splits');
  return lines;
}

const INK = ' .:-=+*#%@';
const MOST_COLUMNS = 56;

/** The first training sample, an image: two rows of pixels per line, brighter is denser. */
function picture(sample: ArrayLike<number> & Iterable<number>, shape: readonly number[]): string[] {
  const [height, width, channels] = shape;
  const step = Math.ceil(width / MOST_COLUMNS);
  let [low, high] = [Infinity, -Infinity];
  for (const value of sample) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const grey = (y: number, x: number): number => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += sample[(Math.min(y, height - 1) * width + x) * channels + c] / channels;
    return high > low ? (sum - low) / (high - low) : 0;
  };
  const lines: string[] = ['the first training sample:'];
  for (let y = 0; y < height; y += 2 * step) {
    let line = '';
    for (let x = 0; x < width; x += step) {
      const ink = (grey(y, x) + grey(y + step, x)) / 2;
      line += INK[Math.min(INK.length - 1, Math.floor(ink * INK.length))];
    }
    lines.push(line.trimEnd());
  }
  return lines;
}
