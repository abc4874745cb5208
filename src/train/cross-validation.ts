/** Aggregates the runs of a cross-validation. */
import type { Figures } from './loop/snapshot.js';

export interface MeanAndSpread {
  /** Over the runs in which a figure is finite; NaN where it is in none. */
  readonly mean: Figures;
  /** Sample standard deviation, sqrt(sum (x - mean)^2 / (n - 1)), of figures that are finite in two runs or more. */
  readonly std?: Figures;
  /** The number of runs in which a figure is finite, where that is not all: ROC AUC, for one, needs both classes. */
  readonly defined?: Readonly<Record<string, number>>;
}

/** Mean and spread of each figure over `runs`, which have the same figures. */
export function meanAndSpread(runs: readonly Figures[]): MeanAndSpread {
  const [mean, std, defined]: [Record<string, number>, Record<string, number>, Record<string, number>] = [{}, {}, {}];
  for (const name of Object.keys(runs.at(0) ?? {})) {
    const values = runs.map((figures) => figures[name]).filter(Number.isFinite);
    const centre = (mean[name] = values.reduce((a, b) => a + b, 0) / values.length);
    if (values.length < runs.length) defined[name] = values.length;
    if (values.length < 2) continue;
    std[name] = Math.sqrt(values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (values.length - 1));
  }
  return { mean, ...(runs.length > 1 && { std }), ...(Object.keys(defined).length > 0 && { defined }) };
}
