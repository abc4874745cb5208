/** The metrics by the name that a config uses. */
import { component, type ComponentConfig } from '../../config/index.js';
import { accuracy, topKAccuracy } from './accuracy.js';
import { logLoss } from './log-loss.js';
import type { Metric } from './metric.js';
import { f1, precision, recall } from './precision-recall.js';
import { mae, r2, rmse } from './regression.js';

export type { Metric } from './metric.js';

export const metrics = {
  accuracy,
  top_k_accuracy: topKAccuracy,
  precision,
  recall,
  f1,
  log_loss: logLoss,
  mae,
  rmse,
  r2,
} as const satisfies Record<string, Metric>;

export type MetricConfig = ComponentConfig<typeof metrics>;
export const metricSchema = component(metrics);

/** The registry's entry, its parameters' types forgotten: they are those of `config`, which that entry's schema parsed. */
export const metricOf = (config: MetricConfig): Metric => metrics[config.type];
