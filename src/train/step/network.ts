/** An experiment's model, loss and metrics as graph nodes on a batch of a resident dataset. */
import { type Node, streamKey, withScope } from '../../tensor/index.js';
import { BatchAugmentation, mainTarget, mixedLosses, mixTargets } from '../../nn/augmentations/batch.js';
import { lossOf, predictionOf } from '../../nn/losses/index.js';
import { figureMetrics, metricOf, namedMetrics } from '../../nn/metrics/index.js';
import { traceModel, type TracedModel } from '../../nn/model.js';
import type { RandomSource } from '../../nn/random-source.js';
import type { Variables } from '../../nn/variables.js';
import { type Dataset, gatherBatch, samplesOfBatch } from './dataset.js';
import { taskOf } from '../tasks/index.js';
import type { ExperimentConfig } from '../schema.js';
import { metricOutput } from './sums.js';

export interface Forward {
  readonly model: TracedModel;
  /** Input: the samples of the batch, i32 [batch]. */
  readonly indices: Node;
  /** The preprocessed and augmented features [batch, ...], and the targets [batch, ...] that metrics compare with. */
  readonly x: Node;
  readonly target: Node;
  /** The loss of each sample, [batch]. */
  readonly losses: Node;
  /** The statistics of each metric, summed over the batch, under the name that `metricOutput` gives. */
  readonly metrics: Readonly<Record<string, Node>>;
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

/** The network on `batchSize` samples of `dataset`. Throws ShapeError naming the layer. */
export function forward(
  config: ExperimentConfig,
  dataset: Dataset,
  batchSize: number,
  mode: Mode,
  { variables, random }: NetworkInputs,
): Forward {
  const indices = dataset.indices(batchSize);
  const configs = mode.augmented ? config.data.augment : [];
  const augmentation = new BatchAugmentation(configs, random.key, streamKey(config.seed, 'augment'), indices);
  const batch = withScope('data', () => gatherBatch(dataset, indices));
  const { x, mixture } = withScope('augmentation', () =>
    augmentation.features(samplesOfBatch(dataset, indices), () => batch.x),
  );
  const model = traceModel(config.model, x, variables, {
    ...mode,
    random,
    init: config.init,
    regularization: config.regularization,
  });
  const targets = withScope('augmentation', () => {
    const classes = Math.max(2, model.output.shape[1]);
    return mixTargets(augmentation.targets(batch.target, classes), mixture);
  });
  const losses = withScope('loss', () => {
    const loss = lossOf(config.loss);
    return mixedLosses(targets, (target) => loss.perSample(model.output, target, config.loss));
  });
  const target = mainTarget(targets);
  const statistics = withScope('metrics', () => {
    const prediction = predictionOf(config.loss, model.output, taskOf(config).reference);
    // Tables are no part of an epoch's figures.
    const measured = mode.training ? figureMetrics(config.metrics) : config.metrics;
    return namedMetrics(measured).map(({ name, config: metric }): [string, Node] => [
      metricOutput(name),
      metricOf(metric).statistics(prediction, target, metric),
    ]);
  });
  return { model, indices, x, target, losses, metrics: Object.fromEntries(statistics) };
}
