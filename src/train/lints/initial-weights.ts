/** Lints about initial weights. */
import type { InitializerConfig } from '../../nn/index.js';
import type { LayerFlow } from './dataflow.js';
import { counted, type Finding, type Lint, type LintContext, show } from './lint.js';
import { sizeOf } from '../../tensor/shape.js';

/** Whether a layer sets its own initializer. */
const hasOwnInit = ({ config }: LintContext, { weights }: LayerFlow): boolean =>
  weights[0].init !== config.init.weights;

/** Where the initializer of a step's weights is set: at the layer, or for the whole model. */
const initPath = (context: LintContext, step: LayerFlow): Finding['path'] =>
  hasOwnInit(context, step) ? [...step.path, 'init', 'weights'] : ['init', 'weights'];

/** Rectifiers, which pass on about half of the variance. */
const RECTIFIERS = ['relu', 'leaky_relu', 'elu', 'gelu', 'silu'];

/** The steps directly after each step. */
function followersOf(steps: readonly LayerFlow[]): ReadonlyMap<LayerFlow, readonly LayerFlow[]> {
  const followers = new Map<LayerFlow, LayerFlow[]>(steps.map((step) => [step, []]));
  for (const step of steps) for (const input of step.inputs) followers.get(input)?.push(step);
  return followers;
}

/** The first activation that the output of a weighted step goes through, in the layer itself or as the next layer. */
function activationOf(step: LayerFlow, followers: ReadonlyMap<LayerFlow, readonly LayerFlow[]>): string | undefined {
  if (step.layer.activation !== undefined) return step.layer.activation;
  const next = followers.get(step) ?? [];
  return next.length === 1 && next[0].weights.length === 0 ? next[0].layer.activation : undefined;
}

/**
 * The longest chain of weighted steps whose initializer and activation fit the patterns, without a normalization or a shortcut in
 * between, which would reset the scale.
 */
function longestRow({ prediction }: LintContext, initializers: RegExp, activations: readonly string[]): LayerFlow[] {
  const { steps } = prediction();
  const followers = followersOf(steps);
  const rows = new Map<LayerFlow, LayerFlow[]>();
  let longest: LayerFlow[] = [];
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

/** Two layers halve the standard deviation; one costs a factor below 1.5, which the first steps make up for. */
const GLOROT_ROW = 2;

export const glorotWithRelu: Lint = {
  description: 'Glorot initialization in a chain of layers with relu',
  reason:
    'Glorot and Bengio 2010 assume an activation that is the identity near 0. A ReLU passes on half of the mean square, so signal and ' +
    `gradient shrink by a factor of sqrt(2) in each layer: to a half in ${GLOROT_ROW} layers, to a hundredth in 13. The variance of ` +
    'He et al. 2015 is twice as large and compensates for it.',
  find(context) {
    const row = longestRow(context, /^glorot_/, RECTIFIERS);
    if (row.length < GLOROT_ROW) return [];
    const [{ weights, layer }] = row;
    const message = `${weights[0].init.type} is meant for tanh: through ${row.length} layers with relu, ${layer.name} to ${row[row.length - 1].layer.name}, the signal shrinks to about ${show(2 ** (-row.length / 2))} of its size`;
    return [{ path: initPath(context, row[0]), message, fix: 'use he_normal' }];
  },
};

/** Growth of the gradient's mean square in a tanh layer with variance 2 / fan_in, at the fixed point of the signal. */
const TANH_GROWTH = 1.108;
/** The depth over which it grows by a factor of e (the depth scale of Schoenholz et al. 2017). */
const HE_ROW = 10;

export const heWithTanh: Lint = {
  description: 'He initialization set for a layer with tanh, or in a long chain of such layers',
  reason:
    'He et al. 2015 double the variance because a ReLU passes on only half of it. In front of tanh this saturates units from the ' +
    `start, and along a chain the mean square of the gradient grows by ${TANH_GROWTH} in each layer (mean-field theory, Schoenholz et al. ` +
    `2017). That is slow, and he_normal is the default, so only an initializer set at the layer itself or ${HE_ROW} layers in a row count.`,
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
      const where = chosen.length > 0 ? step.layer.name : `a chain of ${row.length} layers`;
      const message = `${step.weights[0].init.type} is meant for relu, but ${where} has tanh`;
      return { path: initPath(context, step), message, fix: 'use glorot_normal' };
    });
  },
};

/** The derivative of a sigmoid is at most 1/4: four layers pass on at most 1/256 of the gradient. */
const SIGMOID_ROW = 4;

export const vanishingSigmoids: Lint = {
  description: 'a chain of hidden layers with sigmoid',
  reason:
    `The derivative of a sigmoid is at most 1/4, so ${SIGMOID_ROW} layers leave at most 1/256 of the gradient, and common initial weights ` +
    'do not make up for it (Hochreiter 1991; Glorot and Bengio 2010): the first layers barely learn.',
  find(context) {
    const row = longestRow(context, /./, ['sigmoid']);
    // The sigmoid of the last layer is a matter of the loss.
    const hidden = row.filter(({ layer }) => layer !== context.prediction().output?.layer);
    if (hidden.length < SIGMOID_ROW) return [];
    const message = `${hidden.length} layers with sigmoid in a row, each of which passes on at most a quarter of the gradient`;
    return [{ path: hidden[0].path, message, fix: 'use relu or tanh in hidden layers, or batch_norm between them' }];
  },
};

