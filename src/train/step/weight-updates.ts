/** How gradients change the weights: their transformations, the optimizer by parameter group, and the averaged weights. */
import {
  add,
  div,
  eq,
  floor,
  le,
  minimum,
  mul,
  type Node,
  type Operand,
  select,
  sub,
  withScope,
} from '../../tensor/index.js';
import {
  accumulate,
  addNoise,
  afterUpdate,
  chain,
  clip,
  everyNth,
  type GradientFlow,
  type GradientTransformation,
  groupOf,
  type Hyperparameters,
  type Named,
  type OptimizerConfig,
  optimizerOf,
  type Parameter,
  type RandomSource,
  type StateSpec,
  type Variables,
  whenDue,
} from '../../nn/index.js';
import type { ExperimentConfig } from '../schema.js';
import type { Plan } from '../loop/plan.js';
import type { Variable } from '../loop/snapshot.js';
import type { TaskUpdate } from '../tasks/index.js';
import { averagingOf } from './averaging.js';
import { averageName } from './run-inputs.js';

/** A value beside the weights that outlives a step, such as Adam's first moment. */
export interface Slot extends Variable {
  readonly initial: number;
}

/** What steers a step from outside. */
export interface StepHyperparameters {
  /** The learning rate, []: that of the config's optimizer as the schedule moves it. Other rates of the config move along. */
  readonly rate: Node;
  /** The 1-based number of the step, []. */
  readonly step: Node;
  /** Not 0 in the last step of an epoch, []; read where gradients are accumulated. */
  readonly lastOfEpoch: Node;
  /** Instead of what the configs of the optimizers say: nodes by which a step is to be differentiated. */
  readonly optimizer?: Readonly<Record<string, Operand | readonly Operand[]>>;
}

/** What the parameter `name` is updated with: the optimizer's config, overridden by its group. */
function hyperparametersOf(
  config: ExperimentConfig,
  optimizer: OptimizerConfig,
  name: string,
  { rate, optimizer: instead }: StepHyperparameters,
): Hyperparameters<OptimizerConfig> & { readonly rate: Node } {
  const base = config.optimizer.lr;
  const group = groupOf(config.train.parameter_groups ?? [], name);
  const { lr = optimizer.lr, weight_decay } = group ?? {};
  return {
    ...optimizer,
    ...instead,
    ...(weight_decay !== undefined && 'weight_decay' in optimizer ? { weight_decay } : {}),
    rate: lr === base ? rate : mul(rate, lr / base),
  };
}

/** Whether an update takes the gradients of several batches. */
export const accumulates = ({ train }: ExperimentConfig): boolean => (train.accumulate_batches ?? 1) > 1;

/** What the config does to gradients, in this order: collected, those of other steps dropped, clipped, disturbed. */
export function transformationOf(
  config: ExperimentConfig,
  every: number,
  parameters: readonly Parameter[],
  lastOfEpoch: Node,
  random?: RandomSource,
): GradientTransformation {
  const { accumulate_batches: batches = 1, gradient_noise: noise } = config.train;
  const { gradient_clip_norm: norm, gradient_clip_value: value, gradient_clip_adaptive: adaptive } = config.train;
  return chain(
    ...(accumulates(config) ? [accumulate(batches, lastOfEpoch)] : []),
    ...(every > 1 ? [everyNth(every)] : []),
    clip({ norm, value, adaptive }, parameters),
    ...(noise !== undefined && random !== undefined ? [addNoise(noise, parameters, random)] : []),
  );
}

export interface WeightUpdate {
  /** The new values of the parameters and of the slots, by name. */
  readonly state: Named<Node>;
  readonly slots: readonly Slot[];
  /** Which update it was, and whether it was made. */
  readonly flow: Pick<GradientFlow, 'step' | 'isDue'>;
}

/** The values under `prefix` that `specs` asks for, as slots, and by their names there. */
function held(specs: Named<StateSpec>, prefix: string, variables: Variables): { slots: Slot[]; state: Named<Node> } {
  const slots = Object.entries(specs).map(([name, { shape, initial }]) => ({
    name: prefix + name,
    node: variables.state(prefix + name, shape),
    initial,
  }));
  return { slots, state: Object.fromEntries(Object.keys(specs).map((name, i) => [name, slots[i].node])) };
}

