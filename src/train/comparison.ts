/** Compares several experiments over the same seeds: mean figures, and the gain of each over the first. */
import { type MeanAndSpread, meanAndSpread } from './cross-validation.js';
import type { Figures } from './loop/snapshot.js';

/** The figures of one run by names such as `test/accuracy`; absent where it failed. */
export interface ComparedRun {
  readonly seed: number;
  /** Which fold of a cross-validation was held out, and of how many. */
  readonly fold?: number;
  readonly folds?: number;
  readonly figures?: Figures;
}

export interface ComparedVariant {
  /** Finished runs. */
  readonly count: number;
  /** Means of the figures, and standard deviations (with n - 1) where there are two runs or more. */
  readonly figures: MeanAndSpread;
  /**
   * Gain over the first variant in the first figure, positive where it is better: the mean over the seeds (and folds) that both have
   * finished of the differences one by one, and their standard deviation. The same seed means the same split and the same folds, so
   * a difference is smaller than the figures' own spread. Absent for the first variant, and where there is no such seed.
   */
  readonly gain?: { readonly mean: number; readonly std?: number };
}

/** `variants[0]` is what the others are measured against; `names` are the figures, the first with its better direction `mode`. */
export function compare(
  variants: readonly (readonly ComparedRun[])[],
  names: readonly string[],
  mode: 'min' | 'max',
): ComparedVariant[] {
  const sign = mode === 'max' ? 1 : -1;
  const [first] = names;
  const ofBase = new Map(variants[0].map((run) => [counterpart(run), run.figures]));
  return variants.map((runs, i) => {
    const finished = runs.flatMap(({ figures }) => (figures === undefined ? [] : [figures]));
    const chosen = finished.map((figures) => Object.fromEntries(names.map((name) => [name, figures[name]])));
    const gains = runs.flatMap((run) => {
      const [base, { figures }] = [ofBase.get(counterpart(run)), run];
      const gain = base === undefined || figures === undefined ? NaN : sign * (figures[first] - base[first]);
      return Number.isFinite(gain) ? [{ gain }] : [];
    });
    const { mean, std } = meanAndSpread(gains);
    const gain = i === 0 || gains.length === 0 ? undefined : { mean: mean.gain, ...(std && { std: std.gain }) };
    return { count: finished.length, figures: meanAndSpread(chosen), ...(gain && { gain }) };
  });
}

/** What a run shares with those that it is measured against. */
const counterpart = ({ seed, fold = 0, folds = 0 }: ComparedRun): string => `${seed}: ${fold}/${folds}`;
