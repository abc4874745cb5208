/**
 * Training: the schema of a whole experiment, the step as one program, the loop that runs it, and the checks that a network is
 * wired correctly. Files, terminal and signals are passed in by the caller; `src/runs` keeps what the loop records.
 */
export { type Contradiction, type ExperimentConfig, experimentSchema } from './experiment.js';
export { type AugmentPreview, previewAugmentation } from './augment-preview.js';
export { withLossWeights } from './loss-weights.js';
export { givenWeights } from './given-weights.js';
export { type DataInfo, describeData, fitModel } from './fit-check.js';
export type { Lint } from './lints/lint.js';
export { lintExperiment, type LintFinding, type LintId, lints } from './lints/index.js';
export { evaluate, Evaluator } from './evaluate.js';
export type { Evaluation } from './sums.js';
export { prepare, train, type Progress, type Recorder, type TrainOptions } from './trainer.js';
export { compare, type ComparedRun, type ComparedVariant } from './comparison.js';
export { modeOf } from './early-stopping.js';
export { type MeanAndSpread, meanAndSpread } from './cross-validation.js';
export { measureStart } from './start.js';
export type { LayerStart, StartStatistics } from './start-statistics.js';
export { planOf, type Plan } from './plan.js';
export type { TrainingResult } from './training-run.js';
export { TrainingError } from './training-error.js';
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
} from './snapshot.js';
export { overfitBatch, type OverfitOptions, type OverfitVerdict } from './overfit-batch.js';
export type { Cause, CauseKind } from './overfit-causes.js';
export { ProfileError, type ProfiledKernel, profileStep, type StepProfile } from './profile.js';
export { gradcheck, type GradcheckOptions, type GradcheckReport, type ParameterCheck } from './gradcheck.js';
