/** How much memory a run takes, known before its first step because nothing is allocated later. */
import type { MemoryReport, Session } from '../tensor/index.js';
import type { LoadedData } from '../data/index.js';
import { Evaluator } from './evaluate.js';
import type { ExperimentConfig } from './experiment.js';
import { Stepper } from './stepper.js';
import { planOf } from './training-run.js';

/** Compiles everything that a training run would. Throws MemoryLimitError where it does not fit, ShapeError naming the layer. */
export function trainingMemory(session: Session, config: ExperimentConfig, data: LoadedData): MemoryReport {
  const { train, val, test, affine } = data;
  const { batchSize } = planOf(config, train.size);
  // The smaller last batch of an epoch needs less, and shares its memory.
  new Stepper(session, config, train, batchSize, { affine }).stepFor(batchSize);
  for (const [name, split] of Object.entries({ val, test })) {
    if (split === undefined) continue;
    const evaluator = new Evaluator(session, config, name, split, affine);
    evaluator.stepFor(Math.min(config.train.eval_batch_size, split.size));
  }
  return session.memory();
}
