/**
 * Lints: valid configs that are probably mistakes, such as a softmax in front of a loss that takes logits. Each is an entry of the
 * registry, a pure function of config, data and network; `nn check` and `nn train` print what it finds, `train.ignore_lints` silences it.
 */
import type { LoadedData } from '../../data/index.js';
import type { LayerRow } from '../../nn/index.js';
import type { ExperimentConfig } from '../schema.js';
import type { StartStatistics } from '../checks/start-statistics.js';
import { taskOf } from '../tasks/index.js';
import { dataflowOf } from './dataflow.js';
import {
  constantInitialization,
  glorotWithRelu,
  heWithTanh,
  identicalUnits,
  unbalancedGradients,
  vanishingSigmoids,
} from './initial-weights.js';
import { batchNormSmallBatch, dropoutBeforeBatchNorm, dropoutOnOutput, linearStack } from './layers.js';
import { earlyStoppingOnTraining, idleEarlyStopping, moreParametersThanSamples, unusualLearningRate } from './learning.js'; // prettier-ignore
import { type LintId, lintIds } from './ids.js';
import { credential } from './credential.js';
import { indexColumn } from './index-column.js';
import type { Finding, Lint, LintContext } from './lint.js';
import { boundedOutputInRegression, lossTargetMismatch, reluOnOutput, softmaxBeforeLogitsLoss } from './output.js';
import {
  classImbalance,
  labelChangingAugmentation,
  noHeldOutData,
  testUsedForTuning,
  unscaledInputs,
} from './samples.js';
import { targetRange } from './statistics.js';
import { constantColumn, identifierColumn } from './text-columns.js';

export type { LintId } from './ids.js';

export const lints = {
  'bounded-output-in-regression': boundedOutputInRegression,
  'softmax-before-logits-loss': softmaxBeforeLogitsLoss,
  'relu-on-output': reluOnOutput,
  'loss-target-mismatch': lossTargetMismatch,
  'linear-stack': linearStack,
  'batch-norm-small-batch': batchNormSmallBatch,
  'dropout-before-batch-norm': dropoutBeforeBatchNorm,
  'dropout-on-output': dropoutOnOutput,
  'constant-initialization': constantInitialization,
  'identical-units': identicalUnits,
  'unbalanced-gradients': unbalancedGradients,
  'glorot-with-relu': glorotWithRelu,
  'he-with-tanh': heWithTanh,
  'vanishing-sigmoids': vanishingSigmoids,
  'unscaled-inputs': unscaledInputs,
  'index-column': indexColumn,
  'identifier-column': identifierColumn,
  'constant-column': constantColumn,
  'class-imbalance': classImbalance,
  'no-held-out-data': noHeldOutData,
  'test-used-for-tuning': testUsedForTuning,
  'label-changing-augmentation': labelChangingAugmentation,
  'unusual-learning-rate': unusualLearningRate,
  'more-parameters-than-samples': moreParametersThanSamples,
  'early-stopping-on-training': earlyStoppingOnTraining,
  'idle-early-stopping': idleEarlyStopping,
  credential,
} as const satisfies Record<LintId, Lint>;

export interface LintFinding extends Finding {
  readonly id: LintId;
}

/** An experiment whose model fits its data (`fitModel`). */
export interface Linted {
  readonly config: ExperimentConfig;
  readonly data: LoadedData;
  readonly rows: readonly LayerRow[];
  /** The folder that file names are relative to. */
  readonly baseDir: string;
  /** Measurements of the untrained network; without them, lints go by the config alone. */
  readonly start?: StartStatistics;
}

/** The findings that the config does not silence, in the order of the registry; each lint reports a place in the config once. */
export function lintExperiment({ config, data, rows, baseDir, start }: Linted): LintFinding[] {
  const shape = data.train.fields.features.shape;
  const context: LintContext = {
    config,
    data,
    baseDir,
    parameters: rows.reduce((sum, row) => sum + row.parameters, 0),
    training: lazily(() => dataflowOf(config, shape, true)),
    prediction: lazily(() => dataflowOf(config, shape, false)),
    reference: taskOf(config).reference,
    targets: lazily(() => targetRange(data.train)),
    ...(start && { start }),
  };
  return lintIds.flatMap((id) => {
    if (config.train.ignore_lints?.includes(id)) return [];
    const found = lints[id].find(context);
    const isFirst = ({ path }: Finding, i: number): boolean =>
      found.findIndex((other) => other.path.join() === path.join()) === i;
    return found.filter(isFirst).map((finding) => ({ id, ...finding }));
  });
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
