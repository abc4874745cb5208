/** What a loss is: one number per sample, as a function of nodes, and the network head that it fits. */
import type * as z from 'zod';
import type { Node } from '../../tensor/index.js';
import type { ReferenceKind, TargetInfo } from '../target.js';
import type { ClassCounts } from './class-weights.js';

export interface Loss<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  /** What it can compare the output with. */
  readonly targets: readonly ReferenceKind[];
  /** What the output units are: logits, predictions, or parameters of a distribution. */
  readonly output: 'logits' | 'predictions' | 'distribution';
  /** The numbers of output units that fit such targets, the default first; or why the loss cannot take them. */
  outputSizes(target: TargetInfo, params: z.output<S>): readonly number[] | string;
  /** The parameters with data-dependent ones, such as balanced weights, resolved to numbers; or an error message. */
  resolve?(params: z.output<S>, counts: ClassCounts, kind: ReferenceKind): z.output<S> | string;
  /** The loss of every sample, [batch], from the network's output [batch, units]; several outputs are averaged. Throws ShapeError. */
  perSample(output: Node, target: Node, params: z.output<S>): Node;
  /** The output as predictions in the targets' units, which metrics compare; the output itself by default. */
  prediction?(output: Node, params: z.output<S>, kind: ReferenceKind): Node | undefined;
}

export const defineLoss = <S extends z.ZodObject>(loss: Loss<S>): Loss<S> => loss;