/** The value that every weight starts with, if they are all the same. */
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
    'Units that start with the same weights have the same output. If the next layer starts constant as well, they also get the same ' +
    'gradient and stay identical: the layer is worth a single unit. Zeros before a ReLU get no gradient at all. The last layer may ' +
    'start constant, and so may, with zeros, the last layer before a shortcut is added (Zhang et al. 2019, "Fixup"). `nn check` ' +
    'measures instead: see identical-units.',
  find(context) {
    // Measured, so no need to guess.
    if (context.start !== undefined) return [];
    const { steps } = context.prediction();
    const followers = followersOf(steps);
    const nextWeighted = (step: LayerFlow): LayerFlow[] =>
      (followers.get(step) ?? []).flatMap((next) => (next.weights.length > 0 ? [next] : nextWeighted(next)));
    const endsBranch = (step: LayerFlow): boolean =>
      (followers.get(step) ?? []).every((next) => next.inputs.length > 1 || next.seesInput || (next.weights.length === 0 && endsBranch(next))); // prettier-ignore
    const isConstant = ({ weights }: LayerFlow): boolean => constantOf(weights[0].init) !== undefined;
    const found = steps.flatMap((step): Finding[] => {
      const value = step.weights.length === 0 ? undefined : constantOf(step.weights[0].init);
      const units = step.layer.output.shape.at(-1) ?? 1;
      const next = nextWeighted(step);
      const isStuck = next.every(isConstant) || (value === 0 && activationOf(step, followers) === 'relu');
      if (value === undefined || units < 2 || next.length === 0 || !isStuck || (value === 0 && endsBranch(step)))
        return [];
      const message = `all weights of ${step.layer.name} start at ${show(value)}: its ${units} units are identical and stay identical`;
      return [
        { path: initPath(context, step), message, fix: 'use random weights, such as he_normal or glorot_uniform' },
      ];
    });
    return found;
  },
};

export const identicalUnits: Lint = {
  description: 'units of a hidden layer that start identical and stay identical (measured by `nn check`)',
  reason:
    'Units with the same weights that get the same gradient never become different, so the layer is worth fewer units. Measured on the ' +
    'first batch over two training steps more than there are hidden layers, dropout and noise included: whatever breaks the symmetry, ' +
    'such as different weights in later layers, has done so by then. Gradients count as equal if they agree to 1e-4, well above rounding.',
  find(context) {
    const { steps } = context.prediction();
    return (context.start?.identical ?? []).map(({ layer, units, identical, distinct }): Finding => {
      const step = steps.find((one) => one.layer.name === layer);
      const all = identical === units ? `the ${units}` : `${identical} of the ${units}`;
      return {
        path: step === undefined || step.weights.length === 0 ? ['model'] : initPath(context, step),
        message: `${all} units of ${layer} start identical and stay identical, because they get the same gradient: the layer is worth ${counted(distinct, 'unit')}`,
        fix: 'use random weights, such as he_normal or glorot_uniform',
      };
    });
  },
};

/** No single learning rate suits layers whose gradients differ by a factor of a thousand. */
const UNBALANCED = 1000;

export const unbalancedGradients: Lint = {
  description: 'gradients that vanish or explode on their way through the network (measured by `nn check`)',
  reason:
    'Every layer multiplies the gradient on its way back, and in a deep network even factors near 1 compound (Hochreiter 1991; Glorot ' +
    'and Bengio 2010). The norm of the gradient at the output of the first weighted layer is compared with that at the last, on the ' +
    `first batch. Networks that train well have ratios within 30; beyond ${UNBALANCED} no learning rate suits both ends.`,
  find(context) {
    const { steps } = context.prediction();
    const spreads = new Map(context.start?.layers.map(({ layer, gradientStd }) => [layer, gradientStd]));
    const weighted = steps.filter(({ weights, layer }) => weights.length > 0 && spreads.has(layer.name));
    const normOf = ({ layer }: LayerFlow): number =>
      (spreads.get(layer.name) ?? 0) * Math.sqrt(sizeOf(layer.output.shape.slice(1)));
    const [first, last] = [weighted.at(0), weighted.at(-1)];
    // A branch that ends in zeros passes no gradient at first, on purpose.
    if (first === undefined || last === undefined || normOf(first) === 0 || normOf(last) === 0) return [];
    const ratio = normOf(first) / normOf(last);
    if (ratio < UNBALANCED && ratio > 1 / UNBALANCED) return [];
    const message = `the gradient at ${first.layer.name} is ${show(ratio)} times that at ${last.layer.name}: it ${ratio > 1 ? 'explodes' : 'vanishes'} on its way back`;
    return [{ path: initPath(context, first), message, fix: 'use he_normal with relu, glorot_normal with tanh, or lsuv; add batch_norm between the layers or shortcuts around them' }]; // prettier-ignore
  },
};
