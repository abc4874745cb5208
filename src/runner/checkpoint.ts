/** Checkpoints as commands use them: every error names the file. */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { stringify } from 'yaml';
import * as z from 'zod';
import { ConfigError, loadConfig, type LoadedConfig, type References } from '../config/index.js';
import { readRegularSync } from '../config/regular-file.js';
import type { HashedFile } from '../data/index.js';
import { CheckpointError, type Json, loadCheckpoint, runPaths, saveCheckpoint } from '../runs/index.js';
import { type ExperimentConfig, experimentSchema, readSnapshot, type Snapshot, SnapshotError, type Tensors } from '../train/index.js'; // prettier-ignore
import { withReferences } from './references.js';

const hint = 'give a checkpoint that `nn train` wrote for this network';

/** Runs `use` on what the checkpoint at `path` holds; its errors become CheckpointErrors. */
export function usingCheckpoint<Result>(path: string, use: () => Result): Result {
  try {
    return use();
  } catch (error) {
    throw asCheckpointError(path, error);
  }
}

/** An error about what a checkpoint holds as an error of that file; any other error unchanged. */
export function asCheckpointError(path: string, error: unknown): unknown {
  if (error instanceof SnapshotError) return new CheckpointError(path, error.message, hint, { cause: error });
  if (error instanceof ConfigError)
    return new CheckpointError(path, `its config cannot be used:\n${error.message}`, hint, { cause: error });
  return error;
}

/** Where a run's data came from. */
export interface Origin {
  /** What the file names in its config are relative to. */
  readonly baseDir: string;
  readonly data: readonly HashedFile[];
  /** What it took from the environment. */
  readonly references: References;
}

/** Origins as they stand in a checkpoint's metadata, beside the snapshot's. */
const originSchema = z.object({
  base_dir: z.string(),
  data: z.array(z.object({ path: z.string(), sha256: z.string() })),
});

export interface OpenedCheckpoint extends Origin {
  readonly snapshot: Snapshot;
  readonly config: ExperimentConfig;
}

/** What `saveSnapshot` wrote, and the metadata as they stand there. Throws CheckpointError. */
function read(path: string): { readonly snapshot: Snapshot; readonly meta: unknown } {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    const best = runPaths(path).bestCheckpoint;
    throw new CheckpointError(path, 'is a folder', existsSync(best) ? `did you mean ${best}?` : hint);
  }
  if (/\.ya?ml$/.test(path) && existsSync(path)) {
    const fix = `train it first (nn train ${path}), then give checkpoints/best.safetensors of its run directory`;
    throw new CheckpointError(path, 'is a config, not a checkpoint', fix);
  }
  const { tensors, meta } = loadCheckpoint(path);
  return { snapshot: usingCheckpoint(path, () => readSnapshot({ tensors, meta })), meta };
}

/** The tensors of a checkpoint, whatever its config, and the digest of the file. Throws CheckpointError. */
export function readWeights(path: string): { readonly tensors: Tensors; readonly sha256: string } {
  const { tensors } = read(path).snapshot;
  return { tensors, sha256: createHash('sha256').update(readRegularSync(path)).digest('hex') };
}

/** Reads a checkpoint that `saveSnapshot` wrote. Throws CheckpointError. */
export function openSnapshot(path: string): OpenedCheckpoint {
  const { snapshot, meta } = read(path);
  const origin = originSchema.safeParse(meta);
  if (!origin.success) throw new CheckpointError(path, 'does not say where its data lies', hint);
  const { config, references } = usingCheckpoint(path, () => loadStoredConfig(path, snapshot));
  // Where the run directory has been moved, the data may have moved along.
  const { base_dir: written, data } = origin.data;
  const baseDir = existsSync(written) ? written : dirname(dirname(resolve(path)));
  return { snapshot, config, baseDir, data, references };
}

/** The config that a snapshot was made with, changed by `overrides`. Throws ConfigError. */
export function loadStoredConfig(
  path: string,
  { meta }: Snapshot,
  overrides: readonly string[] = [],
): LoadedConfig<ExperimentConfig> {
  return loadConfig(experimentSchema, { file: path, text: stringify(meta.config), overrides });
}

/** Writes a checkpoint that is enough by itself. Throws FileWriteError. */
export function saveSnapshot(path: string, { tensors, meta }: Snapshot, { baseDir, data, references }: Origin): void {
  const files = data.map(({ path, sha256 }) => ({ path: withReferences(path, references, baseDir), sha256 }));
  const config = withReferences(meta.config, references, baseDir);
  saveCheckpoint(path, { tensors, meta: { ...meta, config: config as Json, base_dir: baseDir, data: files } });
}
