/** The graph inputs that the programs of one run have in common. Programs that are to see the same weights are built on the same object. */
import { input } from '../../tensor/index.js';
import { RandomSource, renamed, type Variables, VariableStore } from '../../nn/index.js';

export class RunInputs {
  /** Weights, their averages, running statistics, and what the optimizer keeps. */
  readonly variables = new VariableStore();
  /** The random numbers of a step. */
  readonly random = new RandomSource();
  /** The learning rate, []. */
  readonly rate = input('rate', []);
  /** The 1-based number of the step, []. */
  readonly step = input('step', []);
  /** Not 0 in the last step of an epoch, []. */
  readonly lastOfEpoch = input('last_of_epoch', []);
  /** The first step that was not finite, []: steps record it, and the host sets it to 0 before the first. */
  readonly failedStep = input('failed_step', []);
}

/** What the average of a weight is called: `average.layers.0.weight`. */
export const averageName = (name: string): string => `average.${name}`;

/** A network's averaged weights and the state that belongs to them, in place of those that are trained. */
export const averagesOf = (variables: Variables): Variables => renamed(variables, averageName);
