/** How gradients change the weights: the optimizer by parameter group, gradients collected over batches, the averaged weights. */
import { add, div, eq, floor, input, minimum, mul, type Node, select, sub, withScope } from '../tensor/index.js';
import { clipGradients } from '../nn/clip.js';
import type { Parameter } from '../nn/layer.js';
import { groupOf } from '../nn/optimizers/groups.js';
import { type OptimizerConfig, optimizerOf } from '../nn/optimizers/index.js';
import { afterUpdate } from '../nn/regularization.js';
import type { ExperimentConfig } from './experiment.js';
import type { Variable } from './snapshot.js';

/** A value of the optimizer beside a parameter, such as Adam's first moment. */
export interface Slot extends Variable {
  readonly initial: number;
}

/** What the averaged weights are called: `average.layers.0.weight`. */
export const AVERAGE_PREFIX = 'average.';

export interface WeightUpdates {
  readonly slots: readonly Slot[];
  /** The slots that hold averaged weights, in the order of the parameters; none where no average is kept. */
  readonly averages: readonly Slot[];
  readonly updates: readonly [Node, Node][];
}

/** Where a step is in the run. */
export interface StepNumbers {
  /** The learning rate, []. */
  readonly rate: Node;
  /** The 1-based number of the step, []. */
  readonly step: Node;
}

/** The rate and the options that `parameter` is updated with. */
function settingsOf(
  config: ExperimentConfig,
  parameter: Parameter,
  rate: Node,
): { rate: Node; params: OptimizerConfig } {
  const { optimizer } = config;
  const group = groupOf(config.train.parameter_groups ?? [], parameter.name);
  const { lr = optimizer.lr, weight_decay } = group ?? {};
  return {
    rate: lr === optimizer.lr ? rate : mul(rate, lr / optimizer.lr),
    params: weight_decay !== undefined && 'weight_decay' in optimizer ? { ...optimizer, weight_decay } : optimizer,
  };
}

/**
 * The new values of the parameters and of everything beside them, given the gradients of one batch. Gradients collected over n
 * batches are averaged, clipped and used in every n-th step, which then is one step to the optimizer.
 */
export function weightUpdates(
  config: ExperimentConfig,
  parameters: readonly Parameter[],
  gradients: readonly Node[],
  { rate, step }: StepNumbers,
): WeightUpdates {
  const { gradient_clip_norm: norm, gradient_clip_value: value, accumulate_batches: batches = 1 } = config.train;
  const slots: Slot[] = [];
  const updates: [Node, Node][] = [];
  const slot = (name: string, parameter: Parameter, initial: number): Slot => {
    const made = { name, node: input(name, parameter.node.shape), initial };
    slots.push(made);
    return made;
  };

  const count = batches === 1 ? step : floor(div(step, batches));
  const isDue = batches === 1 ? undefined : eq(mul(count, batches), step);
  const whenDue = (updated: Node, kept: Node): Node => (isDue === undefined ? updated : select(isDue, updated, kept));
  const collected =
    isDue === undefined
      ? gradients
      : withScope('gradient accumulation', () =>
          gradients.map((gradient, i) => {
            const sum = slot(`optimizer.gradient_sum.${parameters[i].name}`, parameters[i], 0).node;
            const total = add(sum, gradient);
            updates.push([sum, select(isDue, 0, total)]);
            return div(total, batches);
          }),
        );
  const clipped = withScope('gradient clipping', () => clipGradients(collected, { norm, value }));

  const optimizer = optimizerOf(config.optimizer);
  const averages: Slot[] = [];
  const average = config.train.weight_average;
  parameters.forEach((parameter, i) => {
    const { node } = parameter;
    const initial = Object.entries(optimizer.state(config.optimizer, node.shape));
    const state = Object.fromEntries(
      initial.map(([name, from]) => [name, slot(`optimizer.${name}.${parameter.name}`, parameter, from).node]),
    );
    const settings = settingsOf(config, parameter, rate);
    withScope('optimizer', () => {
      const updated = optimizer.update({ parameter: node, gradient: clipped[i], state, step: count, ...settings });
      const weights = whenDue(afterUpdate(updated.parameter, settings.rate, parameter), node);
      updates.push([node, weights]);
      for (const [name] of initial) updates.push([state[name], whenDue(updated.state[name], state[name])]);
      if (average === undefined) return;
      const mean = slot(`${AVERAGE_PREFIX}${parameter.name}`, parameter, 0);
      averages.push(mean);
      // The first average is the weights themselves; the decay then grows to its value, so that a short run is averaged too.
      const decay = minimum(div(sub(count, 1), add(count, 9)), average.decay);
      updates.push([mean.node, whenDue(add(mean.node, mul(sub(weights, mean.node), sub(1, decay))), mean.node)]);
    });
  });
  return { slots, averages, updates };
}
