/** The losses by the name that a config uses, and the check that a network's head fits its loss. */
import { component, type ComponentConfig } from '../../config/index.js';
import { type Node, type Shape, showShape, sizeOf } from '../../tensor/index.js';
import { type ReferenceKind, referenceNames, type TargetInfo } from '../target.js';
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

/** The losses that can compare an output with `kind`. */
export const lossesFor = (kind: ReferenceKind): string[] =>
  Object.entries<Loss>(losses).flatMap(([name, { targets }]) => (targets.includes(kind) ? [name] : []));

/** What metrics compare with the targets: the output itself for most losses, the mean for gaussian_nll, the rate for poisson. */
export const predictionOf = (config: LossConfig, output: Node, kind: ReferenceKind): Node =>
  lossOf(config).prediction?.(output, config, kind) ?? output;

/** The config with data-dependent parameters, such as balanced weights, resolved to numbers; or an error message. */
export function resolveLoss(config: LossConfig, counts: ClassCounts, kind: ReferenceKind): LossConfig | string {
  const resolved = lossOf(config).resolve?.(config, counts, kind);
  // What an entry resolves has the parameters of its schema.
  return resolved === undefined || typeof resolved === 'string' ? (resolved ?? config) : { ...config, ...resolved };
}

/** A loss that does not fit the targets (`at: 'loss'`), or a last layer that does not fit the loss (`at: 'head'`). */
export interface LossMismatch {
  readonly at: 'loss' | 'head';
  readonly message: string;
}

/** Whether loss, targets and the network's output (the shape of one sample) fit together; undefined where they do. */
export function lossMismatch(config: LossConfig, target: TargetInfo, outputShape: Shape): LossMismatch | undefined {
  const loss = lossOf(config);
  if (!loss.targets.includes(target.kind)) {
    const message = `${config.type} does not fit ${referenceNames[target.kind]}; use one of ${lossesFor(target.kind).join(', ')}`;
    return { at: 'loss', message };
  }
  const sizes = loss.outputSizes(target, config);
  if (typeof sizes === 'string') return { at: 'loss', message: sizes };
  const over =
    target.classes !== undefined
      ? `over ${target.classes} classes`
      : `for ${target.size} target${target.size === 1 ? '' : 's'}`;
  const needs = `${config.type} ${over} needs ${sizes.join(' or ')}`;
  // A network that reconstructs an image ends with an image.
  if (target.kind === 'features' && sizes.includes(sizeOf(outputShape))) return undefined;
  if (outputShape.length !== 1) {
    const message = `the last layer gives the shape ${showShape(outputShape)}, ${needs} unit${sizes[0] === 1 ? '' : 's'}: end with flatten and dense`;
    return { at: 'head', message };
  }
  const [units] = outputShape;
  if (sizes.includes(units)) return undefined;
  return { at: 'head', message: `the last layer gives ${units} unit${units === 1 ? '' : 's'}, ${needs}` };
}
