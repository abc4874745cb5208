/** The metrics by the name that a config uses: figures, which are one number, and reports, which are a table. */
import { component, type ComponentConfig } from '../../config/index.js';
import { accuracy, subsetAccuracy, topKAccuracy } from './accuracy.js';
import { expectedCalibrationError } from './calibration.js';
import { classificationReport, confusionMatrix, matthewsCorrelation, multilabelConfusionMatrix } from './confusion.js';
import { logLoss } from './log-loss.js';
import type { Metric, Report } from './metric.js';
import { f1, precision, recall } from './precision-recall.js';
import { averagePrecision, rocAuc } from './ranking.js';
import { explainedVariance, mae, mape, maxError, medianAbsoluteError, mse, r2, rmse } from './regression.js';

export type { Metric, Report, ReportTable, Statistics } from './metric.js';

export const metrics = {
  accuracy,
  top_k_accuracy: topKAccuracy,
  subset_accuracy: subsetAccuracy,
  precision,
  recall,
  f1,
  matthews_correlation: matthewsCorrelation,
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

export const isReport = (metric: Metric | Report): metric is Report => 'table' in metric;

/** Those that are one number, and so have columns in metrics.csv. */
export const figureMetrics = (configs: readonly MetricConfig[]): MetricConfig[] =>
  configs.filter((config) => !isReport(metricOf(config)));
