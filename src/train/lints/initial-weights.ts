/** Lints of initial weights. */
import type { InitializerConfig } from '../../nn/initializers.js';
import type { Step } from './dataflow.js';
import { counted, type Finding, type Lint, type LintContext, show } from './lint.js';

/** Whether a layer says itself how its weights start. */
const hasOwnInit = ({ config }: LintContext, { weights }: Step): boolean => weights[0].init !== config.init.weights;

/** Where the initializer of a step's weights is written: at the layer, or for the whole model. */
const initPath = (context: LintContext, step: Step): Finding['path'] =>
  hasOwnInit(context, step) ? [...step.path, 'init', 'weights'] : ['init', 'weights'];

/** Rectifiers, which pass about half of the variance. */
const RECTIFIERS = ['relu', 'leaky_relu', 'elu', 'gelu', 'silu'];

/** What comes directly after each step. */
function followersOf(steps: readonly Step[]): ReadonlyMap<Step, readonly Step[]> {
  const followers = new Map<Step, Step[]>(steps.map((step) => [step, []]));
  for (const step of steps) for (const input of step.inputs) followers.get(input)?.push(step);
  return followers;
}

/** The activation that the outputs of a weighted step go through first, at the layer or as a layer of its own. */
function activationOf(step: Step, followers: ReadonlyMap<Step, readonly Step[]>): string | undefined {
  if (step.layer.activation !== undefined) return step.layer.activation;
  const next = followers.get(step) ?? [];
  return next.length === 1 && next[0].weights.length === 0 ? next[0].layer.activation : undefined;
}

/**
 * Weighted steps whose initializer and activation fit the patterns and that follow each other without a normalization or a
 * shortcut in between, which would set the scale anew: the longest such row.
 */
function longestRow({ prediction }: LintContext, initializers: RegExp, activations: readonly string[]): Step[] {
  const { steps } = prediction();
  const followers = followersOf(steps);
  const rows = new Map<Step, Step[]>();
  let longest: Step[] = [];
  for (const step of steps) {
    if (/norm/.test(step.layer.type) || step.inputs.length > 1) continue;
    const before = step.inputs.flatMap((input) => rows.get(input) ?? []);
    const isWeighted = step.weights.length > 0;
    const activation = activationOf(step, followers);
    const fits = isWeighted && initializers.test(step.weights[0].init.type) && activations.includes(activation ?? '');
    const row = fits ? [...before, step] : isWeighted ? [] : before;
    rows.set(step, row);
    if (row.length > longest.length) longest = row;
  }
  return longest;
}

/** Two layers halve the standard deviation; one costs a factor below 1.5, which the first steps make good. */
const GLOROT_ROW = 2;

export const glorotWithRelu: Lint = {
  description: 'Glorot initialization in a row of layers with ReLU',
  reason:
    'Glorot and Bengio 2010 assume an activation that is the identity around 0. A ReLU passes half of the mean square on, so ' +
    `signal and gradient shrink by the root of 2 a layer: to a half in ${GLOROT_ROW} layers, to a hundredth in 13. The variance ` +
    'of He et al. 2015 is twice as large and makes up for it.',
  find(context) {
    const row = longestRow(context, /^glorot_/, RECTIFIERS);
    if (row.length < GLOROT_ROW) return [];
    const [{ weights, layer }] = row;
    const message = `${weights[0].init.type} is made for tanh: through ${row.length} layers with ReLU, ${layer.name} to ${row[row.length - 1].layer.name}, the signal shrinks to about ${show(2 ** (-row.length / 2))}`;
    return [{ path: initPath(context, row[0]), message, fix: 'use he_normal' }];
  },
};

/** Mean square by which the gradient grows in a tanh layer with variance 2 / fan_in, at the fixed point of its signal. */
const TANH_GROWTH = 1.108;
/** Where it has grown by e, one depth scale of Schoenholz et al. 2017. */
const HE_ROW = 10;

