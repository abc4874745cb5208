/** How long an experiment trains: its epochs, batches and steps. */
import type { ExperimentConfig } from '../schema.js';

/** Epochs when neither `max_epochs` nor `max_steps` is given. */
export const DEFAULT_EPOCHS = 10;

/** How many steps an experiment takes on `size` training samples, and their batch size. */
export interface Plan {
  readonly batchSize: number;
  /** Per epoch; the last epoch has fewer where `max_steps` ends it. */
  readonly batches: number;
  readonly epochs: number;
  readonly totalSteps: number;
}

export function planOf(config: ExperimentConfig, size: number, fastDevRun = false): Plan {
  const { max_epochs, max_steps, batch_size, drop_last } = config.train;
  const batchSize = Math.min(batch_size, size);
  const batches = drop_last ? Math.floor(size / batchSize) : Math.ceil(size / batchSize);
  const mostSteps = fastDevRun ? 1 : (max_steps ?? Infinity);
  const mostEpochs = max_epochs ?? (max_steps === undefined ? DEFAULT_EPOCHS : Infinity);
  const epochs = Math.min(mostEpochs, Math.ceil(mostSteps / batches));
  return { batchSize, batches, epochs, totalSteps: Math.min(mostSteps, epochs * batches) };
}
