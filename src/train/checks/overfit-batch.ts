/**
 * `overfit-batch`: can this network learn one batch by heart? Dropout, noise, penalties, constraints, label smoothing and shuffling are off and
 * the rate is constant, so a network that is wired correctly brings the loss to (nearly) zero. Where it does not, the verdict says
 * why.
 */
import type { Session } from '../../tensor/index.js';
import { type Affine, type LoadedData, sampleOf, type Split } from '../../data/index.js';
import { isReport, type MetricConfig, metricOf } from '../../nn/metrics/index.js';
import type { LayerConfig } from '../../nn/layer.js';
import { mapLayers } from '../../nn/model.js';
import { reconstructs } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { type Cause, causesOf, isMiswired, type Trajectory } from './overfit-causes.js';
import { probe } from './overfit-probe.js';
import type { Tensors } from '../loop/snapshot.js';
import { isFailed, Stepper, type StepValues } from '../step/stepper.js';
import { metricOutput } from '../step/sums.js';

/** What a classification must reach: a mean loss below this, and every sample right. */
export const LOSS_THRESHOLD = 0.05;
/** What a regression must reach: a mean squared error below this share of the variance of the batch's targets. */
export const VARIANCE_THRESHOLD = 0.01;
/** Steps without a better loss, by one part in a hundred, after which there is no more hope. */
const STALLED_AFTER = 200;
/** Steps after which a rate of zero, or identical or dead units, have shown that they stay so. */
const STEPS_OF_PROOF = 50;

export interface OverfitVerdict {
  readonly ok: boolean;
  /** The mean loss of the batch at the last step. */
  readonly loss: number;
  /** What was measured against the threshold: `loss`, or `mean_squared_error` for a regression. */
  readonly measure: 'loss' | 'mean_squared_error';
  readonly value: number;
  readonly threshold: number;
  /** Share of the batch that is classified right; absent for a regression. */
  readonly accuracy?: number;
  readonly initialLoss: number;
  readonly steps: number;
  readonly samples: number;
  /** Why not, the likeliest first; empty where all is well. */
  readonly causes: readonly Cause[];
}

export interface OverfitOptions {
  /** Weights that training would begin with, by name; the others are drawn. */
  readonly given?: Tensors;
  readonly maxSteps?: number;
  progress?(step: number, loss: number): void;
  shouldStop?(): boolean;
}

/** Whether the network decides on classes or labels, so that each answer is right or wrong. */
const decides = ({ task }: ExperimentConfig): boolean => task === 'classification' || task === 'multilabel';

/** The experiment without anything that keeps a network from learning its batch by heart. */
export function withoutRegularization(config: ExperimentConfig): ExperimentConfig {
  const { loss, optimizer } = config;
  return {
    ...config,
    loss: 'label_smoothing' in loss ? { ...loss, label_smoothing: 0 } : loss,
    metrics: [decides(config) ? { type: 'accuracy' } : { type: 'rmse' }],
    regularization: { l1: 0, l2: 0 },
    model: { ...config.model, layers: [...mapLayers(config.model.layers, withoutOwnRegularization)] },
    optimizer: 'weight_decay' in optimizer ? { ...optimizer, weight_decay: 0 } : optimizer,
    train: { ...config.train, shuffle: false },
  };
}

const unregularized: Readonly<Record<string, unknown>> = { regularizer: undefined, constraint: undefined };

const withoutOwnRegularization = (layer: LayerConfig): LayerConfig => ({
  ...layer,
  ...(layer.type === 'activity_regularization' ? { l1: 0, l2: 0 } : unregularized),
});

/** Trains on the first `batch_size` training samples until they are known by heart, or there is no more hope. */
export async function overfitBatch(
  session: Session,
  experiment: ExperimentConfig,
  data: LoadedData,
  options: OverfitOptions = {},
): Promise<OverfitVerdict> {
  const { maxSteps = 2000 } = options;
  const config = withoutRegularization(experiment);
  const { train: split, affine } = data;
  const batchSize = Math.min(config.train.batch_size, split.size);
  const rate = config.optimizer.lr;
  const stepper = new Stepper(session, config, split, batchSize, { affine, stochastic: false });
  await stepper.initialize(options.given);
  const indices = Int32Array.from({ length: batchSize }, (_, i) => i);
  const before = await probe(session, config, stepper, indices);

  const [metric] = config.metrics;
  const isClassification = decides(config);
  const threshold = isClassification ? LOSS_THRESHOLD : VARIANCE_THRESHOLD * varianceOf(split, batchSize, affine);
  const losses: number[] = [];
  let failure: Trajectory['failure'];
  let figure = NaN;
  let reached = false;
  let best = { loss: Infinity, step: 0 };
  const hopeless = (step: number): boolean =>
    step - best.step >= STALLED_AFTER || (step >= STEPS_OF_PROOF && (rate === 0 || isMiswired(before)));
  for (let step = 0; step < maxSteps && !reached && !hopeless(step) && !options.shouldStop?.(); step++) {
    const outputs = await stepper.run(indices, step, rate).read();
    if (isFailed(outputs)) {
      failure = await stepper.diagnose(indices, step, rate);
      break;
    }
    const loss = outputs.loss[0] / batchSize;
    figure = figureOf(outputs, metric);
    losses.push(loss);
    if (loss < 0.99 * best.loss) best = { loss, step };
    reached = isClassification ? loss < threshold && figure === 1 : figure ** 2 < threshold;
    options.progress?.(step + 1, loss);
    // Signals have their turn: a step of a large network takes a while.
    await new Promise((resolve) => setImmediate(resolve));
  }

  const after = failure === undefined ? await probe(session, config, stepper, indices) : undefined;
  const causes = causesOf({ config, rate, reached, losses, failure, before, after, split, batchSize });
  const loss = losses.at(-1) ?? NaN;
  return {
    ok: reached && causes.length === 0,
    loss,
    ...(isClassification
      ? { measure: 'loss', value: loss, accuracy: figure }
      : { measure: 'mean_squared_error', value: figure ** 2 }),
    threshold,
    initialLoss: losses[0] ?? NaN,
    steps: losses.length,
    samples: batchSize,
    causes,
  };
}

/** The metric of a step's batch. */
function figureOf(outputs: StepValues, metric: MetricConfig): number {
  const entry = metricOf(metric);
  const values = outputs[metricOutput(metric.type)];
  return isReport(entry) ? NaN : entry.finalize({ values, width: values.length }, metric);
}

/** The variance of the first `count` samples' targets, averaged over the targets of a sample. */
function varianceOf(split: Split, count: number, affine: Affine | undefined): number {
  const { targets } = split;
  // Features that the step maps are reconstructed as they are then.
  const scale = reconstructs(split) && affine !== undefined ? affine.scale : [1];
  const width = targets.shape.reduce((a, b) => a * b, 1);
  let total = 0;
  for (let column = 0; column < width; column++) {
    const values = Array.from({ length: count }, (_, i) => sampleOf(targets, i)[column]);
    const mean = values.reduce((a, b) => a + b, 0) / count;
    total += (values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count) * scale[column % scale.length] ** 2;
  }
  return total / width;
}
