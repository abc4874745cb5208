/** An experiment's model, loss and metrics as graph nodes on a batch of a resident dataset. */
import { input, type Node, withScope } from '../tensor/index.js';
import { lossOf, predictionOf } from '../nn/losses/index.js';
import { metricOf } from '../nn/metrics/index.js';
import { traceModel, type TracedModel } from '../nn/model.js';
import { RandomSource } from '../nn/random-source.js';
import { type Dataset, gatherBatch } from './dataset.js';
import type { ExperimentConfig } from './experiment.js';

export interface Forward {
  readonly model: TracedModel;
  /** Input: the samples of the batch, i32 [batch]. */
  readonly indices: Node;
  /** Input: the random key of the step, u32 [2]. */
  readonly randomKey: Node;
  /** The preprocessed features [batch, ...] and the targets [batch, ...]. */
  readonly x: Node;
  readonly target: Node;
  /** The loss of each sample, [batch]. */
  readonly losses: Node;
  /** For each metric its statistics, summed over the batch. */
  readonly statistics: readonly Node[];
}

/** What is at work in a graph beside the forward pass. */
export interface Mode {
  /** Batch statistics where layers distinguish them. */
  readonly training: boolean;
  /** Dropout and noise. */
  readonly stochastic: boolean;
  /** What the inputs that hold the weights begin with, for weights that are kept twice. */
  readonly weightPrefix?: string;
}

/** The network on `batchSize` samples of `dataset`. Throws ShapeError naming the layer. */
export function forward(config: ExperimentConfig, dataset: Dataset, batchSize: number, mode: Mode): Forward {
  const indices = input('batch.indices', [batchSize], 'i32');
  const { x, target } = withScope('data', () => gatherBatch(dataset, indices));
  const random = new RandomSource();
  const model = traceModel(config.model, x, {
    ...mode,
    random,
    init: config.init,
    regularization: config.regularization,
  });
  const losses = withScope('loss', () => lossOf(config.loss).perSample(model.output, target, config.loss));
  const statistics = withScope('metrics', () => {
    const prediction = predictionOf(config.loss, model.output);
    return config.metrics.map((metric) => metricOf(metric).statistics(prediction, target, metric));
  });
  return { model, indices, randomKey: random.key, x, target, losses, statistics };
}
