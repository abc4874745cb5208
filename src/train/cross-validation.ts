/** What the runs of a cross-validation come to together. */
import type { Figures } from './loop/snapshot.js';

export interface MeanAndSpread {
  readonly mean: Figures;
  /** Sample standard deviation, sqrt(sum (x - mean)^2 / (n - 1)); absent with fewer than two runs. */
  readonly std?: Figures;
}

/** Mean and spread of each figure over `runs`, which have the same figures. */
export function meanAndSpread(runs: readonly Figures[]): MeanAndSpread {
  if (runs.length === 0) return { mean: {} };
  const mean = figurewise(runs, (values) => average(values));
  if (runs.length < 2) return { mean };
  const std = figurewise(runs, (values) => {
    const centre = average(values);
    return Math.sqrt(values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (values.length - 1));
  });
  return { mean, std };
}

const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const figurewise = (runs: readonly Figures[], summarize: (values: readonly number[]) => number): Figures =>
  Object.fromEntries(Object.keys(runs[0]).map((name) => [name, summarize(runs.map((figures) => figures[name]))]));