export const heWithTanh: Lint = {
  description: 'He initialization chosen for a layer with tanh, or in a long row of such layers',
  reason:
    'He et al. 2015 double the variance because a ReLU passes only half on. In front of a tanh that saturates units from the ' +
    `start, and in a row of them gradients grow by ${TANH_GROWTH} in mean square a layer (mean-field theory, Schoenholz et al. 2017). ` +
    `That is slow, and he_normal is the default: so only a choice at the layer itself counts, or ${HE_ROW} layers in a row.`,
  find(context) {
    const { steps } = context.prediction();
    const followers = followersOf(steps);
    const chosen = steps.filter(
      (step) =>
        step.weights.length > 0 &&
        hasOwnInit(context, step) &&
        step.weights[0].init.type.startsWith('he_') &&
        activationOf(step, followers) === 'tanh',
    );
    const row = longestRow(context, /^he_/, ['tanh']);
    const found = chosen.length > 0 ? chosen : row.length >= HE_ROW ? [row[0]] : [];
    return found.map((step) => {
      const where = chosen.length > 0 ? step.layer.name : `${row.length} layers with tanh in a row`;
      const message = `${step.weights[0].init.type} is made for relu, and ${where} ${chosen.length > 0 ? 'has tanh' : 'saturate with it'}`;
      return { path: initPath(context, step), message, fix: 'use glorot_normal' };
    });
  },
};

/** The derivative of a sigmoid is at most 1/4: four layers pass at most 1/256 of it, whatever the data. */
const SIGMOID_ROW = 4;

export const vanishingSigmoids: Lint = {
  description: 'a row of hidden layers with sigmoid',
  reason:
    `The derivative of a sigmoid is at most 1/4, so ${SIGMOID_ROW} layers leave 1/256 of the gradient, which the usual weights do not ` +
    'make up for (Hochreiter 1991; Glorot and Bengio 2010): the first layers hardly learn.',
  find(context) {
    const row = longestRow(context, /./, ['sigmoid']);
    // The last layer's sigmoid is the loss's business.
    const hidden = row.filter(({ layer }) => layer !== context.prediction().output?.layer);
    if (hidden.length < SIGMOID_ROW) return [];
    const message = `${hidden.length} layers with sigmoid in a row, of which each passes at most a quarter of the gradient`;
    return [{ path: hidden[0].path, message, fix: 'use relu or tanh in hidden layers, or batch_norm between them' }];
  },
};

/** Whether all values are the same, and which that is. */
function constantOf(init: InitializerConfig): number | undefined {
  switch (init.type) {
    case 'zeros':
      return 0;
    case 'ones':
      return 1;
    case 'constant':
      return init.value;
    case 'uniform':
      return init.low === init.high ? init.low : undefined;
    case 'normal':
    case 'truncated_normal':
      return init.std === 0 ? init.mean : undefined;
    default:
      return undefined;
  }
}

export const constantInitialization: Lint = {
  description: 'constant initial weights in a hidden layer',
  reason:
    'Units of a layer that start with the same weights give the same output. Where the next layer starts constant too they get the ' +
    'same gradient and stay the same: the layer is worth one unit. Zeros before a ReLU get no gradient at all. The last layer may ' +
    'start constant, and with zeros also the last one before a shortcut is added (Zhang et al. 2019, "Fixup"). `nn check` does not ' +
    'go by this, it measures: see identical-units.',
  find(context) {
    // What has been measured need not be guessed.
    if (context.start !== undefined) return [];
    const { steps } = context.prediction();
    const followers = followersOf(steps);
    const nextWeighted = (step: Step): Step[] =>
      (followers.get(step) ?? []).flatMap((next) => (next.weights.length > 0 ? [next] : nextWeighted(next)));
    const endsBranch = (step: Step): boolean =>
      (followers.get(step) ?? []).every((next) => next.inputs.length > 1 || next.seesInput || (next.weights.length === 0 && endsBranch(next))); // prettier-ignore
    const isConstant = ({ weights }: Step): boolean => constantOf(weights[0].init) !== undefined;
    const found = steps.flatMap((step): Finding[] => {
      const value = step.weights.length === 0 ? undefined : constantOf(step.weights[0].init);
      const units = step.layer.output.shape.at(-1) ?? 1;
      const next = nextWeighted(step);
      const isStuck = next.every(isConstant) || (value === 0 && activationOf(step, followers) === 'relu');
      if (value === undefined || units < 2 || next.length === 0 || !isStuck || (value === 0 && endsBranch(step)))
        return [];
      const message = `all weights of ${step.layer.name} start as ${show(value)}: its ${units} units are identical and stay so`;
      return [
        { path: initPath(context, step), message, fix: 'use random weights, such as he_normal or glorot_uniform' },
      ];
    });
    return found;
  },
};

