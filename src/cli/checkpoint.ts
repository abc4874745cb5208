/** Checkpoints as the commands meet them: whatever is wrong with one is said with its path. */
import { ConfigError } from '../config/index.js';
import { CheckpointError, loadCheckpoint } from '../runs/index.js';
import { readSnapshot, type Snapshot, SnapshotError } from '../train/index.js';

const hint = 'give a checkpoint that `nn train` wrote for this network';

/** Does `use`, which reads what the checkpoint at `path` holds; its complaints become CheckpointErrors. */
export function usingCheckpoint<Result>(path: string, use: () => Result): Result {
  try {
    return use();
  } catch (error) {
    throw asCheckpointError(path, error);
  }
}

/** A complaint about what a checkpoint holds as an error of that file; any other error as it is. */
export function asCheckpointError(path: string, error: unknown): unknown {
  if (error instanceof SnapshotError) return new CheckpointError(path, error.message, hint, { cause: error });
  if (error instanceof ConfigError)
    return new CheckpointError(path, `its config cannot be used:\n${error.message}`, hint, { cause: error });
  return error;
}

/** A run's snapshot, and the folder that the data paths in its config are relative to. Throws CheckpointError. */
export function openSnapshot(path: string): { snapshot: Snapshot; baseDir: string } {
  const { tensors, meta } = loadCheckpoint(path);
  const snapshot = usingCheckpoint(path, () => readSnapshot({ tensors, meta }));
  if (typeof meta.base_dir !== 'string') throw new CheckpointError(path, 'does not say where its data lies', hint);
  return { snapshot, baseDir: meta.base_dir };
}
