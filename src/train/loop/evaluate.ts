/** Loss and metrics of a whole split, for validation, the final test and `nn eval`. */
import type { Executable, OutputValues, Session } from '../../tensor/index.js';
import type { LoadedData, Split } from '../../data/index.js';
import { type Dataset, datasetOf, expectBatches, selectBatch, upload } from '../step/dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { type Figures, restore, type Tensors } from './snapshot.js';
import { sparsityOf } from '../checks/sparsity.js';
import { RunInputs } from '../step/run-inputs.js';
import { type EvaluationOutputs, type EvaluationStep, evaluationStep } from '../step/step.js';
import { type Evaluation, Sums } from '../step/sums.js';

/** How the split is encoded: the affine map that the step applies, and the names of classes or labels. */
export type SplitEncoding = Pick<LoadedData, 'affine' | 'classes'>;

/** Evaluates the weights that a session holds on one split; the samples are uploaded once, when first needed. */
export class Evaluator {
  private readonly dataset: Dataset;
  private readonly compiled = new Map<number, EvaluationStep & { executable: Executable<EvaluationOutputs> }>();
  private uploaded = false;

  constructor(
    private readonly session: Session,
    private readonly config: ExperimentConfig,
    name: string,
    private readonly split: Split,
    private readonly treatment: SplitEncoding,
    private readonly inputs: RunInputs,
  ) {
    this.dataset = datasetOf(name, split, treatment.affine);
  }

  /** Loss and metrics over the split's first `maxBatches` batches (all by default). */
  async evaluate(maxBatches = Infinity): Promise<Evaluation> {
    const evaluation = this.batchwise(maxBatches);
    for (;;) {
      const { done, value } = await evaluation.next();
      if (done === true) return value;
    }
  }

  /** As `evaluate`, but yields before every batch, so that the caller may abandon it. */
  async *batchwise(maxBatches = Infinity): AsyncGenerator<undefined, Evaluation> {
    if (!this.uploaded) upload(this.session, this.dataset, this.split);
    this.uploaded = true;
    const { size } = this.split;
    const batchSize = Math.min(this.config.train.eval_batch_size, size);
    const batches = Math.min(Math.ceil(size / batchSize), maxBatches);
    const sums = new Sums(this.config.metrics, this.stepFor(batchSize).program.outputs);
    const order = Int32Array.from({ length: size }, (_, i) => i);
    expectBatches(this.dataset, order.subarray(0, batches * batchSize), batchSize);
    let started: { readonly samples: number; readonly values: Promise<OutputValues<EvaluationOutputs>> }[] = [];
    for (let batch = 0; batch < batches; batch++) {
      yield;
      const indices = order.subarray(batch * batchSize, (batch + 1) * batchSize);
      const step = this.stepFor(indices.length);
      selectBatch(this.session, this.dataset, step.indices, indices);
      step.executable.run();
      started.push({ samples: indices.length, values: step.executable.read() });
      if (started.length < this.session.runsPerRead && batch + 1 < batches) continue;
      for (const { samples, values } of started) sums.add(samples, await values);
      started = [];
    }
    return sums.result(this.treatment.classes);
  }

  /** Sets the network's weights and running statistics. Throws SnapshotError where they do not fit. */
  restore(tensors: Tensors): void {
    restore(this.session, evaluationStep(this.config, this.dataset, 1, this.inputs).variables, tensors);
  }

  /** Shares of the weights that are exactly 0, where something makes them so. */
  sparsity(): Promise<Figures | undefined> {
    return sparsityOf(this.session, evaluationStep(this.config, this.dataset, 1, this.inputs).parameters);
  }

  /** The program for batches of this size; compiled when first needed. */
  stepFor(batchSize: number): EvaluationStep & { executable: Executable<EvaluationOutputs> } {
    let step = this.compiled.get(batchSize);
    if (step === undefined) {
      const planned = evaluationStep(this.config, this.dataset, batchSize, this.inputs);
      this.compiled.set(batchSize, (step = { ...planned, executable: this.session.compile(planned.program) }));
    }
    return step;
  }
}

/** Loss and metrics of the network with the weights `tensors` on a split named `name`, and how sparse they are. Throws SnapshotError. */
export async function evaluate(
  session: Session,
  config: ExperimentConfig,
  name: string,
  split: Split,
  options: SplitEncoding & { readonly tensors: Tensors },
): Promise<Evaluation & { readonly sparsity?: Figures }> {
  const evaluator = new Evaluator(session, config, name, split, options, new RunInputs());
  evaluator.restore(options.tensors);
  const sparsity = await evaluator.sparsity();
  return { ...(await evaluator.evaluate()), ...(sparsity && { sparsity }) };
}
