/** Runs training steps in a session: compiles one program per batch size when first needed, and feeds it. */
import {
  type Executable,
  hostRandom,
  type OutputValues,
  type Session,
  streamKey,
  threefry2x32,
} from '../../tensor/index.js';
import type { Affine, Split } from '../../data/index.js';
import type { Parameter } from '../../nn/index.js';
import { type Dataset, datasetOf, expectBatches, selectBatch, upload } from './dataset.js';
import type { ExperimentConfig } from '../schema.js';
import { averageName, RunInputs } from './run-inputs.js';
import { scaleToUnitVariance } from './lsuv.js';
import {
  type NamedTensor,
  RANDOM_SCHEME,
  restore,
  SnapshotError,
  type Snapshot,
  type Tensors,
  type Variable,
} from '../loop/snapshot.js';
import {
  describeSuspect,
  diagnosisStep,
  type StatisticsStep,
  statisticsStep,
  type Suspect,
  type TrainingOutputs,
  trainingStep,
  type TrainingStep,
} from './step.js';
import { accumulates } from './weight-updates.js';
import { sizeOf } from '../../tensor/shape.js';

/** Batches that running statistics are measured from: some thousand samples are enough (Wu and Johnson 2021). */
const STATISTICS_BATCHES = 100;

interface CompiledStep {
  readonly step: TrainingStep;
  readonly executable: Executable<TrainingOutputs>;
}

export type StepValues = OutputValues<TrainingOutputs>;

/** Whether the step, or one before it, was not finite; it has changed nothing then. */
export const isFailed = ({ health }: StepValues): boolean => health[0] !== 0;

export class Stepper {
  readonly dataset: Dataset;
  /** Those of its programs; others that are built on them see its weights. */
  readonly inputs = new RunInputs();
  /** All that outlives a step: weights, optimizer slots, running statistics. */
  readonly variables: readonly Variable[];
  /** The part of it that evaluation and a return to the best epoch need: weights, their averages, running statistics. */
  readonly weights: readonly Variable[];
  /** The outputs of every step. */
  readonly outputs: TrainingOutputs;
  private readonly compiled = new Map<number, CompiledStep>();
  private refresher: { step: StatisticsStep; executable: Executable } | undefined;
  private readonly blueprint: TrainingStep;
  private readonly stochastic: boolean;
  private readonly seedKey: readonly [number, number];
  // Written before every step; allocated once.
  private readonly key = new Uint32Array(2);
  private readonly scalar = new Float64Array(1);

  /** Uploads the training split. With `stochastic` false nothing in a step is random. Throws ShapeError naming the layer. */
  constructor(
    private readonly session: Session,
    private readonly config: ExperimentConfig,
    split: Split,
    batchSize: number,
    options: { readonly affine?: Affine; readonly stochastic?: boolean } = {},
  ) {
    this.stochastic = options.stochastic ?? true;
    this.dataset = datasetOf('train', split, options.affine);
    this.seedKey = streamKey(config.seed, 'step');
    this.blueprint = trainingStep(config, this.dataset, batchSize, this.inputs, this.stochastic);
    const { parameters, states, slots, averages, averagedStates } = this.blueprint;
    this.weights = [...parameters, ...states, ...averages, ...averagedStates];
    this.outputs = this.blueprint.program.outputs;
    this.variables = [...parameters, ...states, ...slots, ...averagedStates];
    upload(session, this.dataset, split);
  }

  /**
   * Sets initial weights from the seed, each parameter from its own stream, except those `given`, and clears the
   * optimizer. Throws SnapshotError where a tensor that is given has another shape.
   */
  async initialize(given: Tensors = new Map()): Promise<void> {
    const { indices, failedStep } = this.blueprint.inputs;
    const [batchSize] = indices.shape;
    this.session.write(failedStep, [0]);
    // Compiling reserves all memory, so that a network that does not fit fails at once and not after its weights were drawn.
    this.stepFor(batchSize);
    for (const parameter of this.blueprint.parameters) {
      this.session.write(parameter.node, parameter.initialize(hostRandom(this.config.seed, `init.${parameter.name}`)));
    }
    for (const state of [...this.blueprint.states, ...this.blueprint.averagedStates]) {
      this.session.write(state.node, state.initial());
    }
    for (const slot of this.blueprint.slots) {
      const size = sizeOf(slot.node.shape);
      this.session.write(slot.node, new Float64Array(size).fill(slot.initial));
    }
    const { parameters, states } = this.blueprint;
    const taken = [...parameters, ...states].filter(({ name }) => given.has(name));
    restore(this.session, taken, given);
    const fixed = new Set(taken.map(({ name }) => name));
    await scaleToUnitVariance(this.session, this.config, this.dataset, batchSize, this.inputs, fixed);
    const averages = new Map(this.blueprint.averages.map(({ name, node }) => [name, node]));
    for (const { name, node } of parameters) {
      const average = averages.get(averageName(name));
      if (average !== undefined) this.session.write(average, await this.session.read(node));
    }
  }

  /** Continues from a snapshot. Throws SnapshotError where it does not fit this network and generator. */
  restore(snapshot: Snapshot): void {
    if (snapshot.meta.random !== RANDOM_SCHEME) {
      throw new SnapshotError(
        `the checkpoint's random numbers come from ${snapshot.meta.random}, this version's from ${RANDOM_SCHEME}: ` +
          'an exact resume is not possible',
      );
    }
    restore(this.session, this.variables, this.withCounters(snapshot));
    this.session.write(this.blueprint.inputs.failedStep, [0]);
  }

