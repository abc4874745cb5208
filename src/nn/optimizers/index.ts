/** The optimizers by the name that a config uses, in order of increasing complexity. */
import { component, type ComponentConfig } from '../../config/index.js';
import { sizeOf } from '../../tensor/index.js';
import { adadelta } from './adadelta.js';
import { adagrad } from './adagrad.js';
import { adam, adamw } from './adam.js';
import { adamax } from './adamax.js';
import { lamb } from './lamb.js';
import { lbfgs } from './lbfgs.js';
import { lion } from './lion.js';
import { muon } from './muon.js';
import { nadam } from './nadam.js';
import type { Optimizer } from './optimizer.js';
import { radam } from './radam.js';
import { rmsprop } from './rmsprop.js';
import { rprop } from './rprop.js';
import { sgd } from './sgd.js';

export type { Hyperparameters } from './hyperparameters.js';
export type { Named, Optimizer, StateSpec } from './optimizer.js';

export const optimizers = {
  sgd,
  adam,
  adamw,
  lion,
  adagrad,
  rmsprop,
  adadelta,
  rprop,
  adamax,
  nadam,
  radam,
  lamb,
  muon,
  lbfgs,
} as const satisfies Record<string, Optimizer>;

export type OptimizerConfig = ComponentConfig<typeof optimizers>;
export const optimizerSchema = component(optimizers);

/** The registry's entry with its parameter types erased: that entry's schema has parsed `config`. */
export const optimizerOf = (config: OptimizerConfig): Optimizer => optimizers[config.type];

/** How many values the optimizer keeps for each weight of a matrix. */
export const statePerWeight = (config: OptimizerConfig): number =>
  Object.entries(optimizerOf(config).init(config, { w: [1, 1] }))
    .filter(([name]) => name.endsWith('.w'))
    .reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
