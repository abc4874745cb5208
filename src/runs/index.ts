// What a run leaves on disk and how it is read back: the run directory with its config, provenance, metrics,
// checkpoints, summary and log. Everything that touches files of a run is here; src/train does not depend
// on it.
export { writeFileAtomic } from './atomic-file.js';
export { CheckpointError } from './checkpoint-error.js';
export { loadCheckpoint, saveCheckpoint, type Checkpoint } from './checkpoint.js';
export { FileWriteError } from './file-error.js';
export type { Json } from './json.js';
export {
  appendMetricsRow,
  metricsColumns,
  readMetrics,
  truncateMetricsAfter,
  type MetricsRow,
  type MetricsTable,
} from './metrics-csv.js';
export {
  addResumption,
  readEnvironment,
  collectProvenance,
  type EngineProvenance,
  type GitState,
  gitState,
  writeProvenance,
  type Provenance,
  type RunProvenance,
} from './provenance.js';
export { RunDirectoryError } from './run-directory-error.js';
export { foldPath, RunDirectory, runPaths, type RunPaths } from './run-directory.js';
export type { SafetensorsDtype, StoredTensor, TensorValues } from './safetensors.js';
export { hasFinished, isResumable } from './run-status.js';
export { type CrossValidationSummary, readSummary, type Summary, writeSummary } from './summary.js';
export { packageVersion } from './version.js';
