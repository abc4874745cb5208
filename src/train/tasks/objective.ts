/** What a task's objectives are: functions of a batch and of the networks, which a step evaluates with whatever weights it has. */
import type { Named, RandomSource } from '../../nn/index.js';
import type { Node } from '../../tensor/index.js';

/** What an objective is computed from. */
export interface ObjectiveContext {
  /** The batch by field, each [batch, ...]: `features`, preprocessed and augmented, and `targets` where the data have some. */
  readonly fields: Named<Node>;
  /** False in evaluation. */
  readonly training: boolean;
  readonly random: RandomSource;
  /** The output of one of the task's networks for x [batch, ...]; a network may be called as often as wanted. */
  readonly forward: (network: string, x: Node) => Node;
  /** The config's loss of each sample for this output, [batch]: against the batch's targets, as augmentation mixes them. */
  readonly losses: (output: Node) => Node;
}

export interface ObjectiveResult {
  /** What is minimized, a scalar. Penalties on the weights that are trained by it come on top. */
  readonly value: Node;
  /** Of each sample, [batch]: the loss, and what else is to be recorded of an epoch. */
  readonly figures: Named<Node> & { readonly loss: Node };
  /** What metrics compare with the batch's targets. */
  readonly output: Node;
}

export type Objective = (context: ObjectiveContext) => ObjectiveResult;
