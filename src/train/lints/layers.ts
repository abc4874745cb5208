/** Lints about combinations of layers. */
import { skipMoves, type Dataflow, type LayerFlow } from './dataflow.js';
import { counted, type Finding, type Lint } from './lint.js';
import { sizeOf } from '../../tensor/shape.js';

/** How many inputs each output of the layer sums, and how many outputs there are at each position. */
function widths({ weights, layer }: LayerFlow): { fanIn: number; units: number } {
  const units = layer.output.shape.at(-1) ?? 1;
  return { fanIn: sizeOf(weights[0].node.shape) / units, units };
}

/** The weighted step whose output reaches `step` through affine steps only, without a branch. */
function weightedBefore(step: LayerFlow): LayerFlow | undefined {
  const before = step.inputs.at(0);
  if (step.inputs.length !== 1 || step.seesInput || before === undefined || !before.isAffine) return undefined;
  return before.weights.length > 0 ? before : weightedBefore(before);
}

export const linearStack: Lint = {
  description: 'two weighted layers without an activation in between',
  reason:
    'A linear function of a linear function is linear, so the two layers are worth one. A first layer narrower than its input and ' +
    'output limits the rank on purpose (factorized layers, linear autoencoders) and is not reported; nor are depthwise convolutions, ' +
    'the first half of a separable one.',
  find(context) {
    return context.prediction().steps.flatMap((step): Finding[] => {
      const first = step.weights.length === 1 ? weightedBefore(step) : undefined;
      if (first === undefined || first.weights.length !== 1) return [];
      if ([first, step].some(({ layer }) => layer.traits.includes('factorizes'))) return [];
      const { fanIn, units } = widths(first);
      if (units < Math.min(fanIn, widths(step).units)) return [];
      const message = `no activation between ${first.layer.name} and ${step.layer.name}: together they are one linear layer`;
      return [{ path: first.path, message, fix: `give ${first.layer.name} an activation, such as relu` }];
    });
  },
};

/** Wu and He 2018 ("Group normalization"), error of ResNet-50 on ImageNet: 23.6 % with 32 images a batch, 27.3 % with 4, 34.7 % with 2. */
const SMALLEST_BATCH = 4;

export const batchNormSmallBatch: Lint = {
  description: 'batch norm with batches of very few samples',
  reason:
    'Batch norm estimates mean and variance from the batch. A single sample has no variance (in dense layers that is an error), and ' +
    `with ${SMALLEST_BATCH} or fewer the estimate is so noisy that errors rise: from 23.6 to 27.3 % with 4 images and to 34.7 % with 2 ` +
    '(Wu and He 2018, ResNet-50 on ImageNet).',
  find(context) {
    const { config, data } = context;
    const norm = context.training().steps.find(({ layer }) => layer.traits.includes('uses_batch_statistics'));
    if (norm === undefined) return [];
    const { batch_size, drop_last } = config.train;
    const batch = Math.min(batch_size, data.train.size);
    const path = ['train', 'batch_size'];
    if (batch <= SMALLEST_BATCH) {
      const message = `${norm.layer.name} (${norm.layer.type}) estimates mean and variance from ${counted(batch, 'sample')}`;
      return [{ path, message, fix: 'use a batch_size of at least 8, or group_norm or layer_norm' }];
    }
    const last = data.train.size % batch;
    if (last !== 1 || drop_last) return [];
    const message = `the last batch of each epoch has one sample (${data.train.size} = ${Math.floor(data.train.size / batch)} x ${batch} + 1), from which ${norm.layer.name} (${norm.layer.type}) cannot estimate a variance`;
    return [{ path, message, fix: 'set train.drop_last: true or change the batch_size' }];
  },
};

const isDropout = ({ layer }: LayerFlow): boolean => layer.traits.includes('drops_units');
/** Layers that leave dropped values in place. */
const isPointwise = ({ layer, weights }: LayerFlow): boolean =>
  weights.length === 0 && (layer.activation !== undefined || layer.traits.includes('pools'));

function dropoutBefore(step: LayerFlow): LayerFlow | undefined {
  const before = skipMoves(step.inputs.at(0));
  if (before === undefined || isDropout(before)) return before;
  return isPointwise(before) ? dropoutBefore(before) : undefined;
}

export const dropoutBeforeBatchNorm: Lint = {
  description: 'dropout right before batch norm',
  reason:
    'Dropout raises the variance in training only, but batch norm measures it in training and uses it in evaluation: the network is ' +
    'evaluated on values of a different scale than it was trained on (Li et al. 2019, "Understanding the disharmony between dropout ' +
    'and batch normalization by variance shift").',
  find(context) {
    return context.training().steps.flatMap((step): Finding[] => {
      const dropout = step.layer.traits.includes('uses_batch_statistics') ? dropoutBefore(step) : undefined;
      if (dropout === undefined) return [];
      const message = `${dropout.layer.name} (${dropout.layer.type}) raises the variance in training only, and ${step.layer.name} (${step.layer.type}) then uses it in evaluation`;
      return [{ path: dropout.path, message, fix: 'move the dropout after the last batch_norm' }];
    });
  },
};

/** The last dropout before the output, with only activations after it. */
function outputDropout({ output }: Dataflow): LayerFlow | undefined {
  const end = skipMoves(output);
  if (end === undefined || isDropout(end)) return end;
  return isPointwise(end) ? dropoutBefore(end) : undefined;
}

export const dropoutOnOutput: Lint = {
  description: 'dropout on the output',
  reason:
    'A dropped output is a prediction set to 0. No hidden unit can learn to compensate for it, so it only adds noise to the loss.',
  find(context) {
    const dropout = outputDropout(context.training());
    if (dropout === undefined) return [];
    const message = `${dropout.layer.name} (${dropout.layer.type}) sets random predictions to 0`;
    return [{ path: dropout.path, message, fix: 'move it before the last layer with weights' }];
  },
};
