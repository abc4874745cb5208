/** `nn eval`: measures a checkpoint, which is enough by itself. */
import { resolve } from 'node:path';
import { formatCount } from '../config/format-count.js';
import { loadSplit, moveFiles, type Role } from '../data/index.js';
import { evaluate, type ExperimentConfig, type Snapshot } from '../train/index.js';
import { loadStoredConfig, openSnapshot, usingCheckpoint } from '../runner/checkpoint.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { openEngine } from '../runner/engine.js';
import { formatFigures, formatSparsity } from '../runner/text.js';
import { type CommonOptions, engineOf, printJson, say } from './common-options.js';
import { formatReports } from './format.js';
import { UsageError } from './usage-error.js';

const roles: readonly Role[] = ['train', 'val', 'test'];

export interface EvalOptions extends CommonOptions {
  readonly split: string;
}

export async function evalCommand(path: string, overrides: readonly string[], options: EvalOptions): Promise<ExitCode> {
  const foreign = overrides.find((override) => !override.startsWith('data.'));
  if (foreign !== undefined) {
    throw new UsageError(`"${foreign}" cannot be changed after training: eval takes overrides of data.* only`);
  }
  const { snapshot, config: trained, baseDir } = openSnapshot(path);
  const config = overrides.length === 0 ? trained : configForOtherData(path, snapshot, overrides);
  // Files given here are relative to the working directory, those of the training run to its own.
  const known = new Set<string>();
  moveFiles(trained.data, (file) => (known.add(file), file));
  const dataConfig = moveFiles(config.data, (file) => (known.has(file) ? file : resolve(file)));
  const name = roles.find((role) => role === options.split);
  if (name === undefined) throw new UsageError(`--split: expected train, val or test, got "${options.split}"`);
  const { split, ...treatment } = await loadSplit(dataConfig, name, {
    task: config.task,
    seed: config.seed,
    baseDir,
    fitted: snapshot.meta.preprocessing,
  });
  if (split === undefined) {
    throw new UsageError(`the experiment has no ${name} split: choose another with --split, or give data.source.${name}`); // prettier-ignore
  }
  const session = openEngine(engineOf(options));
  const { samples, loss, metrics, reports, sparsity } = usingCheckpoint(path, () =>
    evaluate(session, config, name, split, { tensors: snapshot.tensors, ...treatment }),
  );
  session.close();
  const figures = { loss, ...metrics };
  say(options, `${formatCount(samples)} ${name} samples: ${formatFigures(figures)}`);
  for (const line of formatReports(reports)) say(options, line);
  if (sparsity !== undefined) say(options, formatSparsity(sparsity));
  const tables = Object.keys(reports).length > 0 ? { reports } : {};
  printJson(options, { split: name, samples, ...figures, ...tables, ...(sparsity && { sparsity }) });
  return exitCode.done;
}

/** The stored config with `overrides`. Other data are measured whole: the folds are those of the data trained on. */
function configForOtherData(path: string, snapshot: Snapshot, overrides: readonly string[]): ExperimentConfig {
  const { config } = snapshot.meta;
  if (
    !overrides.some((override) => override.startsWith('data.source')) ||
    !isRecord(config) ||
    !isRecord(config.data)
  ) {
    return loadStoredConfig(path, snapshot, overrides).config;
  }
  const { folds: _, fold: __, ...data } = config.data;
  const whole = { ...snapshot, meta: { ...snapshot.meta, config: { ...config, data } } };
  return loadStoredConfig(path, whole, overrides).config;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
