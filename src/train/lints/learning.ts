/** Lints about the optimizer, regularization and early stopping. */
import { sizeOf } from '../../tensor/index.js';
import type * as z from 'zod';
import { writtenDefault } from '../../config/index.js';
import { optimizerOf } from '../../nn/index.js';
import { planOf } from '../loop/plan.js';
import { counted, type Finding, type Lint, type LintContext, show } from './lint.js';

/** In practice rates rarely leave a factor of ten around an optimizer's default, and stray further down than up. */
const [FAR_BELOW, FAR_ABOVE] = [1000, 100];

export const unusualLearningRate: Lint = {
  description: "a learning rate far from the optimizer's default",
  reason:
    `More than ${FAR_ABOVE} times the optimizer's default (counting momentum, which makes steps 1 / (1 - momentum) times as long) almost ` +
    `always diverges; less than a thousandth of it barely moves the weights in any practical number of steps.`,
  find({ config: { optimizer } }) {
    const { lr } = optimizer;
    const byDefault = writtenDefault(optimizerOf(optimizer).schema.shape.lr as z.ZodType);
    if (typeof byDefault !== 'number') return [];
    const momentum = 'momentum' in optimizer && optimizer.type === 'sgd' ? optimizer.momentum : 0;
    const effective = lr / (1 - momentum);
    const tooHigh = effective > FAR_ABOVE * byDefault;
    if (!tooHigh && lr >= byDefault / FAR_BELOW) return [];
    const withMomentum = momentum > 0 && tooHigh ? ` (effectively ${show(effective)} with momentum ${momentum})` : ''; // prettier-ignore
    const message = `${lr}${withMomentum} is far ${tooHigh ? 'above' : 'below'} the usual learning rates of ${optimizer.type}, whose default is ${byDefault}`;
    return [{ path: ['optimizer', 'lr'], message, fix: `try ${byDefault} first` }];
  },
};

/** Layers that regularize, by their names. */
const REGULARIZING = /dropout|noise|stochastic_depth/;

function isRegularized({ config, training }: LintContext): boolean {
  const { data, optimizer, loss, train } = config;
  if (data.augment.length > 0) return true;
  if (training().isPenalized) return true;
  if ('weight_decay' in optimizer && optimizer.weight_decay > 0) return true;
  if (train.parameter_groups?.some(({ weight_decay = 0 }) => weight_decay > 0)) return true;
  if ('label_smoothing' in loss && loss.label_smoothing > 0) return true;
  if (train.early_stopping !== undefined) return true;
  return training().steps.some(({ layer }) => REGULARIZING.test(layer.type));
}

/** A run with fewer epochs ends before it can memorize much, which amounts to early stopping. */
const FEW_EPOCHS = 10;

export const moreParametersThanSamples: Lint = {
  description: 'enough parameters to memorize every training sample, and no regularization',
  reason:
    'Two layers with 2n + d weights can fit any labels, even random ones, to n samples of d features (Zhang et al. 2017, ' +
    '"Understanding deep learning requires rethinking generalization"). Such a network may still generalize, but nothing encourages ' +
    'it to: there is no penalty, weight decay, dropout, noise, augmentation, label smoothing or early stopping, and the run has ' +
    `${FEW_EPOCHS} epochs or more.`,
  find(context) {
    const { config, data, parameters } = context;
    const { size, fields } = data.train;
    const enough = 2 * size + sizeOf(fields.features.shape);
    if (parameters <= enough || planOf(config, size).epochs < FEW_EPOCHS || isRegularized(context)) return [];
    const message = `${counted(parameters, 'parameter')} can memorize ${counted(size, 'training sample')}, and nothing regularizes them`;
    return [{ path: ['regularization'], message, fix: 'set regularization.l2 or train.early_stopping, add dropout, or make the network smaller' }]; // prettier-ignore
  },
};

export const earlyStoppingOnTraining: Lint = {
  description: 'early stopping that monitors a training figure',
  reason:
    'The training loss keeps falling while the network memorizes the training samples, which is exactly what early stopping should ' +
    'detect. Only samples that it is not trained on show when it starts to overfit.',
  find({ config, data }) {
    const monitor = config.train.early_stopping?.monitor;
    if (monitor === undefined || !monitor.startsWith('train/')) return [];
    const message = `${monitor} keeps improving while the network overfits`;
    const fix = data.val === undefined ? 'set data.split.val and monitor val/loss' : `monitor ${monitor.replace('train/', 'val/')}`; // prettier-ignore
    return [{ path: ['train', 'early_stopping', 'monitor'], message, fix }];
  },
};

export const idleEarlyStopping: Lint = {
  description: 'early stopping whose patience is as long as the run',
  reason:
    'The run ends before the patience runs out, so early stopping only selects the epoch whose weights are tested.',
  find({ config, data }): Finding[] {
    const patience = config.train.early_stopping?.patience;
    const { epochs } = planOf(config, data.train.size);
    if (patience === undefined || patience < epochs) return [];
    const message = `a patience of ${counted(patience, 'epoch')} never stops a run of ${epochs}`;
    return [{ path: ['train', 'early_stopping', 'patience'], message, fix: 'lower the patience or raise train.max_epochs' }]; // prettier-ignore
  },
};
