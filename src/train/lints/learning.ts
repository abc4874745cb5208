/** Lints of the optimizer, of regularization and of stopping. */
import { sizeOf } from '../../tensor/index.js';
import type * as z from 'zod';
import { writtenDefault } from '../../config/index.js';
import { optimizerOf } from '../../nn/optimizers/index.js';
import { planOf } from '../loop/plan.js';
import { counted, type Finding, type Lint, type LintContext, show } from './lint.js';

/** Rates in use lie within a factor of ten around the default of each optimizer, seldom more, and downwards somewhat further. */
const [FAR_BELOW, FAR_ABOVE] = [1000, 100];

export const unusualLearningRate: Lint = {
  description: "a learning rate far from the optimizer's usual range",
  reason:
    `More than ${FAR_ABOVE} times the optimizer's default (momentum counted: it makes steps 1 / (1 - momentum) times as long) nearly always ` +
    `diverges, and a thousandth of it hardly moves the weights in any usual number of steps.`,
  find({ config: { optimizer } }) {
    const { lr } = optimizer;
    const usual = writtenDefault(optimizerOf(optimizer).schema.shape.lr as z.ZodType);
    if (typeof usual !== 'number') return [];
    const momentum = 'momentum' in optimizer && optimizer.type === 'sgd' ? optimizer.momentum : 0;
    const effective = lr / (1 - momentum);
    const tooHigh = effective > FAR_ABOVE * usual;
    if (!tooHigh && lr >= usual / FAR_BELOW) return [];
    const withMomentum = momentum > 0 && tooHigh ? ` (with momentum ${momentum} steps as long as with ${show(effective)})` : ''; // prettier-ignore
    const message = `${lr}${withMomentum} is far ${tooHigh ? 'above' : 'below'} what ${optimizer.type} is used with: the default is ${usual}`;
    return [{ path: ['optimizer', 'lr'], message, fix: `try ${usual} first` }];
  },
};

/** Layers and settings that regularize, by what their names say. */
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

/** Passes below which a run ends before it has learned much by heart, which is early stopping too. */
const FEW_EPOCHS = 10;

export const moreParametersThanSamples: Lint = {
  description: 'enough parameters to learn every training sample by heart, and nothing that keeps the network from it',
  reason:
    'Two layers with 2n + d weights can give n samples of d features any labels, also wrong ones (Zhang et al. 2017, "Understanding ' +
    'deep learning requires rethinking generalization"). Such a network may still generalize, but nothing here sees to it: no ' +
    `penalty, weight decay, dropout, noise, augmentation, label smoothing, early stopping, or end after fewer than ${FEW_EPOCHS} epochs.`,
  find(context) {
    const { config, data, parameters } = context;
    const { size, fields } = data.train;
    const enough = 2 * size + sizeOf(fields.features.shape);
    if (parameters <= enough || planOf(config, size).epochs < FEW_EPOCHS || isRegularized(context)) return [];
    const message = `${counted(parameters, 'parameter')} can learn ${counted(size, 'training sample')} by heart, and nothing regularizes them`;
    return [{ path: ['regularization'], message, fix: 'set regularization.l2 or train.early_stopping, add dropout, or make the network smaller' }]; // prettier-ignore
  },
};

export const earlyStoppingOnTraining: Lint = {
  description: 'early stopping that watches a training figure',
  reason:
    'The training loss goes on falling while the network learns the training samples by heart, which is what early stopping is ' +
    'to notice. Only samples that it is not trained on show the turn.',
  find({ config, data }) {
    const monitor = config.train.early_stopping?.monitor;
    if (monitor === undefined || !monitor.startsWith('train/')) return [];
    const message = `${monitor} goes on improving while the network over-fits`;
    const fix = data.val === undefined ? 'set data.split.val and watch val/loss' : `watch ${monitor.replace('train/', 'val/')}`; // prettier-ignore
    return [{ path: ['train', 'early_stopping', 'monitor'], message, fix }];
  },
};

export const idleEarlyStopping: Lint = {
  description: 'early stopping whose patience is as long as the run',
  reason: 'The run ends before the patience can: early stopping then only chooses the epoch whose weights are tested.',
  find({ config, data }): Finding[] {
    const patience = config.train.early_stopping?.patience;
    const { epochs } = planOf(config, data.train.size);
    if (patience === undefined || patience < epochs) return [];
    const message = `a patience of ${counted(patience, 'epoch')} never ends a run of ${epochs}`;
    return [{ path: ['train', 'early_stopping', 'patience'], message, fix: 'lower patience, or raise train.max_epochs' }]; // prettier-ignore
  },
};