/** One update of `parameters` by the gradients of the batch: transformed, through the optimizer, and what follows an update. */
export function weightUpdate(
  config: ExperimentConfig,
  { optimizer: chosen, every }: Pick<TaskUpdate, 'optimizer' | 'every'>,
  parameters: readonly Parameter[],
  gradients: Named<Node>,
  variables: Variables,
  hyperparameters: StepHyperparameters,
  options: { readonly prefix: string; readonly random?: RandomSource },
): WeightUpdate {
  const { prefix, random } = options;
  const named = <T>(valueOf: (parameter: Parameter) => T): Record<string, T> =>
    Object.fromEntries(parameters.map((parameter) => [parameter.name, valueOf(parameter)]));
  const shapes = named(({ node }) => node.shape);

  const transformation = transformationOf(config, every, parameters, hyperparameters.lastOfEpoch, random);
  const before = held(transformation.init(shapes), prefix, variables);
  const { flow, state: transformed } = transformation.update({ gradients, step: hyperparameters.step }, before.state);

  const optimizer = optimizerOf(chosen);
  const kept = held(optimizer.init({ ...chosen, ...hyperparameters.optimizer }, shapes), prefix, variables);
  const weights = named(({ node }) => node);
  return withScope('optimizer', () => {
    const given = named(({ name }) => hyperparametersOf(config, chosen, name, hyperparameters));
    const updated = optimizer.update(flow.gradients, kept.state, weights, given, flow.step);
    const state: Record<string, Node> = {};
    for (const [name, node] of Object.entries(transformed)) state[prefix + name] = node;
    for (const parameter of parameters) {
      const { name, node } = parameter;
      state[name] = whenDue(flow.isDue, afterUpdate(updated.parameters[name], given[name].rate, parameter), node);
    }
    for (const [name, node] of Object.entries(kept.state)) state[prefix + name] = whenDue(flow.isDue, updated.state[name], node); // prettier-ignore
    return { state, slots: [...before.slots, ...kept.slots], flow };
  });
}

type WeightAverage = NonNullable<ExperimentConfig['train']['weight_average']>;

/** The average of a weight after a step that left it as `weights`, `flow` being the last update of it. */
export function averaged(
  average: WeightAverage,
  mean: Node,
  weights: Node,
  { step }: StepHyperparameters,
  flow: WeightUpdate['flow'],
  plan: Plan,
): Node {
  return withScope('optimizer', () =>
    average.method === 'swa'
      ? equalAverage(average, mean, weights, step, plan)
      : whenDue(flow.isDue, movingAverage(average, mean, weights, flow.step), mean),
  );
}

/** Name and node of the average of a parameter. */
export const averageSlot = ({ name, node }: Variable, variables: Variables): Slot => ({
  name: averageName(name),
  node: variables.state(averageName(name), node.shape),
  initial: 0,
});

/** Share of the average that an update keeps, where the config does not say. */
const DEFAULT_DECAY = 0.999;

/** An exponential moving average after `count` updates. */
function movingAverage({ decay: most = DEFAULT_DECAY }: WeightAverage, mean: Node, weights: Node, count: Node): Node {
  // The first average is the weights themselves; the decay then grows to its value, so that a short run is averaged too.
  const decay = minimum(div(sub(count, 1), add(count, 9)), most);
  return add(mean, mul(sub(weights, mean), sub(1, decay)));
}

/** The mean of the weights at regular steps from a start on (SWA: Izmailov et al. 2018); before it, the weights themselves. */
function equalAverage(average: WeightAverage, mean: Node, weights: Node, step: Node, plan: Plan): Node {
  const { start, every } = averagingOf(average, plan);
  const since = sub(step, start);
  const number = floor(div(since, every));
  const moved = add(mean, div(sub(weights, mean), add(number, 1)));
  return select(le(step, start), weights, select(eq(mul(number, every), since), moved, mean));
}
