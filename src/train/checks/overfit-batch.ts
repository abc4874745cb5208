/**
 * `overfit-batch`: can this network fit a single batch? Dropout, noise, penalties, constraints, label smoothing and shuffling are off
 * and the learning rate is constant, so a correctly wired network drives the loss to (nearly) zero. If it does not, the verdict says why.
 */
import type { Session } from '../../tensor/index.js';
import type { LoadedData } from '../../data/index.js';
import { isReport, type LayerConfig, layers, mapLayers, type MetricConfig, metricOf } from '../../nn/index.js';
import { reconstructs, referenceOf } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { type BatchFit, taskOf } from '../tasks/index.js';
import { type Cause, causesOf, isMiswired, type Trajectory } from './overfit-causes.js';
import { probe } from './overfit-probe.js';
import type { Tensors } from '../loop/snapshot.js';
import { isFailed, Stepper, type StepValues } from '../step/stepper.js';
import { metricOutput } from '../step/sums.js';

/** Slow optimizers are given time, as long as the loss falls. */
const MOST_STEPS = 5000;
/** Give up after this many steps in which the loss has not improved by one percent. */
const STALLED_AFTER = 200;
/** After this many steps a learning rate of zero, or identical or dead units, will not change any more. */
const STEPS_OF_PROOF = 50;

/** `value` is what the task measures against `threshold`. */
export interface OverfitVerdict extends BatchFit {
  readonly ok: boolean;
  /** `undecided` where the steps were used up, the loss was still falling, and nothing is known to be wrong. */
  readonly verdict: 'ok' | 'failed' | 'undecided';
  /** The mean loss of the batch at the last step. */
  readonly loss: number;
  readonly threshold: number;
  readonly initialLoss: number;
  readonly steps: number;
  readonly samples: number;
  /** Why the batch was not fitted, the most likely cause first; empty if it was. */
  readonly causes: readonly Cause[];
}

export interface OverfitOptions {
  /** Weights to start from, by name; the others are drawn. */
  readonly given?: Tensors;
  readonly maxSteps?: number;
  progress?(step: number, loss: number): void;
  shouldStop?(): boolean;
}

/** The experiment without anything that keeps a network from fitting its batch. */
export function withoutRegularization(config: ExperimentConfig): ExperimentConfig {
  const { loss, optimizer } = config;
  return {
    ...config,
    loss: 'label_smoothing' in loss ? { ...loss, label_smoothing: 0 } : loss,
    metrics: [taskOf(config).fit.metric],
    regularization: { l1: 0, l2: 0 },
    model: { ...config.model, layers: [...mapLayers(config.model.layers, withoutOwnRegularization)] },
    optimizer: 'weight_decay' in optimizer ? { ...optimizer, weight_decay: 0 } : optimizer,
    train: { ...config.train, shuffle: false },
  };
}

const unregularized: Readonly<Record<string, unknown>> = { regularizer: undefined, constraint: undefined };

const withoutOwnRegularization = (layer: LayerConfig): LayerConfig => ({
  ...layer,
  ...(layers[layer.type].traits?.includes('only_penalizes') ? { l1: 0, l2: 0 } : unregularized),
});

/** Trains on the first `batch_size` training samples until they are fitted or progress has stopped. */
export async function overfitBatch(
  session: Session,
  experiment: ExperimentConfig,
  data: LoadedData,
  options: OverfitOptions = {},
): Promise<OverfitVerdict> {
  const { maxSteps = MOST_STEPS } = options;
  const config = withoutRegularization(experiment);
  const { train: split, affine } = data;
  const batchSize = Math.min(config.train.batch_size, split.size);
  const rate = config.optimizer.lr;
  const stepper = new Stepper(session, config, split, batchSize, { affine, stochastic: false });
  await stepper.initialize(options.given);
  const indices = Int32Array.from({ length: batchSize }, (_, i) => i);
  const before = await probe(session, config, stepper, indices);

  const { fit } = taskOf(config);
  // Features that the step maps are reconstructed as they are then.
  const threshold = fit.threshold(referenceOf(split), batchSize, reconstructs(split) ? affine : undefined);
  const losses: number[] = [];
  let failure: Trajectory['failure'];
  let fitted = fit.measure(NaN, NaN);
  let reached = false;
  let best = { loss: Infinity, step: 0 };
  const hopeless = (step: number): boolean =>
    step - best.step >= STALLED_AFTER || (step >= STEPS_OF_PROOF && (rate === 0 || isMiswired(before)));
  for (let step = 0; step < maxSteps && !reached && !hopeless(step) && !options.shouldStop?.(); step++) {
    // The batch is all there is, so its gradient is not accumulated over further ones.
    const outputs = await stepper.run(indices, step, rate, true).read();
    if (isFailed(outputs)) {
      failure = await stepper.diagnose(indices, step, rate);
      break;
    }
    const loss = outputs.loss[0] / batchSize;
    fitted = fit.measure(loss, figureOf(outputs, fit.metric));
    losses.push(loss);
    if (loss < 0.99 * best.loss) best = { loss, step };
    reached = fitted.value < threshold && (fitted.accuracy ?? 1) === 1;
    options.progress?.(step + 1, loss);
    // Yield to signal handlers: a step of a large network takes a while.
    await new Promise((resolve) => setImmediate(resolve));
  }

  const after = failure === undefined ? await probe(session, config, stepper, indices) : undefined;
  const causes = causesOf({ config, rate, reached, losses, failure, before, after, split, batchSize });
  const loss = losses.at(-1) ?? NaN;
  const ok = reached && causes.length === 0;
  const isFalling = losses.length === maxSteps && losses.length - best.step < STALLED_AFTER;
  const isOpen = !ok && isFalling && causes.every(({ kind }) => kind === 'learning_rate_too_low' || kind === 'stuck');
  return {
    ok,
    verdict: ok ? 'ok' : isOpen ? 'undecided' : 'failed',
    loss,
    ...fitted,
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
