/**
 * A training step as a pure function of (state, batch, hyperparameters): how a task's updates change weights, optimizers, averages
 * and layer state, all nodes by name. What it returns can be the state of the next step, and can be differentiated.
 */
import { grad, type Node } from '../../tensor/index.js';
import {
  type Named,
  type Parameter,
  type RandomSource,
  runningMean,
  type StateVariable,
  type TracedModel,
  type Variables,
  whenDue,
} from '../../nn/index.js';
import type { Plan } from '../loop/plan.js';
import type { ExperimentConfig } from '../schema.js';
import type { Task } from '../tasks/index.js';
import { type Batch, type Mode, type ObjectivePass, passOf } from './network.js';
import { averaged, averageSlot, type Slot, type StepHyperparameters, weightUpdate, type WeightUpdate } from './weight-updates.js'; // prettier-ignore

/** What a step is a step of. */
export interface StepExperiment {
  readonly config: ExperimentConfig;
  readonly task: Task;
  readonly plan: Plan;
  readonly mode: Mode;
  readonly random: RandomSource;
}

/** What an update is made from. */
export interface UpdatePass extends ObjectivePass {
  /** Of `objective` by the parameters that the update changes. */
  readonly gradients: readonly { readonly parameter: Parameter; readonly gradient: Node }[];
}

export interface StepResult {
  /** The new values of all that the step changes, by name. */
  readonly state: Named<Node>;
  /** Of each sample, [batch]: `loss`, that of the first update, its other figures, and the losses of further updates by their objectives. */
  readonly figures: Named<Node> & { readonly loss: Node };
  /** The statistics of the metrics, by the first update's objective. */
  readonly metrics: Named<Node>;
  /** Of each update in its order. Where an objective or a gradient is not finite, the new values are meaningless. */
  readonly passes: readonly UpdatePass[];
  /** What it found in the state it was given: parameters, all else with a number as its initial value, and the state of layers. */
  readonly parameters: readonly Parameter[];
  readonly slots: readonly Slot[];
  /** The slots that hold averaged weights. */
  readonly averages: readonly Slot[];
  readonly states: readonly StateVariable[];
}

/** A resolver for values that are at hand, such as the state that a step has returned. Throws where another is asked for. */
export function variablesOf(values: Named<Node>): Variables {
  const valueOf = (name: string): Node => {
    if (Object.hasOwn(values, name)) return values[name];
    throw new Error(`the state has no "${name}"`);
  };
  return { parameter: valueOf, state: valueOf };
}

/** Variables of which some have been replaced. */
class Replaced implements Variables {
  readonly values = new Map<string, Node>();
  constructor(private readonly before: Variables) {}

  parameter(name: string, shape: readonly number[]): Node {
    return this.values.get(name) ?? this.before.parameter(name, shape);
  }

  state(name: string, shape: readonly number[]): Node {
    return this.values.get(name) ?? this.before.state(name, shape);
  }
}

/** One step from the state that `variables` resolves: the task's updates in their order, then the averages. */
export function takeStep(
  experiment: StepExperiment,
  variables: Variables,
  batch: Batch,
  hyperparameters: StepHyperparameters,
): StepResult {
  const { config, task, mode, random } = experiment;
  const current = new Replaced(variables);
  const updates = task.updates(config);
  const parameters = new Map<string, Parameter>();
  const states = new Map<string, StateVariable>();
  const flows = new Map<string, WeightUpdate['flow']>();
  const slots: Slot[] = [];
  const passes = updates.map(({ objective, networks, optimizer, every }): UpdatePass => {
    const pass = passOf(config, batch, mode, { variables: current, random }, task, objective);
    for (const parameter of pass.model.parameters) if (!parameters.has(parameter.name)) parameters.set(parameter.name, parameter); // prettier-ignore
    for (const state of pass.model.states) if (!states.has(state.name)) states.set(state.name, state);
    const trained = networks.flatMap((name) => pass.parameters[name]);
    // Weights are held at their values, also where an update before, or the step before, has made them of one another.
    const weights = new Set(pass.model.parameters.map(({ node }) => node));
    const gradients = grad(pass.objective, trained.map(({ node }) => node), undefined, weights); // prettier-ignore
    const named = Object.fromEntries(trained.map(({ name }, i) => [name, gradients[i]]));
    const prefix = updates.length === 1 ? 'optimizer.' : `optimizer.${objective}.`;
    const update = weightUpdate(config, { optimizer, every }, trained, named, current, hyperparameters, {
      prefix,
      ...(mode.stochastic && { random }),
    });
    for (const [name, value] of Object.entries(update.state)) current.values.set(name, value);
    slots.push(...update.slots);
    for (const { name } of trained) flows.set(name, update.flow);
    observe(pass.model, current, every === 1 ? undefined : update.flow.isDue);
    return { ...pass, gradients: trained.map((parameter, i) => ({ parameter, gradient: gradients[i] })) };
  });
  const updated = [...parameters.values()].flatMap((parameter) => {
    const flow = flows.get(parameter.name);
    return flow === undefined ? [] : [{ parameter, flow }];
  });
  const averages = average(experiment, updated, current, hyperparameters);
  const [{ losses, figures, metrics }] = passes;
  const others = updates.slice(1).map(({ objective }, i): [string, Node] => [objective, passes[i + 1].losses]);
  return {
    state: Object.fromEntries(current.values),
    figures: { ...figures, ...Object.fromEntries(others), loss: losses },
    metrics,
    passes,
    parameters: [...parameters.values()],
    slots: [...slots, ...averages],
    averages,
    states: [...states.values()],
  };
}

/** Moves the averages of the weights that have been updated, each with the last update of it. */
function average(
  { config, plan }: StepExperiment,
  updated: readonly { readonly parameter: Parameter; readonly flow: WeightUpdate['flow'] }[],
  current: Replaced,
  hyperparameters: StepHyperparameters,
): Slot[] {
  const { weight_average: method } = config.train;
  if (method === undefined) return [];
  return updated.map(({ parameter, flow }) => {
    const slot = averageSlot(parameter, current);
    const weights = current.parameter(parameter.name, parameter.node.shape);
    current.values.set(slot.name, averaged(method, slot.node, weights, hyperparameters, flow, plan));
    return slot;
  });
}

/** Moves the state of layers towards what the batch showed; that of an update which is not made in every step, only when it is. */
function observe({ states, observations }: TracedModel, current: Replaced, isDue: Node | undefined): void {
  for (const observation of observations) {
    const state = states.find(({ node }) => node === observation.state);
    if (state === undefined) throw new Error('a layer observes a state that it does not have');
    // Where the network was called before in this step, its state has moved already.
    const before = current.values.get(state.name) ?? state.node;
    const [, moved] = runningMean({ ...observation, state: before });
    current.values.set(state.name, whenDue(isDue, moved, before));
  }
}
