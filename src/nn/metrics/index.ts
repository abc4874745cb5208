/** The metrics by the name that a config uses: figures, which are one number, and reports, which are a table. */
import { component, type ComponentConfig } from '../../config/index.js';
import type { ReferenceKind } from '../target.js';
import { accuracy, subsetAccuracy, topKAccuracy } from './accuracy.js';
import { expectedCalibrationError } from './calibration.js';
import { balancedAccuracy, classificationReport, cohenKappa, confusionMatrix, matthewsCorrelation, multilabelConfusionMatrix } from './confusion.js'; // prettier-ignore
import { logLoss } from './log-loss.js';
import type { Metric, Report } from './metric.js';
import { f1, precision, recall } from './precision-recall.js';
import { averagePrecision, rocAuc } from './ranking.js';
import { explainedVariance, mae, mape, maxError, medianAbsoluteError, mse, r2, rmse } from './regression.js';

export type { Metric, Report, ReportTable, Statistics } from './metric.js';

export const metrics = {
  accuracy,
  balanced_accuracy: balancedAccuracy,
  top_k_accuracy: topKAccuracy,
  subset_accuracy: subsetAccuracy,
  precision,
  recall,
  f1,
  matthews_correlation: matthewsCorrelation,
  cohen_kappa: cohenKappa,
  roc_auc: rocAuc,
  average_precision: averagePrecision,
  log_loss: logLoss,
  expected_calibration_error: expectedCalibrationError,
  confusion_matrix: confusionMatrix,
  multilabel_confusion_matrix: multilabelConfusionMatrix,
  classification_report: classificationReport,
  mae,
  mse,
  rmse,
  mape,
  median_absolute_error: medianAbsoluteError,
  max_error: maxError,
  r2,
  explained_variance: explainedVariance,
} as const satisfies Record<string, Metric | Report>;

export type MetricConfig = ComponentConfig<typeof metrics>;
export const metricSchema = component(metrics);

/** The registry's entry, its parameters' types forgotten: they are those of `config`, which that entry's schema parsed. */
export const metricOf = (config: MetricConfig): Metric | Report => metrics[config.type];

/** The metrics that can compare predictions with `kind`. */
export const metricsFor = (kind: ReferenceKind): string[] =>
  Object.entries<Metric | Report>(metrics).flatMap(([name, { targets }]) => (targets.includes(kind) ? [name] : []));

export const isReport = (metric: Metric | Report): metric is Report => 'table' in metric;

/**
 * What the figures and tables of a list of metrics are called: by type, and where a type is listed more than once also by the
 * parameters that tell them apart, as `top_k_accuracy(k=3)`.
 */
export function metricNames(configs: readonly MetricConfig[]): string[] {
  const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
  return configs.map((config) => {
    const same = configs.filter(({ type }) => type === config.type).map((other) => new Map(Object.entries(other)));
    const telling = Object.entries(config).filter(([key, value]) => same.some((other) => shown(other.get(key)) !== shown(value))); // prettier-ignore
    if (telling.length === 0) return config.type;
    return `${config.type}(${telling.map(([key, value]) => `${key}=${shown(value)}`).join(' ')})`;
  });
}

/** The metrics with their names. */
export const namedMetrics = (
  configs: readonly MetricConfig[],
): { readonly name: string; readonly config: MetricConfig }[] =>
  metricNames(configs).map((name, i) => ({ name, config: configs[i] }));

/** Those that are one number, and so have columns in metrics.csv. */
export const figureMetrics = (configs: readonly MetricConfig[]): MetricConfig[] =>
  configs.filter((config) => !isReport(metricOf(config)));
