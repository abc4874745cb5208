/** Lints about the output: its activation, the loss, and the targets that both must fit. */
import { type ActivationConfig, lossOf } from '../../nn/index.js';
import { outputActivation, rangeOfActivation } from './dataflow.js';
import { type Finding, type Lint, type LintContext, show } from './lint.js';

const text = ([low, high]: readonly [number, number]): string => `values from ${show(low)} to ${show(high)}`;

/** Bounded at both ends, at one, or nowhere. */
function boundsOf(activation: ActivationConfig): { range: readonly [number, number]; bounds: 0 | 1 | 2 } {
  const range = rangeOfActivation(activation);
  return { range, bounds: range.filter(Number.isFinite).length as 0 | 1 | 2 };
}

/** Softmax over a single unit is always 1. */
const isConstantSoftmax = (context: LintContext, activation: ActivationConfig): boolean =>
  activation.type === 'softmax' && context.prediction().output?.layer.output.shape.at(-1) === 1;

/** How far outside a target may lie: sigmoid and tanh reach their limits only at infinity, and there is rounding. */
const SLACK = 1e-3;

const reaches = ([low, high]: readonly [number, number], { min, max }: { min: number; max: number }): boolean =>
  min >= low - SLACK && max <= high + SLACK;

export const softmaxBeforeLogitsLoss: Lint = {
  description: 'a softmax, sigmoid or tanh on the output of a network whose loss takes logits',
  reason:
    'Losses on logits apply softmax or sigmoid themselves, in a numerically stable form. If the network squashes its output first, ' +
    'differences between classes stay small: the loss cannot approach 0, and gradients are weak.',
  find(context) {
    const { loss } = context.config;
    const end = outputActivation(context.prediction());
    if (lossOf(loss).output !== 'logits' || end === undefined) return [];
    const { range, bounds } = boundsOf(end.activation);
    if (bounds !== 2) return [];
    const message = `the output ends in ${end.activation.type}, and ${loss.type} takes logits: given only ${text(range)}, it cannot approach 0`;
    return [{ path: end.step.activationPath, message, fix: `remove the ${end.activation.type}` }];
  },
};

export const boundedOutputInRegression: Lint = {
  description: 'a sigmoid, softmax or tanh at the end of a regression whose targets it cannot reach',
  reason:
    'Predicted numbers can be of any size, so a regression network normally ends without an activation. It can never predict values ' +
    'outside the range of the last activation, and near the limits of that range the gradient vanishes.',
  find(context) {
    const { config, reference } = context;
    const end = outputActivation(context.prediction());
    if (reference !== 'numbers' || end === undefined) return [];
    const { type } = end.activation;
    const found = (message: string): Finding[] => [{ path: end.step.activationPath, message, fix: `remove the ${type}` }]; // prettier-ignore
    if (isConstantSoftmax(context, end.activation)) return found('softmax over a single unit is always 1');
    const { range, bounds } = boundsOf(end.activation);
    if (bounds !== 2) return [];
    if (lossOf(config.loss).output === 'distribution') {
      return found(`the output ends in ${type}, and ${config.loss.type} takes parameters of a distribution, which can be any number`); // prettier-ignore
    }
    const targets = context.targets();
    if (reaches(range, targets)) return [];
    return found(`${type} gives ${text(range)}, but the training targets range from ${show(targets.min)} to ${show(targets.max)}`); // prettier-ignore
  },
};

export const reluOnOutput: Lint = {
  description: 'a relu on the output (or gelu, silu or softplus if it does not fit)',
  reason:
    'A ReLU cannot output negative values, and where it outputs 0 it passes no gradient back: an output unit that is 0 for all samples ' +
    'never recovers. For positive targets, softplus or a loss on the logarithm works better.',
  find(context) {
    const { config, reference } = context;
    const end = outputActivation(context.prediction());
    if (end === undefined) return [];
    const { output } = lossOf(config.loss);
    const { type } = end.activation;
    const { range, bounds } = boundsOf(end.activation);
    if (bounds !== 1) return [];
    const consequence =
      output === 'logits'
        ? `${config.loss.type} takes logits, which are negative about half of the time`
        : output === 'distribution'
          ? `${config.loss.type} takes parameters of a distribution, which can be any number`
          : !reaches(range, context.targets())
            ? `the training targets go down to ${show(context.targets().min)}`
            : type === 'relu'
              ? 'a unit that outputs 0 for all samples gets no gradient and never recovers'
              : undefined;
    if (consequence === undefined) return [];
    const positive = reference === 'numbers' && context.targets().min >= 0;
    const fix = positive && type === 'relu' ? 'remove the relu or use softplus' : `remove the ${type}`;
    return [{ path: end.step.activationPath, message: `the output ends in ${type}: ${consequence}`, fix }];
  },
};

/** With a delta below this share of the targets' spread, nearly every early residual is in the linear part of huber. */
const SMALLEST_DELTA = 0.05;
/** Optimizer steps and initial weights assume numbers around 1. */
const [SMALLEST_TARGETS, LARGEST_TARGETS] = [1e-3, 1e3];

export const lossTargetMismatch: Lint = {
  description: 'a loss that does not fit the range of the training targets',
  reason:
    'Poisson needs counts, huber a delta on the scale of the targets, and regression more than two distinct targets. Initial weights ' +
    `and learning rates assume numbers around 1: targets larger than ${LARGEST_TARGETS} (or smaller than ${SMALLEST_TARGETS}) make the ` +
    'first losses and gradients too large (or too small) by as much.',
  find(context) {
    const { loss } = context.config;
    if (context.reference !== 'numbers') return [];
    const { min, max, mean, std, distinct } = context.targets();
    const found = (message: string, fix: string, path: Finding['path'] = ['loss']): Finding[] => [
      { path, message, fix },
    ];
    if (loss.type === 'poisson') {
      if (min >= 0) return [];
      return found(`poisson takes counts, but the training targets go down to ${show(min)}`, 'use mean_squared_error or gaussian_nll'); // prettier-ignore
    }
    if (distinct.length === 2) {
      return found(
        `the training targets have only two values, ${show(min)} and ${show(max)}, which looks like two classes`,
        'set task: classification',
        ['task'],
      );
    }
    if (loss.type === 'huber' && loss.delta < SMALLEST_DELTA * std) {
      return found(
        `delta ${show(loss.delta)} is small compared with the spread of the targets (standard deviation ${show(std)}), which makes huber an absolute error`,
        `set delta to the size of a typical residual, such as ${show(std)}, or use mean_absolute_error`,
        ['loss', 'delta'],
      );
    }
    const size = Math.hypot(mean, std);
    if (size > LARGEST_TARGETS || (size < SMALLEST_TARGETS && size > 0)) {
      const consequence = size > 1 ? 'the first losses and gradients are huge' : 'the loss barely moves the weights';
      return found(
        `the training targets have a root mean square of ${show(size)}, but the network's outputs start near 1: ${consequence}`,
        'rescale the targets so that they are near 1',
        ['data', 'source'],
      );
    }
    return [];
  },
};