  /** The tensors of a checkpoint; one from before accumulation kept its own count gets the counts that its step implies. */
  private withCounters({ tensors, meta }: Snapshot): Tensors {
    const { accumulate_batches: batches = 1 } = this.config.train;
    if (!accumulates(this.config) || tensors.has('optimizer.updates')) return tensors;
    const scalar = (value: number): NamedTensor => ({ dtype: 'F32', shape: [], values: Float32Array.of(value) });
    return new Map([
      ...tensors,
      ['optimizer.collected', scalar(meta.step % batches)],
      ['optimizer.updates', scalar(Math.floor(meta.step / batches))],
    ]);
  }

  get parameters(): readonly Parameter[] {
    return this.blueprint.parameters;
  }

  /** Their averages; none where no average is kept. */
  get averages(): readonly Variable[] {
    return this.blueprint.averages;
  }

  /** The state of layers that belongs to them, which `refreshStatistics` measures. */
  get averagedStates(): readonly Variable[] {
    return this.blueprint.averagedStates;
  }

  /**
   * Starts a step on the samples at `indices`: `step` counts from 0, `rate` is the learning rate. In the last step of an epoch the
   * gradients that have been accumulated are used, however few.
   */
  run(indices: Int32Array, step: number, rate: number, isLastOfEpoch = false): Executable<TrainingOutputs> {
    const { executable, step: training } = this.stepFor(indices.length);
    this.writeInputs(training, indices, step, rate);
    if (training.inputs.lastOfEpoch !== undefined) {
      this.scalar[0] = Number(isLastOfEpoch);
      this.session.write(training.inputs.lastOfEpoch, this.scalar);
    }
    executable.run();
    return executable;
  }

  private writeInputs({ inputs }: TrainingStep, indices: Int32Array, step: number, rate: number): void {
    const { session, key, scalar, seedKey } = this;
    selectBatch(session, this.dataset, inputs.indices, indices);
    [key[0], key[1]] = threefry2x32(seedKey[0], seedKey[1], step >>> 0, Math.floor(step / 2 ** 32));
    session.write(inputs.randomKey, key);
    scalar[0] = rate;
    session.write(inputs.rate, scalar);
    scalar[0] = step + 1;
    session.write(inputs.step, scalar);
  }

  /** Measures the state of layers, such as the statistics of batch norms, anew for the averaged weights, where there are both. */
  refreshStatistics(): void {
    const statistics = this.prepareStatistics();
    if (statistics === undefined) return;
    const { step, executable } = statistics;
    const [batchSize] = step.indices.shape;
    const { size } = this.dataset;
    const order = hostRandom(this.config.seed, 'statistics').permutation(size);
    const batches = Math.min(STATISTICS_BATCHES, Math.floor(size / batchSize));
    expectBatches(this.dataset, order.subarray(0, batches * batchSize), batchSize);
    for (let batch = 0; batch < batches; batch++) {
      selectBatch(this.session, this.dataset, step.indices, order.subarray(batch * batchSize, (batch + 1) * batchSize));
      this.scalar[0] = batch + 1;
      this.session.write(step.batchNumber, this.scalar);
      executable.run();
    }
  }

  /** The program of `refreshStatistics`, compiled when first needed; undefined where it has nothing to do. */
  prepareStatistics(): { step: StatisticsStep; executable: Executable } | undefined {
    if (this.blueprint.averagedStates.length === 0) return undefined;
    if (this.refresher === undefined) {
      const step = statisticsStep(this.config, this.dataset, this.blueprint.inputs.indices.shape[0], this.inputs);
      this.refresher = { step, executable: this.session.compile(step.program) };
    }
    return this.refresher;
  }

  /** Where a step that has failed, on these samples, stopped being finite. Its state must be there still. */
  async diagnose(
    indices: Int32Array,
    step: number,
    rate: number,
  ): Promise<{ readonly suspect?: Suspect; readonly description: string }> {
    const { program, suspects } = diagnosisStep(
      this.config,
      this.dataset,
      indices.length,
      this.inputs,
      this.stochastic,
    );
    const executable = this.session.compile(program);
    this.writeInputs(this.stepFor(indices.length).step, indices, step, rate);
    executable.run();
    const values = await executable.read();
    const suspect = suspects.find((_, i) => !Number.isFinite(values[i][0]));
    const description = suspect === undefined ? 'the loss or a gradient is not finite' : describeSuspect(suspect);
    return { ...(suspect === undefined ? {} : { suspect }), description };
  }

  /** The step for batches of this size; compiled when first needed. */
  stepFor(batchSize: number): CompiledStep {
    let compiled = this.compiled.get(batchSize);
    if (compiled === undefined) {
      const known = this.blueprint.inputs.indices.shape[0] === batchSize;
      const step = known
        ? this.blueprint
        : trainingStep(this.config, this.dataset, batchSize, this.inputs, this.stochastic);
      this.compiled.set(batchSize, (compiled = { step, executable: this.session.compile(step.program) }));
    }
    return compiled;
  }
}