export const identicalUnits: Lint = {
  description: 'units of a hidden layer that start the same and stay so (measured by `nn check`)',
  reason:
    'Units with the same weights that get the same gradient never differ: the layer is worth fewer. Measured on the first batch, ' +
    'in as many steps of training (dropout and noise included) as there are hidden layers and two: what tells units apart, such as ' +
    'later layers with other weights, has then done so. Gradients are the same to a ten-thousandth, which is more than rounding.',
  find(context) {
    const { steps } = context.prediction();
    return (context.start?.identical ?? []).map(({ layer, units, identical, distinct }): Finding => {
      const step = steps.find((one) => one.layer.name === layer);
      const all = identical === units ? `the ${units}` : `${identical} of the ${units}`;
      return {
        path: step === undefined || step.weights.length === 0 ? ['model'] : initPath(context, step),
        message: `${all} units of ${layer} start the same and stay so, as they get the same gradient: the layer is worth ${counted(distinct, 'unit')}`,
        fix: 'use random weights, such as he_normal or glorot_uniform',
      };
    });
  },
};

/** One learning rate does not serve layers of which one gets a thousand times the gradient of another. */
const UNBALANCED = 1000;

export const unbalancedGradients: Lint = {
  description: 'gradients that vanish or explode on their way through the network (measured by `nn check`)',
  reason:
    'Every layer multiplies the gradient on its way back, and in a deep network even factors near 1 add up (Hochreiter 1991; Glorot ' +
    'and Bengio 2010). What arrives at the output of the first layer with weights is compared with that at the last, on the first ' +
    `batch, as norms, so that large layers do not count less. Networks that train well have ratios within 30; beyond ${UNBALANCED} no ` +
    'learning rate serves both ends.',
  find(context) {
    const { steps } = context.prediction();
    const spreads = new Map(context.start?.layers.map(({ layer, gradientStd }) => [layer, gradientStd]));
    const weighted = steps.filter(({ weights, layer }) => weights.length > 0 && spreads.has(layer.name));
    const normOf = ({ layer }: Step): number =>
      (spreads.get(layer.name) ?? 0) * Math.sqrt(layer.output.shape.slice(1).reduce((a, b) => a * b, 1));
    const [first, last] = [weighted.at(0), weighted.at(-1)];
    // Where a branch ends in zeros nothing comes through it, at first and on purpose.
    if (first === undefined || last === undefined || normOf(first) === 0 || normOf(last) === 0) return [];
    const ratio = normOf(first) / normOf(last);
    if (ratio < UNBALANCED && ratio > 1 / UNBALANCED) return [];
    const message = `the gradient at ${first.layer.name} is ${show(ratio)} times that at ${last.layer.name}: it ${ratio > 1 ? 'explodes' : 'vanishes'} on its way back`;
    return [{ path: initPath(context, first), message, fix: 'use he_normal before relu, glorot_normal before tanh, or lsuv; put batch_norm between the layers, or shortcuts around them' }]; // prettier-ignore
  },
};
