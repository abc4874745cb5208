/** The optimizers by the name that a config uses, in order of increasing complexity. */
import { component, type ComponentConfig } from '../../config/index.js';
import { adadelta } from './adadelta.js';
import { adagrad } from './adagrad.js';
import { adam, adamw } from './adam.js';
import { lamb } from './lamb.js';
import { lbfgs } from './lbfgs.js';
import { lion } from './lion.js';
import { muon } from './muon.js';
import { nadam } from './nadam.js';
import type { JointOptimizer, Optimizer } from './optimizer.js';
import { radam } from './radam.js';
import { rmsprop } from './rmsprop.js';
import { rprop } from './rprop.js';
import { sgd } from './sgd.js';

export type { JointOptimizer, Optimizer, UpdateInput, UpdateResult } from './optimizer.js';

export const optimizers = {
  sgd,
  adam,
  adamw,
  lion,
  adagrad,
  rmsprop,
  adadelta,
  rprop,
  nadam,
  radam,
  lamb,
  muon,
  lbfgs,
} as const satisfies Record<string, Optimizer | JointOptimizer>;

export type OptimizerConfig = ComponentConfig<typeof optimizers>;
export const optimizerSchema = component(optimizers);

/** The registry's entry, its parameters' types forgotten: they are those of `config`, which that entry's schema parsed. */
export const optimizerOf = (config: OptimizerConfig): Optimizer | JointOptimizer => optimizers[config.type];
