/** A task's networks on a batch: an objective with its losses, metrics and penalties as graph nodes, for any weights. */
import { add, type Node, streamKey, withScope } from '../../tensor/index.js';
import {
  BatchAugmentation,
  figureMetrics,
  lossOf,
  mainTarget,
  metricOf,
  mixedLosses,
  mixTargets,
  type Named,
  namedMetrics,
  type Parameter,
  penalty,
  predictionOf,
  type RandomSource,
  type Targets,
  type TracedModel,
  traceModel,
  type Variables,
} from '../../nn/index.js';
import { type Dataset, gatherBatch, samplesOfBatch } from './dataset.js';
import { type Task, taskOf } from '../tasks/index.js';
import type { ExperimentConfig } from '../schema.js';
import { metricOutput } from './sums.js';

/** The samples that a step works on. */
export interface Batch {
  /** By name, each [batch, ...]: `features`, preprocessed and augmented, and `targets` where the data have some. */
  readonly fields: Named<Node>;
  /** What an output [batch, ...] is compared with. */
  readonly targetsFor: (output: Node) => Targets;
}

export interface ObjectivePass {
  /** All networks that the objective calls as one, with the output that metrics look at. */
  readonly model: TracedModel;
  /** The parameters of each. */
  readonly parameters: Named<readonly Parameter[]>;
  /** What a step minimizes: the objective plus the penalties on weights and activities of the networks that it trains, []. */
  readonly objective: Node;
  /** The loss of each sample, [batch]. */
  readonly losses: Node;
  /** The objective's other figures of each sample, [batch]. */
  readonly figures: Named<Node>;
  /** What metrics compare with, [batch, ...]. */
  readonly target: Node;
  /** The statistics of each metric, summed over the batch, under the name that `metricOutput` gives. */
  readonly metrics: Named<Node>;
}

export interface Forward extends ObjectivePass {
  /** Input: the samples of the batch, i32 [batch]. */
  readonly indices: Node;
  /** The preprocessed and augmented features [batch, ...]. */
  readonly x: Node;
}

/** What is at work in a graph beside the forward pass. */
export interface Mode {
  /** Batch statistics where layers distinguish them. */
  readonly training: boolean;
  /** Dropout and noise. */
  readonly stochastic: boolean;
  /** The augmentations of the config. */
  readonly augmented: boolean;
}

/** Where a network's weights, state and random numbers come from. */
export interface NetworkInputs {
  readonly variables: Variables;
  readonly random: RandomSource;
}

/** The batch of `dataset` that its input `indices` (i32 [batch]) chooses. */
export function batchOf(
  config: ExperimentConfig,
  dataset: Dataset,
  indices: Node,
  mode: Mode,
  random: RandomSource,
): Batch {
  const configs = mode.augmented ? config.data.augment : [];
  const augmentation = new BatchAugmentation(configs, random.key, streamKey(config.seed, 'augment'), indices);
  const { x: plain, target } = withScope('data', () => gatherBatch(dataset, indices));
  const { x, mixture } = withScope('augmentation', () =>
    augmentation.features(samplesOfBatch(dataset, indices), () => plain),
  );
  return {
    fields: { features: x, ...(target !== plain && { targets: target }) },
    targetsFor: (output) =>
      withScope('augmentation', () => mixTargets(augmentation.targets(target, Math.max(2, output.shape[1])), mixture)),
  };
}

/** The update of a task that minimizes this objective. */
function updateFor(task: Task, config: ExperimentConfig, objective: string | undefined) {
  const updates = task.updates(config);
  const update = objective === undefined ? updates[0] : updates.find((one) => one.objective === objective);
  if (update === undefined) throw new Error(`no update of the task minimizes "${objective}"`);
  return update;
}

/** An objective of `task` on `batch`, by default that of its first update. Throws ShapeError naming the layer. */
export function passOf(
  config: ExperimentConfig,
  batch: Batch,
  mode: Mode,
  { variables, random }: NetworkInputs,
  task: Task = taskOf(config),
  chosen?: string,
): ObjectivePass {
  const update = updateFor(task, config, chosen);
  const networks = task.networks(config);
  const isOnly = Object.keys(networks).length === 1;
  const traces: { readonly network: string; readonly model: TracedModel }[] = [];
  const targets = new Map<Node, Targets>();
  const targetsFor = (output: Node): Targets => {
    const known = targets.get(output) ?? batch.targetsFor(output);
    targets.set(output, known);
    return known;
  };
  const result = task.objectives(config)[update.objective]({
    fields: batch.fields,
    training: mode.training,
    random,
    forward(network, x) {
      const model = traceModel(networks[network], x, variables, {
        ...mode,
        ...(!isOnly && { network }),
        random,
        init: config.init,
        regularization: config.regularization,
      });
      traces.push({ network, model });
      return model.output;
    },
    losses(output) {
      const compared = targetsFor(output);
      const loss = lossOf(config.loss);
      return withScope('loss', () => mixedLosses(compared, (target) => loss.perSample(output, target, config.loss)));
    },
  });
  const { output } = result;
  const { loss: losses, ...figures } = result.figures;
  const target = mainTarget(targetsFor(output));
  const statistics = withScope('metrics', () => {
    const prediction = predictionOf(config.loss, output, task.reference);
    // Tables are not part of an epoch's figures.
    const measured = mode.training ? figureMetrics(config.metrics) : config.metrics;
    return namedMetrics(measured).map(({ name, config: metric }): [string, Node] => [
      metricOutput(name),
      metricOf(metric).statistics(prediction, target, metric),
    ]);
  });
  const tracesOf = (names: readonly string[]): TracedModel =>
    merged(traces.filter(({ network }) => names.includes(network)).map(({ model }) => model), output); // prettier-ignore
  const trained = tracesOf(update.networks);
  const objective = withScope('loss', () => {
    const weights = withScope('penalty', () => penalty(trained.parameters, trained.penalties));
    return weights === undefined ? result.value : add(result.value, weights);
  });
  return {
    model: tracesOf(Object.keys(networks)),
    parameters: Object.fromEntries(Object.keys(networks).map((name) => [name, tracesOf([name]).parameters])),
    objective,
    losses,
    figures,
    target,
    metrics: Object.fromEntries(statistics),
  };
}

/** Items without those that repeat the name of one before them. */
function firstOfName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  const names = new Set<string>();
  return items.filter(({ name }) => !names.has(name) && names.add(name));
}

/** Traces as one network; where one was traced several times, its parameters and state count once. */
function merged(models: readonly TracedModel[], output: Node): TracedModel {
  if (models.length === 1 && models[0].output === output) return models[0];
  return {
    output,
    outputs: { output: { tensor: output } },
    parameters: firstOfName(models.flatMap(({ parameters }) => parameters)),
    states: firstOfName(models.flatMap(({ states }) => states)),
    observations: models.flatMap(({ observations }) => observations),
    penalties: models.flatMap(({ penalties }) => penalties),
    layers: models.flatMap(({ layers }) => layers),
    rows: firstOfName(models.flatMap(({ rows }) => rows)),
  };
}

/** The task's main objective on `batchSize` samples of `dataset`. Throws ShapeError naming the layer. */
export function forward(
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  mode: Mode,
  inputs: NetworkInputs,
  task?: Task,
): Forward {
  const indices = dataset.indices(batchSize);
  const batch = batchOf(config, dataset, indices, mode, inputs.random);
  return { ...passOf(config, batch, mode, inputs, task), indices, x: batch.fields.features };
}
