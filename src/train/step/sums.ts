/** Losses and metric statistics of batches, put together in float64 as each metric says: added, or row below row. */
import type { Node, TypedValues } from '../../tensor/index.js';
import {
  isReport,
  type MetricConfig,
  metricOf,
  namedMetrics,
  type ReportTable,
  type Statistics,
} from '../../nn/index.js';
import type { EpochSums, Figures, NamedTensor, Tensors } from '../loop/snapshot.js';

export interface Evaluation {
  readonly samples: number;
  /** Mean over the samples, without penalties on the weights. */
  readonly loss: number;
  /** Metrics by name, and before them the means of the other figures that the task's objectives give. */
  readonly metrics: Figures;
  /** The metrics that are tables. */
  readonly reports: Readonly<Record<string, ReportTable>>;
}

/** What a step calls its output of a metric's statistics, and a snapshot those that are appended. */
export const metricOutput = (metric: string): string => `metrics.${metric}`;

const FIGURE = 'figures.';
/** What a step calls its output of an objective's figure other than the loss, summed over the batch. */
export const figureOutput = (figure: string): string => FIGURE + figure;

export class Sums {
  samples = 0;
  loss = 0;
  private readonly metrics: readonly {
    readonly name: string;
    readonly config: MetricConfig;
    /** Of the step, see `metricOutput`. */
    readonly output: string;
    readonly kept: Kept;
  }[];
  /** The figures of the task beside the loss, each a sum over the samples. */
  private readonly figures: readonly { readonly name: string; readonly output: string; readonly kept: Added }[];

  /** `outputs` are those of a step; all batches have the same shapes except for the number of rows. */
  constructor(metrics: readonly MetricConfig[], outputs: Readonly<Record<string, Node>>) {
    this.metrics = namedMetrics(metrics).map(({ name, config }) => {
      const output = metricOutput(name);
      const width = outputs[output].shape.at(-1) ?? 1;
      return {
        name,
        config,
        output,
        kept: metricOf(config).combine === 'append' ? new Appended(width) : new Added(width),
      };
    });
    this.figures = Object.keys(outputs)
      .filter((output) => output.startsWith(FIGURE))
      .map((output) => ({ name: output.slice(FIGURE.length), output, kept: new Added(1) }));
  }

  clear(): void {
    this.samples = 0;
    this.loss = 0;
    for (const { kept } of [...this.metrics, ...this.figures]) kept.clear();
  }

  /** Adds the outputs of a batch's step: the sum of its losses, and the statistics of its metrics. */
  add(samples: number, values: Readonly<Record<string, TypedValues>> & { readonly loss: TypedValues }): void {
    this.samples += samples;
    this.loss += values.loss[0];
    for (const { output, kept } of this.metrics) kept.add(values[output]);
    for (const { output, kept } of this.figures) kept.add(values[output]);
  }

  /** The figures so far: mean loss, the task's and the metrics by name, and the tables with the names of classes or labels. */
  result(names?: readonly string[]): Evaluation {
    const metrics: Record<string, number> = {};
    for (const { name, kept } of this.figures) metrics[name] = kept.values[0] / this.samples;
    const reports: Record<string, ReportTable> = {};
    for (const { name, config, kept } of this.metrics) {
      const metric = metricOf(config);
      if (isReport(metric)) reports[name] = metric.table(kept, config, names);
      else metrics[name] = metric.finalize(kept, config);
    }
    return { samples: this.samples, loss: this.loss / this.samples, metrics, reports };
  }

  /** The state as JSON, all but what is appended. */
  copy(): EpochSums {
    const statistics = [...this.metrics, ...this.figures].map(({ kept }) => (kept instanceof Added ? Array.from(kept.values) : [])); // prettier-ignore
    return { samples: this.samples, loss: this.loss, statistics };
  }

  /** What is appended, as tensors by name. */
  tensors(): [string, NamedTensor][] {
    return this.metrics.flatMap(({ output, kept }): [string, NamedTensor][] => {
      if (!(kept instanceof Appended)) return [];
      const values = kept.values.slice();
      return [[output, { dtype: 'F64', shape: [values.length / kept.width, kept.width], values }]];
    });
  }

  /** Continues from what `copy` and `tensors` returned. */
  set({ samples, loss, statistics }: EpochSums, tensors: Tensors): void {
    this.clear();
    this.samples = samples;
    this.loss = loss;
    this.metrics.forEach(({ output, kept }, i) => {
      kept.add(kept instanceof Added ? statistics[i] : (tensors.get(output)?.values ?? []));
    });
    this.figures.forEach(({ kept }, i) => kept.add(statistics[this.metrics.length + i]));
  }
}

interface Kept extends Statistics {
  add(batch: ArrayLike<number>): void;
  clear(): void;
}

class Added implements Kept {
  readonly values: Float64Array;
  constructor(readonly width: number) {
    this.values = new Float64Array(width);
  }
  add(batch: ArrayLike<number>): void {
    for (let i = 0; i < batch.length; i++) this.values[i] += batch[i];
  }
  clear(): void {
    this.values.fill(0);
  }
}

class Appended implements Kept {
  /** Grown by doubling and kept from epoch to epoch. */
  private space = new Float64Array(0);
  private length = 0;
  constructor(readonly width: number) {}

  get values(): Float64Array {
    return this.space.subarray(0, this.length);
  }
  add(batch: ArrayLike<number>): void {
    const length = this.length + batch.length;
    if (length > this.space.length) {
      const larger = new Float64Array(Math.max(length, 2 * this.space.length));
      larger.set(this.values);
      this.space = larger;
    }
    this.space.set(batch, this.length);
    this.length = length;
  }
  clear(): void {
    this.length = 0;
  }
}
