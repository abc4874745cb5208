/**
 * The programs of a run, as pure functions of config and data. A training step gathers its batch from the resident dataset and
 * does everything down to the optimizer's updates in one program; where its loss or a gradient is not finite, it changes nothing.
 */
import {
  abs, add, constant, eq, input, lt, mul, type Node, type Program, reduceSum, select, sub, withScope,
} from '../../tensor/index.js'; // prettier-ignore
import { cumulativeMean, type Named, type Observation, type Parameter, penalty } from '../../nn/index.js';
import type { Dataset } from './dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { planOf } from '../loop/plan.js';
import type { Variable } from '../loop/snapshot.js';
import { type Task, taskOf } from '../tasks/index.js';
import { type Batch, batchOf, forward } from './network.js';
import { averageName, averagesOf, type RunInputs } from './run-inputs.js';
import { figureOutput } from './sums.js';
import { type StepResult, takeStep, type UpdatePass } from './training-step.js';
import { accumulates, type Slot } from './weight-updates.js';

/** Beyond every finite float32. */
const FLOAT32_LIMIT = 3.4028235677973366e38;

/** Zero for a finite tensor, else NaN or infinite. (x * 0 would do as well, but is simplified to zero.) */
const finiteness = (x: Node): Node => reduceSum(sub(x, x));

/** The inputs that the host writes before every step. */
export interface StepInputs {
  readonly indices: Node;
  /** u32 [2]: the key of the step's random numbers. */
  readonly randomKey: Node;
  /** The learning rate, []. */
  readonly rate: Node;
  /** The 1-based number of the step, []. */
  readonly step: Node;
  /** Not 0 in the last step of an epoch, []; undefined where the step does not ask. */
  readonly lastOfEpoch: Node | undefined;
  /** The first step that was not finite, [], which the step itself records; the host sets it to 0 before the first. */
  readonly failedStep: Node;
}

/** The outputs of a training step, beside the statistics of metrics as `metricOutput` names them. */
export interface TrainingOutputs extends Readonly<Record<string, Node>> {
  /** The sum of the samples' losses, []. */
  readonly loss: Node;
  /** 0, or the number of the first step whose loss or gradient was not finite, []. From then on no step changes anything. */
  readonly health: Node;
}

export interface TrainingStep {
  readonly program: Program<TrainingOutputs>;
  readonly inputs: StepInputs;
  readonly parameters: readonly Parameter[];
  readonly slots: readonly Slot[];
  /** The slots that hold averaged weights. */
  readonly averages: readonly Slot[];
  readonly states: readonly StateSlot[];
  /** The state that belongs to averaged weights, measured before they are used; none where no average is kept. */
  readonly averagedStates: readonly StateSlot[];
}

/** What a layer carries from step to step. */
export interface StateSlot extends Variable {
  readonly initial: () => ArrayLike<number>;
}

/** The step from the values of a run's inputs, on a batch of `dataset`. */
function stepOn(
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  { rate, step, lastOfEpoch, random, variables }: RunInputs,
  stochastic: boolean,
  task: Task,
): { readonly result: StepResult; readonly batch: Batch; readonly indices: Node } {
  const mode = { training: true, stochastic, augmented: stochastic };
  const indices = dataset.indices(batchSize);
  const batch = batchOf(config, dataset, indices, mode, random);
  const experiment = { config, task, plan: planOf(config, dataset.size), mode, random };
  return { result: takeStep(experiment, variables, batch, { rate, step, lastOfEpoch }), batch, indices };
}

/** Figures of samples, [batch], as outputs that add them up. */
const sumsOf = (figures: Named<Node>): Named<Node> =>
  Object.fromEntries(Object.entries(figures).map(([name, values]) => [figureOutput(name), reduceSum(values)]));

