/** Loss and metrics of a whole split, for validation, the final test and `nn eval`. */
import type { Executable, Node, Session } from '../tensor/index.js';
import type { Affine, Split } from '../data/index.js';
import { type MetricConfig, metricOf } from '../nn/metrics/index.js';
import { type Dataset, datasetOf, selectBatch, upload } from './dataset.js';
import type { ExperimentConfig } from './experiment.js';
import { type EpochSums, type Figures, restore, type Tensors } from './snapshot.js';
import { evaluationStep } from './step.js';

export interface Evaluation {
  readonly samples: number;
  /** Mean over the samples, without penalties on the weights. */
  readonly loss: number;
  readonly metrics: Figures;
}

/** Float64 sums of losses and metric statistics over batches. */
export class Sums {
  samples = 0;
  loss = 0;
  readonly statistics: number[][] = [];

  constructor(private readonly metrics: readonly MetricConfig[]) {
    this.clear();
  }

  clear(): void {
    this.set({ samples: 0, loss: 0, statistics: this.metrics.map(() => []) });
  }

  set({ samples, loss, statistics }: EpochSums): void {
    this.samples = samples;
    this.loss = loss;
    statistics.forEach((sums, i) => (this.statistics[i] = [...sums]));
  }

  copy(): EpochSums {
    return { samples: this.samples, loss: this.loss, statistics: this.statistics.map((sums) => [...sums]) };
  }

  /** Adds a batch: the sum of its losses, and its statistics, which are the executable's outputs from `first` on. */
  add(samples: number, loss: number, executable: Executable, first: number): void {
    this.samples += samples;
    this.loss += loss;
    for (let m = 0; m < this.statistics.length; m++) {
      const values = executable.output(first + m);
      const sums = this.statistics[m];
      for (let i = 0; i < values.length; i++) sums[i] = (sums[i] ?? 0) + values[i];
    }
  }

  /** The figures so far: mean loss, and the metrics by name. */
  result(): Evaluation {
    const figures = this.metrics.map((m, i): [string, number] => [m.type, metricOf(m).finalize(this.statistics[i], m)]);
    return {
      samples: this.samples,
      loss: this.loss / this.samples,
      metrics: Object.fromEntries(figures),
    };
  }
}

/** Evaluates the weights that a session holds on one split; the samples are uploaded once, when first needed. */
export class Evaluator {
  private readonly dataset: Dataset;
  private readonly compiled = new Map<number, { indices: Node; executable: Executable }>();
  private uploaded = false;

  constructor(
    private readonly session: Session,
    private readonly config: ExperimentConfig,
    name: string,
    private readonly split: Split,
    affine?: Affine,
  ) {
    this.dataset = datasetOf(name, split, affine);
  }

  /** Loss and metrics over the split's first `maxBatches` batches (all by default). */
  evaluate(maxBatches = Infinity): Evaluation {
    if (!this.uploaded) upload(this.session, this.dataset, this.split);
    this.uploaded = true;
    const sums = new Sums(this.config.metrics);
    const { size } = this.split;
    const batchSize = Math.min(this.config.train.eval_batch_size, size);
    const batches = Math.min(Math.ceil(size / batchSize), maxBatches);
    const order = Int32Array.from({ length: size }, (_, i) => i);
    for (let batch = 0; batch < batches; batch++) {
      const indices = order.subarray(batch * batchSize, (batch + 1) * batchSize);
      const step = this.stepFor(indices.length);
      selectBatch(this.session, this.dataset, step.indices, indices);
      step.executable.run();
      sums.add(indices.length, step.executable.output(0)[0], step.executable, 1);
    }
    return sums.result();
  }

  /** Sets the network's weights and running statistics. Throws SnapshotError where they do not fit. */
  restore(tensors: Tensors): void {
    restore(this.session, evaluationStep(this.config, this.dataset, 1).variables, tensors);
  }

  /** The program for batches of this size; compiled when first needed. */
  stepFor(batchSize: number): { indices: Node; executable: Executable } {
    let step = this.compiled.get(batchSize);
    if (step === undefined) {
      const { program, indices } = evaluationStep(this.config, this.dataset, batchSize);
      this.compiled.set(batchSize, (step = { indices, executable: this.session.compile(program) }));
    }
    return step;
  }
}

/** Loss and metrics of the network with the weights `tensors` on a split named `name`. Throws SnapshotError. */
export function evaluate(
  session: Session,
  config: ExperimentConfig,
  name: string,
  split: Split,
  options: { readonly tensors: Tensors; readonly affine?: Affine },
): Evaluation {
  const evaluator = new Evaluator(session, config, name, split, options.affine);
  evaluator.restore(options.tensors);
  return evaluator.evaluate();
}
