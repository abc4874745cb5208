import type { TrainingResult } from './training-run.js';

/** A training run that cannot go on: a loss or gradient that is not finite. The weights of the last good step are kept. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
  constructor(
    /** What became infinite or NaN. */
    readonly detail: string,
    /** The 1-based step that failed; its update was not applied. */
    readonly step: number,
    readonly epoch: number,
    /** What the run had come to before, with the status `failed`. */
    readonly result: TrainingResult,
    /** The layer where it first appeared, such as `layers.0 (dense)`. */
    readonly layer?: string,
  ) {
    super(`step ${step} (epoch ${epoch}): ${detail}`);
  }
}
