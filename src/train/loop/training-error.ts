import type { TrainingResult } from './training-run.js';

/** A training run that cannot continue: a loss, a gradient or a weight that is not finite. No checkpoint with such weights is written. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
  constructor(
    /** What became infinite or NaN. */
    readonly detail: string,
    /** The 1-based step that failed. Its update was not applied, unless that is what made a weight infinite. */
    readonly step: number,
    readonly epoch: number,
    /** The run's result up to the failure, with the status `failed`. */
    readonly result: TrainingResult,
    /** The layer where it first appeared, such as `layers.0 (dense)`. */
    readonly layer?: string,
  ) {
    super(`step ${step} (epoch ${epoch}): ${detail}`);
  }
}