/** One step of training on `batchSize` samples. `stochastic` is false where nothing may be random (overfit-batch). */
export function trainingStep(
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  inputs: RunInputs,
  stochastic = true,
  task: Task = taskOf(config),
): TrainingStep {
  const { rate, step, lastOfEpoch, random, failedStep } = inputs;
  const { result, indices } = stepOn(config, dataset, batchSize, inputs, stochastic, task);
  const { parameters, slots, averages, states, passes, metrics } = result;
  const watched = passes.flatMap(({ objective, gradients }) => [
    objective,
    ...gradients.map(({ gradient }) => gradient),
  ]);
  const { loss, ...figures } = result.figures;
  const health = withScope('finiteness', () => healthAfter(failedStep, step, watched));
  const isHealthy = eq(health, 0);
  const nodes = new Map([...parameters, ...slots, ...states].map(({ name, node }) => [name, node]));
  const updates = Object.entries(result.state).map(([name, value]): [Node, Node] => {
    const variable = nodes.get(name);
    if (variable === undefined) throw new Error(`the step changes ${name}, which is not part of its state`);
    return [variable, withScope('optimizer', () => select(isHealthy, value, variable))];
  });
  return {
    program: {
      name: `train.${batchSize}`,
      outputs: { loss: reduceSum(loss), health, ...metrics, ...sumsOf(figures) },
      updates: [...updates, [failedStep, health]],
    },
    inputs: {
      indices,
      randomKey: random.key,
      rate,
      step,
      failedStep,
      lastOfEpoch: accumulates(config) ? lastOfEpoch : undefined,
    },
    parameters,
    slots,
    averages,
    states,
    averagedStates: config.train.weight_average === undefined ? [] : averagedStatesOf(states, inputs),
  };
}

/**
 * The record of failure after the step number `step` that computed `values`: the number of the first step of which one was not
 * finite, 0 where there is none. As it stays what it once was, the host need not look at it after every step.
 */
function healthAfter(failedStep: Node, step: Node, values: readonly Node[]): Node {
  const sum = values.map(finiteness).reduce((a, b) => add(a, b));
  const ofStep = select(lt(abs(sum), FLOAT32_LIMIT), 0, step);
  return select(eq(failedStep, 0), ofStep, failedStep);
}

const averagedStatesOf = (states: readonly StateSlot[], { variables }: RunInputs): StateSlot[] =>
  states.map(({ name, node, initial }) => ({
    name: averageName(name),
    node: variables.variable(averageName(name), node.shape),
    initial,
  }));

export interface StatisticsStep {
  readonly program: Program;
  readonly indices: Node;
  /** Input: the 1-based number of the batch, []. */
  readonly batchNumber: Node;
}

/**
 * Measures what averaged weights make of one more batch: the running statistics of a batch norm belong to the weights that they
 * were measured with (Izmailov et al. 2018). Over n batches they become the means of what the batches gave.
 */
export function statisticsStep(
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  { variables, random }: RunInputs,
): StatisticsStep {
  const batchNumber = input('statistics.batch', []);
  const mode = { training: true, stochastic: false, augmented: false };
  const averages = { variables: averagesOf(variables), random };
  const { model, indices } = forward(config, dataset, batchSize, mode, averages);
  const updates = [...meansOf(model.observations, batchNumber)];
  return {
    program: { name: `statistics.${batchSize}`, outputs: [], updates },
    indices,
    batchNumber,
  };
}

/** The means of what batches gave, after batch number `batch`; a network that is called several times counts each call. */
function meansOf(observations: readonly Observation[], batch: Node): ReadonlyMap<Node, Node> {
  const means = new Map<Node, Node>();
  const done = new Map<Node, number>();
  for (const observation of observations) {
    const { state } = observation;
    const calls = observations.filter((other) => other.state === state).length;
    const call = (done.get(state) ?? 0) + 1;
    const number = calls === 1 ? batch : add(mul(sub(batch, 1), calls), call);
    const [, mean] = cumulativeMean({ ...observation, state: means.get(state) ?? state }, number);
    means.set(state, mean);
    done.set(state, call);
  }
  return means;
}

const EVALUATION = { training: false, stochastic: false, augmented: false };

/** The outputs of an evaluation, beside the statistics of metrics. */
export interface EvaluationOutputs extends Readonly<Record<string, Node>> {
  /** The sum of the samples' losses, []. */
  readonly loss: Node;
}

export interface EvaluationStep {
  readonly program: Program<EvaluationOutputs>;
  readonly indices: Node;
  /** Those that are evaluated: averages where there are some. */
  readonly parameters: readonly Parameter[];
  readonly variables: readonly Variable[];
}

