/** What a task is trained on and judged by where the config does not say. */
import { ONCE } from '../config/load-config.js';
import { type LossConfig, lossSchema, type MetricConfig, metricSchema } from '../nn/index.js';
import { type Task, type TaskConfig, taskOf, tasks } from './tasks/index.js';

/** The config with its task's loss and metrics where it names none. */
export function withTaskDefaults<C extends { task: TaskConfig; loss?: LossConfig; metrics?: MetricConfig[] }>(
  config: C,
): C & { loss: LossConfig; metrics: MetricConfig[] } {
  const { defaultLoss, defaultMetrics } = taskOf(config);
  return {
    ...config,
    loss: config.loss ?? lossSchema.parse(defaultLoss, ONCE),
    metrics: config.metrics ?? defaultMetrics.map((name) => metricSchema.parse(name, ONCE)),
  };
}

/** A default of every task in words: `accuracy for classification and multilabel, rmse for regression and reconstruction`. */
export function defaultsByTask(defaultOf: (task: Task) => readonly string[]): string {
  const users = new Map<string, string[]>();
  for (const [name, task] of Object.entries<Task>(tasks)) {
    const value = defaultOf(task).join(' and ');
    users.set(value, [...(users.get(value) ?? []), name]);
  }
  return [...users].map(([value, names]) => `${value} for ${names.join(' and ')}`).join(', ');
}
