/** Lints of the network's end: its activation, the loss behind it, and the targets that both must reach. */
import { type ActivationConfig } from '../../nn/activations.js';
import { lossOf } from '../../nn/losses/index.js';
import { outputActivation, rangeOfActivation } from './dataflow.js';
import { type Finding, type Lint, type LintContext, show } from './lint.js';

const text = ([low, high]: readonly [number, number]): string => `values from ${show(low)} to ${show(high)}`;

/** Bounded at both ends, at one, or nowhere. */
function boundsOf(activation: ActivationConfig): { range: readonly [number, number]; bounds: 0 | 1 | 2 } {
  const range = rangeOfActivation(activation);
  return { range, bounds: range.filter(Number.isFinite).length as 0 | 1 | 2 };
}

/** Softmax over one unit is 1, whatever the network does. */
const isConstantSoftmax = (context: LintContext, activation: ActivationConfig): boolean =>
  activation.type === 'softmax' && context.prediction().output?.layer.output.shape.at(-1) === 1;

/** How far a target may lie outside: the ends of sigmoid and tanh are reached only at infinity, and rounding adds to that. */
const SLACK = 1e-3;

const reaches = ([low, high]: readonly [number, number], { min, max }: { min: number; max: number }): boolean =>
  min >= low - SLACK && max <= high + SLACK;

export const softmaxBeforeLogitsLoss: Lint = {
  description: 'a softmax, sigmoid or tanh at the end of a network whose loss takes logits',
  reason:
    'The classification losses apply softmax or sigmoid themselves, in a form that stays exact. Fed with values squeezed before, ' +
    'they see only small differences between classes: the loss cannot come near 0, and gradients are small.',
  find(context) {
    const { loss } = context.config;
    const end = outputActivation(context.prediction());
    if (lossOf(loss).output !== 'logits' || end === undefined) return [];
    const { range, bounds } = boundsOf(end.activation);
    if (bounds !== 2) return [];
    const message = `the output ends in ${end.activation.type}, and ${loss.type} takes logits: it sees only ${text(range)} and cannot come near 0`;
    return [{ path: end.step.activationPath, message, fix: `remove the ${end.activation.type}` }];
  },
};

export const boundedOutputInRegression: Lint = {
  description: 'a sigmoid, softmax or tanh at the end of a regression whose targets it cannot reach',
  reason:
    'A regression gives numbers of any size, so it ends without activation. Values beyond the range of the last activation can ' +
    'never be predicted, and near its ends the gradient vanishes.',
  find(context) {
    const { config, reference } = context;
    const end = outputActivation(context.prediction());
    if (reference !== 'numbers' || end === undefined) return [];
    const { type } = end.activation;
    const found = (message: string): Finding[] => [{ path: end.step.activationPath, message, fix: `remove the ${type}` }]; // prettier-ignore
    if (isConstantSoftmax(context, end.activation))
      return found('softmax over one unit is 1, whatever the network does');
    const { range, bounds } = boundsOf(end.activation);
    if (bounds !== 2) return [];
    if (lossOf(config.loss).output === 'distribution') {
      return found(`the output ends in ${type}, and ${config.loss.type} takes parameters of a distribution, which can be any number`); // prettier-ignore
    }
    const targets = context.targets();
    if (reaches(range, targets)) return [];
    return found(`${type} gives ${text(range)}, and the training targets go from ${show(targets.min)} to ${show(targets.max)}`); // prettier-ignore
  },
};

export const reluOnOutput: Lint = {
  description: 'a ReLU (or gelu, silu, softplus where it does not fit) on the output',
  reason:
    'A ReLU cannot give negative values, and where it gives 0 no gradient comes back: an output unit that is 0 for all samples ' +
    'never learns again. For positive targets softplus or a loss on the logarithm does better.',
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
        ? `${config.loss.type} takes logits, which are negative as often as not`
        : output === 'distribution'
          ? `${config.loss.type} takes parameters of a distribution, which can be any number`
          : !reaches(range, context.targets())
            ? `the training targets go down to ${show(context.targets().min)}`
            : type === 'relu'
              ? 'a unit that gives 0 for all samples gets no gradient and stays there'
              : undefined;
    if (consequence === undefined) return [];
    const positive = reference === 'numbers' && context.targets().min >= 0;
    const fix = positive && type === 'relu' ? 'remove the relu, or use softplus' : `remove the ${type}`;
    return [{ path: end.step.activationPath, message: `the output ends in ${type}: ${consequence}`, fix }];
  },
};

/** Below this share of the targets' spread nearly every early residual is in huber's linear part. */
const SMALLEST_DELTA = 0.05;
/** The step of an optimizer and the initial weights are made for numbers around 1. */
const [SMALLEST_TARGETS, LARGEST_TARGETS] = [1e-3, 1e3];

export const lossTargetMismatch: Lint = {
  description: 'a loss that does not fit the range of the training targets',
  reason:
    'Poisson needs counts, huber a delta on the scale of the targets, and a regression more than two different targets. Weights ' +
    `and steps are made for numbers around 1, so targets whose size is beyond ${LARGEST_TARGETS} (or below ${SMALLEST_TARGETS}) make ` +
    'the first losses and gradients as much too large (or small).',
  find(context) {
    const { loss } = context.config;
    if (context.reference !== 'numbers') return [];
    const { min, max, mean, std, distinct } = context.targets();
    const found = (message: string, fix: string, path: Finding['path'] = ['loss']): Finding[] => [
      { path, message, fix },
    ];
    if (loss.type === 'poisson') {
      if (min >= 0) return [];
      return found(`poisson takes counts, and the training targets go down to ${show(min)}`, 'use mean_squared_error or gaussian_nll'); // prettier-ignore
    }
    if (distinct.length === 2) {
      return found(
        `the training targets have only the two values ${show(min)} and ${show(max)}, as classes have`,
        'set task: classification',
        ['task'],
      );
    }
    if (loss.type === 'huber' && loss.delta < SMALLEST_DELTA * std) {
      return found(
        `delta ${show(loss.delta)} is small beside the spread of the targets (standard deviation ${show(std)}): huber is the absolute error then`,
        `set delta near the size of usual residuals, such as ${show(std)}, or use mean_absolute_error`,
        ['loss', 'delta'],
      );
    }
    const size = Math.hypot(mean, std);
    if (size > LARGEST_TARGETS || (size < SMALLEST_TARGETS && size > 0)) {
      const consequence = size > 1 ? 'the first losses and gradients are huge' : 'the loss hardly moves the weights';
      return found(
        `the training targets are of size ${show(size)} (root mean square), and the network starts near 1: ${consequence}`,
        'give the targets in a unit in which they are near 1',
        ['data', 'source'],
      );
    }
    return [];
  },
};
