/** `nn eval`: evaluates a checkpoint; no other file of the run is needed. */
import { resolve } from 'node:path';
import { formatCount } from '../../config/format-count.js';
import { splitNames } from '../../data/split-names.js';
import type { Snapshot } from '../../train/index.js';
import { type ExitCode, exitCode } from '../exit-code.js';
import { formatFigures, formatSparsity } from '../../runner/text.js';
import { addCommand, type CommonOptions, engineOf, type Register } from '../command.js';
import { formatReports } from '../format.js';
import { UsageError } from '../usage-error.js';
import { print, printJson, say } from '../output.js';

interface EvalOptions extends CommonOptions {
  readonly split: string;
}

export const registerEval: Register = (program, finish) => {
  addCommand(program, 'eval <checkpoint> [overrides...]', 'measure a checkpoint, on other data too', ['engine'])
    .option('--split <name>', 'train, val or test', 'test')
    .action(async (checkpoint: string, overrides: string[], options: EvalOptions) => {
      finish(await evaluateCheckpoint(checkpoint, overrides, options));
    });
};

async function evaluateCheckpoint(path: string, overrides: readonly string[], options: EvalOptions): Promise<ExitCode> {
  const { loadSplit, moveFiles, namedFiles } = await import('../../data/index.js');
  const { evaluate, taskOf } = await import('../../train/index.js');
  const { loadStoredConfig, openEngine, openSnapshot, asCheckpointError } = await import('../../runner/index.js');
  const foreign = overrides.find((override) => !override.startsWith('data.'));
  if (foreign !== undefined) {
    throw new UsageError(`"${foreign}" cannot be changed after training: eval takes overrides of data.* only`);
  }
  const { snapshot, config: trained, baseDir } = openSnapshot(path);
  const config =
    overrides.length === 0 ? trained : loadStoredConfig(path, storedFor(snapshot, overrides), overrides).config;
  // Files given here are relative to the working directory, those of the training run to its own.
  const known = new Set<string>();
  moveFiles(trained.data, (file) => (known.add(file), file));
  const dataConfig = moveFiles(config.data, (file) => (known.has(file) ? file : resolve(file)));
  const name = splitNames.find((split) => split === options.split);
  if (name === undefined) throw new UsageError(`--split: expected train, val or test, got "${options.split}"`);
  // A checkpoint from elsewhere can name any file.
  const named = namedFiles(dataConfig).map((file) => resolve(baseDir, file));
  if (named.length > 0) say(options, `data: ${named.join(', ')}`);
  const { split, ...treatment } = await loadSplit(dataConfig, name, {
    target: taskOf(config).targets,
    seed: config.seed,
    baseDir,
    fitted: snapshot.meta.preprocessing,
  });
  if (split === undefined) {
    throw new UsageError(`the experiment has no ${name} split: choose another with --split, or give data.source.${name}`); // prettier-ignore
  }
  const session = openEngine(engineOf(options));
  const { samples, loss, metrics, reports, sparsity } = await evaluate(session, config, name, split, {
    tensors: snapshot.tensors,
    ...treatment,
  }).catch((error: unknown) => {
    throw asCheckpointError(path, error);
  });
  session.close();
  const figures = { loss, ...metrics };
  print(options, `${formatCount(samples)} ${name} samples: ${formatFigures(figures)}`);
  for (const line of formatReports(reports)) print(options, line);
  if (sparsity !== undefined) print(options, formatSparsity(sparsity));
  const tables = Object.keys(reports).length > 0 ? { reports } : {};
  printJson(options, { split: name, samples, ...figures, ...tables, ...(sparsity && { sparsity }) });
  return exitCode.done;
}

/** The snapshot without `folds` where other data are given: those are evaluated whole, since the folds belong to the training data. */
function storedFor(snapshot: Snapshot, overrides: readonly string[]): Snapshot {
  const { config } = snapshot.meta;
  const isOther = overrides.some((override) => override.startsWith('data.source'));
  if (!isOther || !isRecord(config) || !isRecord(config.data)) return snapshot;
  const { folds: _, fold: __, ...data } = config.data;
  return { ...snapshot, meta: { ...snapshot.meta, config: { ...config, data } } };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
