import { existsSync } from 'node:fs';
import { readRegularSync } from '../config/regular-file.js';
import type { ReportTable } from '../nn/index.js';
import { writeFileAtomic } from './atomic-file.js';

/** The outcome of a run: the content of summary.json and of the line that `nn train --json` prints. */
export interface Summary {
  readonly status: 'completed' | 'early_stopped' | 'interrupted' | 'failed';
  readonly reason?: string;
  readonly epochs: number;
  readonly steps: number;
  /** The epoch of the best checkpoint with its metrics (`val/loss` ...); absent before the first one. */
  readonly best?: { readonly epoch: number; readonly [metric: string]: number };
  /** The last epoch's metrics (`train/loss` ...). */
  readonly final: Readonly<Record<string, number>>;
  /** The best checkpoint on the test split (`loss`, `accuracy` ...); absent where there is none, or it was not reached. */
  readonly test?: Readonly<Record<string, number>>;
  /** With swa: of how many weights those that were tested are the mean; 1 where there was no average yet. */
  readonly averaged_weights?: number;
  /** Shares of weights that are exactly 0, by tensor and in `total`, where a regularizer or constraint makes them so. */
  readonly sparsity?: Readonly<Record<string, number>>;
  /** The metrics that are tables, on the test split: rows, columns and the values of each row. */
  readonly reports?: Readonly<Record<string, ReportTable>>;
  readonly wall_time_s: number;
  readonly samples_per_s: number;
  readonly peak_memory_mb: number;
  readonly run_dir: string;
}

/** The outcome of a cross-validation. Figures are means over the folds that have come to their end. */
export interface CrossValidationSummary extends Omit<Summary, 'best'> {
  /** Standard deviations (with n - 1) of the figures over the folds; absent with fewer than two. */
  readonly final_std?: Readonly<Record<string, number>>;
  readonly test_std?: Readonly<Record<string, number>>;
  /** In how many folds a figure is defined, for those that are not in all; means and deviations are over these. */
  readonly final_defined?: Readonly<Record<string, number>>;
  readonly test_defined?: Readonly<Record<string, number>>;
  /** Each fold's own summary, in their order. */
  readonly folds: readonly Summary[];
}

/** Writes summary.json; a figure that is not finite becomes null, since JSON cannot represent it. Throws `FileWriteError`. */
export function writeSummary(path: string, summary: Summary | CrossValidationSummary): void {
  writeFileAtomic(path, `${JSON.stringify(summary, null, 2)}\n`);
}

/**
 * The summary in the file at `path`, its nulls NaN again; undefined where there is none, or it was cut off: resuming needs only a
 * checkpoint.
 */
export function readSummary(path: string): Summary | CrossValidationSummary | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const undefinedFigure = (_key: string, value: unknown): unknown => (value === null ? NaN : value);
    return JSON.parse(readRegularSync(path).toString('utf8'), undefinedFigure) as Summary | CrossValidationSummary;
  } catch {
    return undefined;
  }
}
