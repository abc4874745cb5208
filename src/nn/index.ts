/**
 * Networks: the registries of what a config can name (layers, losses, metrics, optimizers, ...) and the functions that make graph
 * nodes of them. Other folders import from here; `traceModel` is the heart.
 */
export { activate, type ActivationConfig, activations } from './activations.js';
export {
  BatchAugmentation,
  type BatchSamples,
  mainTarget,
  mixedLosses,
  mixTargets,
  type Targets,
} from './augmentations/batch.js';
export { augmentationProblems } from './augmentations/fit.js';
export { augmentations, augmentSchema } from './augmentations/index.js';
export { adaptiveClippingSchema, gradientNoiseSchema } from './clip.js';
export { constraints } from './constraints.js';
export {
  accumulate,
  addNoise,
  chain,
  clip,
  everyNth,
  type GradientFlow,
  type GradientTransformation,
  whenDue,
} from './gradient-transformations.js';
export { checkpointOf, type InitializerConfig, initializers, initSchema } from './initializers.js';
export { type ConfigPath, type LayerConfig, type LayerTrait, sampleShape } from './layer.js';
export { layers } from './layers/index.js';
export {
  type ClassCounts,
  type LossConfig,
  losses,
  lossesFor,
  lossMismatch,
  lossOf,
  lossSchema,
  predictionOf,
  resolveLoss,
} from './losses/index.js';
export {
  figureMetrics,
  isReport,
  type MetricConfig,
  metricNames,
  metricOf,
  metrics,
  metricSchema,
  metricsFor,
  namedMetrics,
  type ReportTable,
  type Statistics,
} from './metrics/index.js';
export {
  type LayerRow,
  LayerShapeError,
  mapLayers,
  type ModelConfig,
  modelSchema,
  type TracedLayer,
  type TracedModel,
  traceModel,
} from './model.js';
export { varianceOf } from './norms.js';
export { groupOf, matchesPattern, parameterGroupSchema } from './optimizers/groups.js';
export {
  type Hyperparameters,
  type Named,
  type OptimizerConfig,
  optimizerOf,
  optimizers,
  optimizerSchema,
  statePerWeight,
  type StateSpec,
} from './optimizers/index.js';
export { afterEpoch, plateauStart, type PlateauState, plateauStateSchema } from './plateau.js';
export { RandomSource } from './random-source.js';
export { afterUpdate, penalty, regularizationSchema } from './regularization.js';
export { makesZeros, regularizers } from './regularizers.js';
export { scheduleOf, schedules, scheduleSchema } from './schedules.js';
export type { ReferenceKind, TargetInfo } from './target.js';
export {
  cumulativeMean,
  type Observation,
  type Parameter,
  renamed,
  runningMean,
  type StateVariable,
  type Variables,
  VariableStore,
} from './variables.js';
