/** Which epoch is the best so far, and when to give up waiting for a better one. Pure functions of the epochs' figures. */
import { isReport, metricOf, namedMetrics } from '../../nn/index.js';
import type { ExperimentConfig } from '../schema.js';
import type { EpochRow } from './snapshot.js';

/** A figure of the epoch's row, and which direction is better. */
export interface Monitor {
  readonly figure: string;
  readonly mode: 'min' | 'max';
  readonly minDelta: number;
  /** Epochs without improvement before the run stops; Infinity without early stopping. */
  readonly patience: number;
}

/** The best epoch so far, and how many epochs have passed since. */
export interface Watch {
  readonly best: { readonly value: number; readonly row: EpochRow } | null;
  readonly waited: number;
}

/** The direction in which a figure such as `val/accuracy` gets better. */
export function modeOf(config: Pick<ExperimentConfig, 'metrics'>, figure: string): 'min' | 'max' {
  const name = figure.slice(figure.indexOf('/') + 1);
  const metric = namedMetrics(config.metrics).find((one) => one.name === name)?.config;
  const entry = metric && metricOf(metric);
  return entry === undefined || isReport(entry) ? 'min' : entry.mode;
}

/** The monitor of an experiment: its early stopping, else the validation loss; undefined without either. */
export function monitorOf(config: ExperimentConfig, hasValidation: boolean): Monitor | undefined {
  const stopping = config.train.early_stopping;
  if (stopping === undefined) {
    return hasValidation ? { figure: 'val/loss', mode: 'min', minDelta: 0, patience: Infinity } : undefined;
  }
  const { monitor, mode, min_delta: minDelta, patience } = stopping;
  return { figure: monitor, mode: mode ?? modeOf(config, monitor), minDelta, patience };
}

/**
 * Watches one more epoch. A value that is NaN never improves. Without a monitor the latest epoch is the best. From the step
 * `averagedFrom` on weights are averages, and only averaged epochs count: the first one replaces whatever was best before.
 */
export function watch(monitor: Monitor | undefined, earlier: Watch, row: EpochRow, averagedFrom = 0): Watch {
  if (monitor === undefined) return { best: { value: 0, row }, waited: 0 };
  const isFirstAverage = (earlier.best?.row.step ?? Infinity) < averagedFrom && row.step >= averagedFrom;
  const before: Watch = isFirstAverage && Number.isFinite(row.values[monitor.figure]) ? { best: null, waited: 0 } : earlier; // prettier-ignore
  const value = row.values[monitor.figure];
  const gain = before.best === null ? Infinity : monitor.mode === 'min' ? before.best.value - value : value - before.best.value; // prettier-ignore
  const improved = Number.isFinite(value) && gain > monitor.minDelta;
  return improved ? { best: { value, row }, waited: 0 } : { best: before.best, waited: before.waited + 1 };
}

/** Whether the run has waited long enough for a better epoch. */
export const gaveUp = (monitor: Monitor | undefined, { waited }: Watch): boolean =>
  monitor !== undefined && waited >= monitor.patience;
