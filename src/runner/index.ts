/**
 * What can be done with an experiment, as functions: train, resume, cross-validate, compare, and what they are made of. Nothing here
 * knows a terminal: callers pass listeners and an AbortSignal, and get results.
 */
export { checkExperiment } from './check.js';
export {
  compareFiles,
  type Comparison,
  FigureError,
  type FinishedRun,
  type RunningEvent,
  type VariantEvent,
} from './compare.js';
export { type EngineOptions, openEngine } from './engine.js';
export type { LoadedEvent, RunEvent } from './events.js';
export { cachedLoad, type Experiment, loadExperiment } from './experiment.js';
export type { RunOptions } from './run.js';
export { resumeRun, trainFile } from './train.js';
export { formatWarnings, type Warning, warningsOf } from './warnings.js';
export { type Evaluated, evaluateCheckpoints, EvaluationError } from './evaluate.js';
