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
  readonly wall_time_s: number;
  readonly samples_per_s: number;
  readonly peak_memory_mb: number;
  readonly run_dir: string;
}

/** Writes summary.json; a figure that is not finite becomes null, as JSON has no word for it. Throws `FileWriteError`. */
export function writeSummary(path: string, summary: Summary): void {
  writeFileAtomic(path, `${JSON.stringify(summary, null, 2)}\n`);
}
