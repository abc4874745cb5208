/** How gradients change the weights: the optimizer by parameter group, gradients collected over batches, the averaged weights. */
import {
  add,
  div,
  eq,
  floor,
  le,
  minimum,
  mul,
  type Node,
  select,
  type Shape,
  sub,
  withScope,
} from '../../tensor/index.js';
import { clipGradients, withNoise } from '../../nn/clip.js';
import { groupOf } from '../../nn/optimizers/groups.js';
import { type Hyperparameters, type OptimizerConfig, optimizerOf } from '../../nn/optimizers/index.js';
import type { RandomSource } from '../../nn/random-source.js';
import { afterUpdate } from '../../nn/regularization.js';
import type { Parameter } from '../../nn/variables.js';
import type { ExperimentConfig } from '../schema.js';
import type { Plan } from '../loop/plan.js';
import type { Variable } from '../loop/snapshot.js';
import { averageName, type RunInputs } from './run-inputs.js';

/** A value of the optimizer beside a parameter, such as Adam's first moment. */
export interface Slot extends Variable {
  readonly initial: number;
}

type WeightAverage = NonNullable<ExperimentConfig['train']['weight_average']>;

export interface WeightUpdates {
  readonly slots: readonly Slot[];
  /** The slots that hold averaged weights, in the order of the parameters; none where no average is kept. */
  readonly averages: readonly Slot[];
  readonly updates: readonly [Node, Node][];
}

/** What the parameter `name` is updated with: the optimizer's config, but for what its group says. */
function hyperparametersOf(
  config: ExperimentConfig,
  name: string,
  rate: Node,
): Hyperparameters<OptimizerConfig> & { readonly rate: Node } {
  const { optimizer } = config;
  const group = groupOf(config.train.parameter_groups ?? [], name);
  const { lr = optimizer.lr, weight_decay } = group ?? {};
  return {
    ...optimizer,
    ...(weight_decay !== undefined && 'weight_decay' in optimizer ? { weight_decay } : {}),
    rate: lr === optimizer.lr ? rate : mul(rate, lr / optimizer.lr),
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
  { rate, step, variables }: RunInputs,
  plan: Plan,
  random?: RandomSource,
): WeightUpdates {
  const { gradient_clip_norm: norm, gradient_clip_value: value, gradient_clip_adaptive: adaptive, gradient_noise: noise } = config.train; // prettier-ignore
  const { accumulate_batches: batches = 1 } = config.train;
  const slots: Slot[] = [];
  const updates: [Node, Node][] = [];
  const slot = (name: string, shape: Shape, initial: number): Slot => {
    const made = { name, node: variables.variable(name, shape), initial };
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
            const sum = slot(`optimizer.gradient_sum.${parameters[i].name}`, gradient.shape, 0).node;
            const total = add(sum, gradient);
            updates.push([sum, select(isDue, 0, total)]);
            return div(total, batches);
          }),
        );
  const clipped = withScope('gradient clipping', () => clipGradients(collected, { norm, value, adaptive }, parameters));
  const disturbed =
    noise === undefined || random === undefined
      ? clipped
      : withScope('gradient noise', () => withNoise(clipped, parameters, noise, count, random));

  const named = <T>(valueOf: (parameter: Parameter, i: number) => T): Record<string, T> =>
    Object.fromEntries(parameters.map((parameter, i) => [parameter.name, valueOf(parameter, i)]));
  const optimizer = optimizerOf(config.optimizer);
  const specs = Object.entries(
    optimizer.init(
      config.optimizer,
      named(({ node }) => node.shape),
    ),
  );
  const state = Object.fromEntries(
    specs.map(([name, { shape, initial }]) => [name, slot(`optimizer.${name}`, shape, initial).node]),
  );
  const hyperparameters = withScope('optimizer', () => named(({ name }) => hyperparametersOf(config, name, rate)));
  const updated = withScope(
    'optimizer',
    () =>
    optimizer.update(named((_, i) => disturbed[i]), state, named(({ node }) => node), hyperparameters, count), // prettier-ignore
  );
  const averages: Slot[] = [];
  const average = config.train.weight_average;
  withScope('optimizer', () => {
    for (const parameter of parameters) {
      const { node } = parameter;
      const weights = whenDue(
        afterUpdate(updated.parameters[parameter.name], hyperparameters[parameter.name].rate, parameter),
        node,
      );
      updates.push([node, weights]);
      if (average === undefined) continue;
      const mean = slot(averageName(parameter.name), node.shape, 0);
      averages.push(mean);
      updates.push([
        mean.node,
        average.method === 'swa'
          ? equalAverage(average, mean.node, weights, step, plan)
          : whenDue(movingAverage(average, mean.node, weights, count), mean.node),
      ]);
    }
    for (const [name, node] of Object.entries(state)) updates.push([node, whenDue(updated.state[name], node)]);
  });
  return { slots, averages, updates };
}

/** Share of the average that an update keeps, where the config does not say. */
const USUAL_DECAY = 0.999;

/** An exponential moving average after `count` updates. */
function movingAverage({ decay: most = USUAL_DECAY }: WeightAverage, mean: Node, weights: Node, count: Node): Node {
  // The first average is the weights themselves; the decay then grows to its value, so that a short run is averaged too.
  const decay = minimum(div(sub(count, 1), add(count, 9)), most);
  return add(mean, mul(sub(weights, mean), sub(1, decay)));
}

/** The paper trains three quarters of the budget before it averages. */
const SWA_START = 0.75;

/** The mean of the weights at regular steps from a start on (SWA: Izmailov et al. 2018); before it, the weights themselves. */
function equalAverage(average: WeightAverage, mean: Node, weights: Node, step: Node, plan: Plan): Node {
  const { start_epoch = SWA_START * plan.epochs, every_epochs = 1 } = average;
  const every = Math.max(1, Math.round(every_epochs * plan.batches));
  const start = Math.max(every, Math.round(start_epoch * plan.batches));
  const since = sub(step, start);
  const number = floor(div(since, every));
  const moved = add(mean, div(sub(weights, mean), add(number, 1)));
  return select(le(step, start), weights, select(eq(mul(number, every), since), moved, mean));
}