/** The losses and metrics of `batchSize` samples, everything random off; with the averaged weights where there are some. */
export function evaluationStep(
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  { variables: trained, random }: RunInputs,
  task: Task = taskOf(config),
): EvaluationStep {
  const isAveraged = config.train.weight_average !== undefined;
  const evaluated = { variables: isAveraged ? averagesOf(trained) : trained, random };
  const { model, indices, losses, figures, metrics } = forward(config, dataset, batchSize, EVALUATION, evaluated, task);
  const variables = [...model.parameters, ...model.states].map(({ name, node }) => ({
    name: isAveraged ? averageName(name) : name,
    node,
  }));
  return {
    program: {
      name: `evaluate.${batchSize}`,
      outputs: { loss: reduceSum(losses), ...metrics, ...sumsOf(figures) },
      updates: [],
    },
    indices,
    parameters: model.parameters,
    variables,
  };
}

/** Something in a step that can stop being finite, and where it belongs. */
export interface Suspect {
  readonly kind: 'batch' | 'weights' | 'output' | 'loss' | 'penalty' | 'objective' | 'gradient';
  /** The layer, such as `layers.0 (dense)`. */
  readonly layer?: string;
  /** The parameter, such as `layers.0.weight`. */
  readonly parameter?: string;
}

export interface DiagnosisStep {
  /** Output i is zero where suspects[i] is finite, else NaN or infinite. */
  readonly program: Program<readonly Node[]>;
  /** In the order in which a step computes them, so the first that is not finite is the culprit. */
  readonly suspects: readonly Suspect[];
}

/** Where a training step stops being finite: the same graph as `trainingStep` on the same inputs, without updates. */
export function diagnosisStep(
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  inputs: RunInputs,
  stochastic = true,
  task: Task = taskOf(config),
): DiagnosisStep {
  const { result, batch } = stepOn(config, dataset, batchSize, inputs, stochastic, task);
  const watched: [Suspect, Node][] = [[{ kind: 'batch' }, batch.fields.features], ...result.passes.flatMap(suspectsOf)];
  return {
    program: {
      name: `diagnose.${batchSize}`,
      outputs: watched.map(([, node]) => finiteness(node.dtype === 'f32' ? node : constant(0))),
      updates: [],
    },
    suspects: watched.map(([suspect]) => suspect),
  };
}

/** What can stop being finite in an update, in the order in which it is computed. */
function suspectsOf({ model, losses, objective, gradients }: UpdatePass): [Suspect, Node][] {
  const penalties = penalty(model.parameters, model.penalties);
  const titles = new Map(model.layers.map(({ name, type }) => [name, `${name} (${type})`]));
  const layerOf = (parameter: Parameter): string => titles.get(parameter.layer) ?? parameter.layer;
  return [
    ...model.parameters.map((p): [Suspect, Node] => [
      { kind: 'weights', layer: layerOf(p), parameter: p.name },
      p.node,
    ]),
    ...model.layers.map(({ name, output }): [Suspect, Node] => [{ kind: 'output', layer: titles.get(name) }, output]),
    [{ kind: 'loss' }, losses],
    ...(penalties === undefined ? [] : [[{ kind: 'penalty' }, penalties] satisfies [Suspect, Node]]),
    [{ kind: 'objective' }, objective],
    // Gradients are computed from the loss backwards.
    ...gradients
      .map(({ parameter: p, gradient }): [Suspect, Node] => [
        { kind: 'gradient', layer: layerOf(p), parameter: p.name },
        gradient,
      ])
      .reverse(),
  ];
}

/** `the output of layers.0 (dense)`, `the loss` */
export function nameSuspect({ kind, layer, parameter }: Suspect): string {
  if (kind === 'output') return `the output of ${layer}`;
  return parameter === undefined ? `the ${kind}` : `the ${kind} of ${parameter}`;
}

/** What a suspect that is not finite means, in words. */
export function describeSuspect({ kind, layer, parameter }: Suspect): string {
  switch (kind) {
    case 'batch':
      return 'the features of the batch are not finite: the data or its preprocessing holds NaN or infinite values';
    case 'weights':
      return `the weights ${parameter} of ${layer} are not finite since the update before: the learning rate is probably too high`;
    case 'output':
      return `the output of ${layer} is not finite, and that of the layers before it is: the learning rate or the initial weights are probably too large`;
    case 'loss':
      return 'the loss is not finite, and the outputs of all layers are: do the targets fit the loss?';
    case 'penalty':
      return 'the penalty on the weights is not finite: the weights have grown too large';
    case 'objective':
      return 'the loss of the batch is too large to be summed up: the learning rate is probably too high, or the targets are too large';
    case 'gradient':
      return `the gradient of ${parameter} in ${layer} is not finite, and the loss is`;
  }
}
