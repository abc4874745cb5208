/**
 * Training: the schema of a whole experiment, the step as one program, the loop that runs it, and the checks that a network is
 * wired correctly. Files, terminal and signals are passed in by the caller; `src/runs` keeps what the loop records.
 */
export { type Task, taskOf, type TaskName, tasks } from './tasks/index.js';
export { type Contradiction, type ExperimentConfig, experimentSchema } from './schema.js';
export { type AugmentPreview, previewAugmentation } from './checks/augment-preview.js';
export { withLossWeights } from './step/loss-weights.js';
export { givenWeights } from './step/given-weights.js';
export { embeddingIdProblems } from './checks/embedding-ids.js';
export { type DataInfo, describeData, fitModel } from './checks/fit-check.js';
export type { Lint } from './lints/lint.js';
export { lintExperiment, type LintFinding, type LintId, lints } from './lints/index.js';
export { evaluate, Evaluator } from './loop/evaluate.js';
export type { Evaluation } from './step/sums.js';
export { prepare, train, type Progress, type Recorder, type TrainOptions } from './loop/trainer.js';
export { compare, type ComparedRun, type ComparedVariant } from './comparison.js';
export { modeOf } from './loop/early-stopping.js';
export { type MeanAndSpread, meanAndSpread } from './cross-validation.js';
export { measureStart } from './checks/start.js';
export type { LayerStart, StartStatistics } from './checks/start-statistics.js';
export { planOf, type Plan } from './loop/plan.js';
export type { TrainingResult } from './loop/training-run.js';
export { TrainingError } from './loop/training-error.js';
export {
  type EpochRow,
  type Figures,
  type NamedTensor,
  RANDOM_SCHEME,
  type Snapshot,
  SnapshotError,
  type SnapshotMeta,
  readSnapshot,
  type Tensors,
} from './loop/snapshot.js';
export { overfitBatch, type OverfitOptions, type OverfitVerdict } from './checks/overfit-batch.js';
export type { Cause, CauseKind } from './checks/overfit-causes.js';
export { ProfileError, type ProfiledKernel, profileStep, type StepProfile } from './checks/profile.js';
export { gradcheck, type GradcheckOptions, type GradcheckReport, type ParameterCheck } from './checks/gradcheck.js';
