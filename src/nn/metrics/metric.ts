/** What a metric is: sums over samples, taken batch by batch in the graph, and the figure that they give together. */
import type * as z from 'zod';
import { concat, constant, type Node, reshape, sizeOf } from '../../tensor/index.js';
import type { Task } from '../target.js';

export interface Metric<S extends z.ZodObject = z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  readonly tasks: readonly Task[];
  /** Whether smaller or larger is better. */
  readonly mode: 'min' | 'max';
  /**
   * f32 [k], summed over the batch, from the network's output [batch, units] (for regression: its predictions) and the targets.
   * Throws ShapeError.
   */
  statistics(output: Node, target: Node, params: z.output<S>): Node;
  /** The figure of any number of samples from their added statistics. */
  finalize(sums: readonly number[], params: z.output<S>): number;
}

export const defineMetric = <S extends z.ZodObject>(metric: Metric<S>): Metric<S> => metric;

/** One vector of scalars, vectors and numbers. */
export const vectorOf = (parts: readonly (Node | number)[]): Node =>
  concat(
    parts.map((part) => (typeof part === 'number' ? constant(part, [1]) : reshape(part, [sizeOf(part.shape)]))),
    0,
  );

/** For statistics [sum, count]. */
export const meanOf = ([sum, count]: readonly number[]): number => sum / count;
