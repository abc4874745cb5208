/** The memory that training takes, known in advance: the tensor engine plans all of it when it compiles. */
import type { MemoryReport, Session } from '../../tensor/index.js';
import type { LoadedData } from '../../data/index.js';
import { Evaluator } from '../loop/evaluate.js';
import type { ExperimentConfig } from '../schema.js';
import type { Stepper } from '../step/stepper.js';
import { planOf } from '../loop/plan.js';

export interface TrainingMemory {
  /** Once the first step has been done: weights, optimizer state, training data, and the arena of activations and gradients. */
  readonly step: MemoryReport;
  /** At the end of a run, with what evaluation adds. */
  readonly run: MemoryReport;
}

/**
 * Runs one step, and compiles everything else that a training run would, in its order. Throws MemoryLimitError where it does not
 * fit.
 */
export function trainingMemory(
  session: Session,
  config: ExperimentConfig,
  data: LoadedData,
  stepper: Stepper,
): TrainingMemory {
  const { train, val, test } = data;
  const { batchSize, batches, totalSteps } = planOf(config, train.size);
  const first = Int32Array.from({ length: batchSize }, (_, i) => i);
  stepper.run(first, 0, config.optimizer.lr);
  const step = session.memory();
  const rest = train.size - (batches - 1) * batchSize;
  if (rest < batchSize && totalSteps >= batches) stepper.stepFor(rest);
  stepper.prepareStatistics();
  for (const [name, split] of Object.entries({ val, test })) {
    if (split === undefined) continue;
    const evaluator = new Evaluator(session, config, name, split, data, stepper.inputs);
    const size = Math.min(config.train.eval_batch_size, split.size);
    evaluator.stepFor(size);
    if (split.size % size > 0) evaluator.stepFor(split.size % size);
  }
  return { step, run: session.memory() };
}
