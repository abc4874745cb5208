/** What a metric is: statistics of the samples, taken batch by batch in the graph, and the figure or table that they give together. */
import type * as z from 'zod';
import { concat, constant, type Node, reshape, sizeOf } from '../../tensor/index.js';
import type { ReferenceKind } from '../target.js';

interface Measured<S extends z.ZodObject> {
  readonly description: string;
  readonly schema: S;
  /** What it can compare predictions with. */
  readonly targets: readonly ReferenceKind[];
  /**
   * How the statistics of batches are combined: `add` sums f32 [k] element by element, `append` puts the rows of f32
   * [rows, width] below each other, for what is not a sum, such as ranks over the whole split.
   */
  readonly combine?: 'add' | 'append';
  /** From the network's output [batch, units] (for regression: its predictions) and the targets. Throws ShapeError. */
  statistics(output: Node, target: Node, params: z.output<S>): Node;
}

/** Statistics of any number of samples, in float64. */
export interface Statistics {
  /** The sums, or all rows one after the other. */
  readonly values: ArrayLike<number>;
  /** Of a row; for sums, how many there are. */
  readonly width: number;
}

/** A metric that is one number: a column of metrics.csv. */
export interface Metric<S extends z.ZodObject = z.ZodObject> extends Measured<S> {
  /** Whether smaller or larger is better. */
  readonly mode: 'min' | 'max';
  finalize(statistics: Statistics, params: z.output<S>): number;
}

/** A metric that is a table: made at the end of a run and by `nn eval`. */
export interface Report<S extends z.ZodObject = z.ZodObject> extends Measured<S> {
  /** `names` are those of the classes or labels, where there are any. */
  table(statistics: Statistics, params: z.output<S>, names: readonly string[] | undefined): ReportTable;
}

export interface ReportTable {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly values: readonly (readonly number[])[];
}

export const defineMetric = <S extends z.ZodObject>(metric: Metric<S>): Metric<S> => metric;
export const defineReport = <S extends z.ZodObject>(report: Report<S>): Report<S> => report;

/** One vector of scalars, vectors and numbers. */
export const vectorOf = (parts: readonly (Node | number)[]): Node =>
  concat(
    parts.map((part) => (typeof part === 'number' ? constant(part, [1]) : reshape(part, [sizeOf(part.shape)]))),
    0,
  );

/** For the statistics sum and count. */
export const meanOf = ({ values }: Statistics): number => values[0] / values[1];

/** Element `column` of every row. */
export const columnOf = ({ values, width }: Statistics, column: number): Float64Array =>
  Float64Array.from({ length: values.length / width }, (_, row) => values[row * width + column]);
