/** Parts of an experiment that are right by themselves and do not fit each other. */
import { formatCount } from '../config/format-count.js';
import { nearest } from '../config/nearest.js';
import { hasPart, sourceOf } from '../data/index.js';
import { figureMetrics, lossesFor, metricNames, metricsFor } from '../nn/index.js';
import type { ExperimentConfig } from './experiment-config.js';
import { type Task, taskOf, tasks } from './tasks/index.js';

/** Something wrong with the value at `path`. */
export interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Parts of an experiment that are right by themselves and do not fit each other. */
export function contradictions(config: ExperimentConfig): Contradiction[] {
  const { task, loss, train } = config;
  const { targets, reference } = taskOf(config);
  const found: Contradiction[] = [];
  const missing = sourceOf(config.data.source).missingTarget?.(config.data.source);
  if (targets !== 'none' && missing !== undefined) {
    const message = `${task.type} needs it; only ${tasksWithoutTargets()} learns without targets`;
    found.push({ path: ['data', 'source', ...missing], message });
  }
  const fittingLosses = lossesFor(reference);
  if (!fittingLosses.includes(loss.type)) {
    found.push({ path: ['loss'], message: unfit(loss.type, task.type, fittingLosses) });
  }
  const fittingMetrics = metricsFor(reference);
  const names = metricNames(config.metrics);
  config.metrics.forEach((metric, i) => {
    if (!fittingMetrics.includes(metric.type)) {
      found.push({ path: ['metrics', i], message: unfit(metric.type, task.type, fittingMetrics) });
    }
    if (names.indexOf(names[i]) < i) {
      const message = `${metric.type} is listed twice; give it other parameters, or leave it out`;
      found.push({ path: ['metrics', i], message });
    }
  });
  for (const [i, { lr, weight_decay }] of (train.parameter_groups ?? []).entries()) {
    const path = ['train', 'parameter_groups', i];
    if (lr !== undefined && config.optimizer.lr === 0) {
      found.push({ path: [...path, 'lr'], message: 'a rate of its own needs an optimizer.lr above 0, to which the schedule refers' }); // prettier-ignore
    }
    if (weight_decay !== undefined && !('weight_decay' in config.optimizer)) {
      found.push({ path: [...path, 'weight_decay'], message: `${config.optimizer.type} has no weight decay` });
    }
  }
  if (train.sampling === 'balanced') found.push(...unbalanceable(config));
  if (train.early_stopping !== undefined) {
    found.push(...unknownFigure(config, train.early_stopping.monitor, ['train', 'early_stopping', 'monitor']));
  }
  if (config.schedule.type === 'reduce_on_plateau') {
    found.push(...unknownFigure(config, config.schedule.monitor, ['schedule', 'monitor']));
  }
  const average = train.weight_average;
  if (average !== undefined) {
    const other = average.method === 'ema' ? (['start_epoch', 'every_epochs'] as const) : (['decay'] as const);
    for (const key of other.filter((name) => average[name] !== undefined)) {
      found.push({ path: ['train', 'weight_average', key], message: `${key} belongs to the other method, not to ${average.method}` }); // prettier-ignore
    }
  }
  const layers = countLayers(config.model.layers);
  if (layers > MOST_LAYERS) {
    const message = `repeated, the blocks hold ${formatCount(layers)} layers; at most ${formatCount(MOST_LAYERS)} can be trained`;
    found.push({ path: ['model', 'layers'], message });
  }
  if (config.optimizer.type === 'lbfgs') found.push(...unfitForLbfgs(config));
  return found;
}

/** Twice the depth of the deepest network ever trained. */
const MOST_LAYERS = 2000;

/** The number of layers with all repeats of blocks expanded. */
function countLayers(layers: readonly object[]): number {
  return layers.reduce((sum, layer) => {
    const rows = Object.values(layer).filter((value): value is object[] => Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null)); // prettier-ignore
    const inside = rows.reduce((total, row) => total + countLayers(row), 0);
    return sum + Math.max(1, inside * ('repeat' in layer && typeof layer.repeat === 'number' ? layer.repeat : 1));
  }, 0);
}

const unfit = (name: string, task: string, fitting: readonly string[]): string =>
  `${name} does not fit ${task}; use one of ${fitting.join(', ')}`;

const tasksWithoutTargets = (): string =>
  Object.entries<Task>(tasks)
    .filter(([, { targets }]) => targets === 'none')
    .map(([name]) => name)
    .join(' or ');

/** L-BFGS compares gradients at different weights, so these must be all that differs. */
function unfitForLbfgs({ train }: ExperimentConfig): Contradiction[] {
  const unfit = ['parameter_groups', 'accumulate_batches', 'gradient_noise'] as const;
  return unfit
    .filter((key) => train[key] !== undefined)
    .map((key) => ({
      path: ['train', key],
      message: `lbfgs takes no ${key}: it needs the same function in every step`,
    }));
}

/** What is wrong with `monitor` as the name of a figure that a run records. */
function unknownFigure(config: ExperimentConfig, monitor: string, path: Contradiction['path']): Contradiction[] {
  const figures = ['loss', ...metricNames(figureMetrics(config.metrics))];
  const validates = hasPart(config.data, 'val');
  const known = (validates ? ['val', 'train'] : ['train']).flatMap((split) =>
    figures.map((figure) => `${split}/${figure}`),
  );
  if (!validates && monitor.startsWith('val/')) {
    const message = `${monitor} needs a validation split: set data.split.val, or give the source a val file`;
    return [{ path, message }];
  }
  if (known.includes(monitor)) return [];
  const close = nearest(monitor, known);
  const hint = close === undefined ? '' : `; did you mean "${close}"?`;
  return [{ path, message: `there is no figure "${monitor}", only ${known.join(', ')}${hint}` }];
}

/** Settings that rule out balanced sampling. */
function unbalanceable(config: ExperimentConfig): Contradiction[] {
  const { task, train, optimizer } = config;
  const found: Contradiction[] = [];
  const path = ['train', 'sampling'];
  if (taskOf(config).reference !== 'classes') {
    found.push({ path, message: `${task.type} has no classes to balance; only classification has` });
  }
  if (!train.shuffle) found.push({ path: ['train', 'shuffle'], message: 'balanced sampling draws a random order' });
  if (optimizer.type === 'lbfgs') found.push({ path, message: 'lbfgs needs the same samples in every step' });
  return found;
}
