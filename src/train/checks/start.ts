/** What `nn check` learns by running a network: its memory in training, and its initial statistics. */
import type { Session } from '../../tensor/index.js';
import type { LoadedData } from '../../data/index.js';
import type { ExperimentConfig } from '../schema.js';
import { trainingMemory, type TrainingMemory } from './memory.js';
import { planOf } from '../loop/plan.js';
import type { Tensors } from '../loop/snapshot.js';
import { startStatistics, type StartStatistics } from './start-statistics.js';
import { Stepper } from '../step/stepper.js';

/**
 * The memory that training takes, and its initial statistics; `given` are weights that are not drawn. Throws
 * MemoryLimitError where it does not fit, ShapeError naming the layer.
 */
export async function measureStart(
  session: Session,
  config: ExperimentConfig,
  data: LoadedData,
  given?: Tensors,
): Promise<{ readonly memory: TrainingMemory; readonly start: StartStatistics }> {
  const { train, affine } = data;
  const { batchSize } = planOf(config, train.size);
  const stepper = new Stepper(session, config, train, batchSize, { affine });
  await stepper.initialize(given);
  const memory = trainingMemory(session, config, data, stepper);
  // Measuring memory ran a step, which changed the weights.
  await stepper.initialize(given);
  return { memory, start: await startStatistics(session, config, data, stepper) };
}
