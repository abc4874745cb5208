/** The losses by the name that a config uses, and the check that a network's head fits its loss. */
import { component, type ComponentConfig } from '../../config/index.js';
import { type Node, type Shape, showShape, sizeOf } from '../../tensor/index.js';
import type { TargetInfo, Task } from '../target.js';
import { binaryCrossEntropy } from './binary-cross-entropy.js';
import { focal } from './focal.js';
import { hinge } from './hinge.js';
import { gaussianNll, poisson } from './likelihood.js';
import type { ClassCounts } from './class-weights.js';
import type { Loss } from './loss.js';
import { huber, logCosh, meanAbsoluteError, meanSquaredError, quantile } from './regression.js';
import { softmaxCrossEntropy } from './softmax-cross-entropy.js';

export type { ClassCounts } from './class-weights.js';
export type { Loss } from './loss.js';

export const losses = {
  softmax_cross_entropy: softmaxCrossEntropy,
  binary_cross_entropy: binaryCrossEntropy,
  focal,
  hinge,
  mean_squared_error: meanSquaredError,
  mean_absolute_error: meanAbsoluteError,
  huber,
  log_cosh: logCosh,
  quantile,
  poisson,
  gaussian_nll: gaussianNll,
} as const satisfies Record<string, Loss>;

export type LossConfig = ComponentConfig<typeof losses>;
export const lossSchema = component(losses);

/** The registry's entry, its parameters' types forgotten: they are those of `config`, which that entry's schema parsed. */
export const lossOf = (config: LossConfig): Loss => losses[config.type];

/** What metrics compare with the targets: the output itself for most losses, the mean for gaussian_nll, the rate for poisson. */
export const predictionOf = (config: LossConfig, output: Node, task: Task): Node =>
  lossOf(config).prediction?.(output, config, task) ?? output;

/** The config with everything as numbers that only the data can tell; or what is wrong with it. */
export function resolveLoss(config: LossConfig, counts: ClassCounts, task: Task): LossConfig | string {
  const resolved = lossOf(config).resolve?.(config, counts, task);
  // What an entry resolves has the parameters of its schema.
  return resolved === undefined || typeof resolved === 'string' ? (resolved ?? config) : { ...config, ...resolved };
}

/** A loss that does not fit the task or targets (`at: 'loss'`), or a last layer that does not fit the loss (`at: 'head'`). */
export interface LossMismatch {
  readonly at: 'loss' | 'head';
  readonly message: string;
}

/** Whether loss, targets and the network's output (the shape of one sample) fit together; undefined where they do. */
export function lossMismatch(config: LossConfig, target: TargetInfo, outputShape: Shape): LossMismatch | undefined {
  const loss = lossOf(config);
  if (!loss.tasks.includes(target.task)) {
    const fitting = Object.entries<Loss>(losses).flatMap(([name, { tasks }]) =>
      tasks.includes(target.task) ? [name] : [],
    );
    return { at: 'loss', message: `${config.type} is no loss for ${target.task}; there are ${fitting.join(', ')}` };
  }
  const sizes = loss.outputSizes(target, config);
  if (typeof sizes === 'string') return { at: 'loss', message: sizes };
  const over =
    target.classes !== undefined
      ? `over ${target.classes} classes`
      : `for ${target.size} target${target.size === 1 ? '' : 's'}`;
  const needs = `${config.type} ${over} needs ${sizes.join(' or ')}`;
  // A network that reconstructs an image ends with an image.
  if (target.task === 'reconstruction' && sizes.includes(sizeOf(outputShape))) return undefined;
  if (outputShape.length !== 1) {
    const message = `the last layer gives the shape ${showShape(outputShape)}, ${needs} unit${sizes[0] === 1 ? '' : 's'}: end with flatten and dense`;
    return { at: 'head', message };
  }
  const [units] = outputShape;
  if (sizes.includes(units)) return undefined;
  return { at: 'head', message: `the last layer gives ${units} unit${units === 1 ? '' : 's'}, ${needs}` };
}
