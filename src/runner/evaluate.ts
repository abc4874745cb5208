/** Measures what a checkpoint has learned, on a part of its own data or on other data: all of `nn eval` except its output. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DataError, type HashedFile, isCarved, loadSplit, moveFiles, namedFiles, type SplitName, wholeFile } from '../data/index.js'; // prettier-ignore
import { CheckpointError, foldPath, runPaths } from '../runs/index.js';
import {
  embeddingIdProblems,
  evaluate,
  type Evaluation,
  type ExperimentConfig,
  type Figures,
  type Snapshot,
  taskOf,
} from '../train/index.js';
import { asCheckpointError, loadStoredConfig, openSnapshot } from './checkpoint.js';
import { type EngineOptions, openEngine } from './engine.js';

export interface EvaluateOptions {
  readonly split: SplitName;
  /** `data.*` and `metrics`, as key=value. */
  readonly overrides: readonly string[];
  /** A file (or folder of images), relative to the working directory, of which all samples are measured instead. */
  readonly file?: string;
  readonly engine: EngineOptions;
  /** Called with the data files that a checkpoint names, before one is opened. */
  readonly onFiles?: (files: readonly string[]) => void;
}

export interface Evaluated extends Evaluation {
  readonly sparsity?: Figures;
  readonly checkpoint: string;
}

/** What eval cannot do with such a checkpoint: there is no such split, or its data cannot be replaced by a file. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

/**
 * Evaluates the checkpoint at `path`; of a run directory its best one, of a cross-validation that of each fold that has one. Throws
 * CheckpointError, ConfigError, DataError and EvaluationError.
 */
export async function evaluateCheckpoints(path: string, options: EvaluateOptions): Promise<Evaluated[]> {
  const evaluated: Evaluated[] = [];
  let said = '';
  const onFiles = (files: readonly string[]): void => {
    if (said !== (said = files.join('\n'))) options.onFiles?.(files);
  };
  for (const checkpoint of checkpointsAt(path)) evaluated.push(await evaluateOne(checkpoint, { ...options, onFiles }));
  return evaluated;
}

function checkpointsAt(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
  const { bestCheckpoint: own } = runPaths(path);
  if (existsSync(own)) return [own];
  const ofFolds: string[] = [];
  for (let fold = 1; existsSync(foldPath(path, fold)); fold++) {
    const { bestCheckpoint } = runPaths(foldPath(path, fold));
    if (existsSync(bestCheckpoint)) ofFolds.push(bestCheckpoint);
  }
  if (ofFolds.length > 0) return ofFolds;
  const hint = 'give a checkpoint, a run directory, or that of a cross-validation';
  throw new CheckpointError(path, 'is a folder without checkpoints/best.safetensors', hint);
}

async function evaluateOne(checkpoint: string, options: EvaluateOptions): Promise<Evaluated> {
  const { split: name, engine, onFiles } = options;
  const { snapshot, config: trained, baseDir, data: trainedOn } = openSnapshot(checkpoint);
  const config = configFor(checkpoint, snapshot, trained, options);
  const named = options.file === undefined ? namedFiles(config.data).map((file) => resolve(baseDir, file)) : [resolve(options.file)]; // prettier-ignore
  if (named.length > 0) onFiles?.(named);
  const { split, files, ...treatment } = await loadSplit(config.data, name, {
    target: taskOf(config).targets,
    seed: config.seed,
    baseDir,
    fitted: snapshot.meta.preprocessing,
  });
  if (split === undefined) {
    const remedy = 'choose another with --split, or measure all of a file with --data FILE';
    throw new EvaluationError(`the experiment has no ${name} split: ${remedy}`);
  }
  if (isCarved(config.data, name)) refuseChanged(files, trainedOn, name);
  const [unknown] = embeddingIdProblems(config, { [name]: split, ...treatment });
  if (unknown !== undefined) throw new EvaluationError(unknown.message);
  const session = openEngine(engine);
  try {
    const evaluation = await evaluate(session, config, name, split, { tensors: snapshot.tensors, ...treatment });
    return { ...evaluation, checkpoint };
  } catch (error) {
    throw asCheckpointError(checkpoint, error);
  } finally {
    session.close();
  }
}

/** The trained config, with the data and metrics that are asked for. */
function configFor(
  checkpoint: string,
  snapshot: Snapshot,
  trained: ExperimentConfig,
  { overrides, file }: EvaluateOptions,
): ExperimentConfig {
  const changed =
    overrides.length === 0 ? trained : loadStoredConfig(checkpoint, storedFor(snapshot, overrides), overrides).config;
  // Files given here are relative to the working directory, those of the training run to its own.
  const known = new Set(namedFiles(trained.data));
  const data = moveFiles(changed.data, (name) => (known.has(name) ? name : resolve(name)));
  return { ...changed, data: file === undefined ? data : replaced(data, resolve(file)) };
}

function replaced(data: ExperimentConfig['data'], file: string): ExperimentConfig['data'] {
  const whole = wholeFile(data, file);
  if (whole !== undefined) return whole;
  const { type } = data.source;
  throw new EvaluationError(
    `--data takes a table or a folder of images, and the data of this checkpoint are ${type}: ` +
      `name other files with overrides, such as data.source.${type}.test`,
  );
}

/** A split drawn anew from other rows would test samples that were trained on. */
function refuseChanged(files: readonly HashedFile[], trainedOn: readonly HashedFile[], name: SplitName): void {
  const before = new Map(trainedOn.map(({ path, sha256 }) => [path, sha256]));
  const changed = files.find(({ path, sha256 }) => before.has(path) && before.get(path) !== sha256);
  if (changed === undefined) return;
  throw new DataError(
    `has changed since training, so its ${name} split is another, with samples that were trained on`,
    {
      file: changed.path,
      hint: 'restore the file, or measure all samples of a new one: --data FILE',
    },
  );
}

/**
 * The snapshot without what only training heeds, as other data need not have it: the figure that is monitored. And without folds and
 * parts that are carved where data of their own are given: the folds belong to the training data.
 */
function storedFor(snapshot: Snapshot, overrides: readonly string[]): Snapshot {
  const { config } = snapshot.meta;
  if (!isRecord(config) || !isRecord(config.data) || !isRecord(config.train)) return snapshot;
  const { early_stopping: _, ...train } = config.train;
  const isOther = overrides.some((override) => override.startsWith('data.source'));
  const { folds: _folds, fold: _fold, ...unfolded } = config.data;
  const data: Record<string, unknown> = isOther ? unfolded : { ...config.data };
  if (isRecord(data.split)) data.split = Object.fromEntries(Object.entries(data.split).filter(([role]) => !hasOwnFile(role, overrides))); // prettier-ignore
  return { ...snapshot, meta: { ...snapshot.meta, config: { ...config, schedule: 'constant', train, data } } }; // prettier-ignore
}

/** Whether an override names a file for this split, as in `data.source.csv.test=new.csv`: it is then not drawn from the others. */
const hasOwnFile = (role: string, overrides: readonly string[]): boolean =>
  (role === 'val' || role === 'test') &&
  overrides.some((override) => new RegExp(`^data\\.source\\.(?:\\w+\\.)?${role}\\b`).test(override));

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
