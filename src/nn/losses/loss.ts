/** What a loss is: one number per sample, as a function of nodes, and the network head that it fits. */
import type * as z from 'zod';
import type { Node } from '../../tensor/index.js';
import type { TargetInfo, Task } from '../target.js';
import type { ClassCounts } from './class-weights.js';

export interface Loss<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  readonly tasks: readonly Task[];
  /** The numbers of output units that fit such targets, the usual one first; or why the loss cannot take them. */
  outputSizes(target: TargetInfo, params: z.output<S>): readonly number[] | string;
  /**
   * The parameters with what only the data can tell, such as balanced weights, as numbers; or what is wrong with them. Absent
   * where there is nothing of the kind.
   */
  resolve?(params: z.output<S>, counts: ClassCounts, task: Task): z.output<S> | string;
  /** The loss of every sample, [batch], from the network's output [batch, units]; several outputs are averaged. Throws ShapeError. */
  perSample(output: Node, target: Node, params: z.output<S>): Node;
  /** The network's output as predictions in the targets' units, which metrics compare; the output itself by default. */
  prediction?(output: Node, params: z.output<S>, task: Task): Node | undefined;
}

export const defineLoss = <S extends z.ZodObject>(loss: Loss<S>): Loss<S> => loss;
