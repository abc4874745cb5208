/** What can be said of an experiment before it is trained: memory, how its network starts, what the lints find. */
import { statePerWeight } from '../nn/index.js';
import { measureStart, type StartStatistics } from '../train/index.js';
import { type EngineOptions, openEngine } from './engine.js';
import type { Experiment } from './experiment.js';
import { type Warning, warningsOf } from './warnings.js';

/** Bytes, and the batch size that some of them depend on. */
export interface MemoryEstimate {
  /** As the sizes of the tensors say. */
  readonly weights: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly data: number;
  readonly batch_size: number;
  /** What the tensor engine holds in training: inputs and arena of the step, their sum, and the sum with evaluation. */
  readonly inputs: number;
  readonly arena: number;
  readonly step_total: number;
  readonly run_total: number;
}

export interface ExperimentReport {
  readonly memory: MemoryEstimate;
  /** Spread of outputs and gradients before the first update. */
  readonly start: StartStatistics;
  readonly warnings: readonly Warning[];
}

/** Compiles the training step and runs it once, without an update. Throws MemoryLimitError where the network does not fit. */
export async function checkExperiment(experiment: Experiment, engine: EngineOptions): Promise<ExperimentReport> {
  const { config, data, given } = experiment;
  const session = openEngine(engine);
  try {
    const { memory, start } = await measureStart(session, config, data, given?.tensors);
    const { step, run } = memory;
    const held = { inputs: step.inputs, arena: step.scratch, step_total: step.total, run_total: run.total };
    return { memory: { ...tensorBytes(experiment), ...held }, start, warnings: warningsOf(experiment, start) };
  } finally {
    session.close();
  }
}

type TensorBytes = Pick<MemoryEstimate, 'weights' | 'optimizer' | 'activations' | 'data' | 'batch_size'>;

function tensorBytes({ config, data, rows }: Experiment): TensorBytes {
  const weights = Float32Array.BYTES_PER_ELEMENT * rows.reduce((sum, row) => sum + row.parameters, 0);
  const batchSize = Math.min(config.train.batch_size, data.train.size);
  const outputs = rows.reduce((sum, row) => sum + row.memoryBytes, 0) - weights;
  const splits = [data.train, data.val, data.test].filter((split) => split !== undefined);
  const all = splits.flatMap(({ fields }) => Object.values(fields)).filter((table) => table !== undefined);
  const tables = all.filter(({ records }) => records === undefined);
  return {
    weights,
    optimizer: statePerWeight(config.optimizer) * weights,
    activations: batchSize * outputs,
    // Splits may share a table, and an autoencoder's features are its targets.
    data: [...new Set(tables.map(({ values }) => values))].reduce((sum, values) => sum + values.byteLength, 0),
    batch_size: batchSize,
  };
}
