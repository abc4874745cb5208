/**
 * The training loop. For each epoch, for each batch: run the step, record. Then validate, record, checkpoint, decide whether to
 * stop. Files, clock, terminal and signals belong to the caller and are passed in as `TrainOptions`.
 */
import type { Session } from '../../tensor/index.js';
import type { LoadedData, Split } from '../../data/index.js';
import { scheduleOf } from '../../nn/index.js';
import { expectBatches } from '../step/dataset.js';
import { Evaluator } from './evaluate.js';
import type { ExperimentConfig } from '../schema.js';
import {
  capture,
  type EpochRow,
  type Figures,
  firstNonFinite,
  largestIn,
  restore,
  type Snapshot,
  type Tensors,
  type Variable,
} from './snapshot.js';
import { epochOrder } from './epoch-order.js';
import { type Plan, planOf } from './plan.js';
import { isFailed, Stepper, type StepValues } from '../step/stepper.js';
import { nameSuspect } from '../step/step.js';
import type { Evaluation } from '../step/sums.js';
import { TrainingError } from './training-error.js';
import { figuresOf, type TrainingResult, TrainingRun } from './training-run.js';

/** Where a run is. One object for the whole run, renewed in place: read it, do not keep it. */
export interface Progress {
  /** The epoch in progress, 1-based, of `epochs`. */
  epoch: number;
  readonly epochs: number;
  /** Batches done in the epoch, of `batches`. */
  batch: number;
  batches: number;
  /** Steps done in the run, of `totalSteps`. */
  step: number;
  readonly totalSteps: number;
  readonly batchSize: number;
  /** Samples done in the epoch. */
  samples: number;
  /** Loss and metrics over the epoch so far. */
  figures(): Figures;
}

/** Where a run's results go. */
export interface Recorder {
  epoch(row: EpochRow): void;
  checkpoint(kind: 'last' | 'best', snapshot: Snapshot): void;
  /** Called after every step, so it must usually return at once. */
  progress(progress: Progress): void;
}

export interface TrainOptions {
  readonly recorder: Recorder;
  /** Asked after every step and every evaluated batch; the run then ends as `interrupted`, with a checkpoint to resume from. */
  readonly shouldStop: () => boolean;
  /** Seconds from some fixed moment. */
  readonly now: () => number;
  /** The snapshot to resume from and that of the best epoch so far, if any. */
  readonly resume?: { readonly last: Snapshot; readonly best?: Snapshot };
  /** Initial weights and running statistics by name; the others are drawn. */
  readonly given?: Tensors;
  /** Time limit. */
  readonly maxSeconds?: number;
  /** One training and one validation batch, then the end. */
  readonly fastDevRun?: boolean;
  /** The result of `prepare` for the same session, config and data. */
  readonly prepared?: Stepper;
}

/** The longest that signals and timers wait for the loop, in seconds. */
const LONGEST_BREATH = 0.1;

const stepperOf = (
  session: Session,
  config: ExperimentConfig,
  { train: split, affine }: Pick<LoadedData, 'train' | 'affine'>,
  batchSize: number,
): Stepper => new Stepper(session, config, split, batchSize, { affine });

/**
 * Compiles the step of a run before it has a directory. Throws MemoryLimitError where the network does not fit, ShapeError where it
 * does not fit the data.
 */
export function prepare(session: Session, config: ExperimentConfig, data: LoadedData, fastDevRun?: boolean): Stepper {
  const { batchSize } = planOf(config, data.train.size, fastDevRun);
  const stepper = stepperOf(session, config, data, batchSize);
  stepper.stepFor(batchSize);
  return stepper;
}

/**
 * Trains an experiment. The same config and data give the same weights and figures bit for bit, whether or not the run was
 * interrupted and resumed in between. Throws TrainingError where a loss, gradient or weight is not finite, ShapeError where the model
 * does not fit the data, SnapshotError where the snapshot to resume does not fit.
 */
export const train = (
  session: Session,
  config: ExperimentConfig,
  data: LoadedData,
  options: TrainOptions,
): Promise<TrainingResult> => new Trainer(session, config, data, options).train();

/** Products of weights as large as this overflow float32. */
const LARGEST_WEIGHT = 1e18;

/** A step that has been started, and its outputs as soon as they are read. */
interface StartedStep {
  readonly indices: Int32Array;
  /** From 0. */
  readonly number: number;
  readonly rate: number;
  readonly outputs: Promise<StepValues>;
}

class Trainer {
  private readonly plan: Plan;
  private readonly stepper: Stepper;
  private readonly validation: Evaluator | undefined;
  private readonly run: TrainingRun;
  /** The learning rate of a step, from 0. */
  private readonly rateOf: (step: number) => number;
  private readonly progress: Progress;
  private readonly start: number;
  private lastBreath: number;
  private lastCheckpoint: number;
  /** Steps whose outputs have not been looked at yet. */
  private started: StartedStep[] = [];
  private stop: 'interrupted' | 'max_time' | undefined;

  constructor(
    private readonly session: Session,
    private readonly config: ExperimentConfig,
    private readonly data: LoadedData,
    private readonly options: TrainOptions,
  ) {
    this.start = this.lastBreath = this.lastCheckpoint = options.now();
    const plan = planOf(config, data.train.size, options.fastDevRun);
    const stepper = options.prepared ?? stepperOf(session, config, data, plan.batchSize);
    const run = new TrainingRun(session, config, data, stepper, plan);
    const factor = scheduleOf(config.schedule, { totalSteps: plan.totalSteps, stepsPerEpoch: plan.batches });
    this.plan = plan;
    this.stepper = stepper;
    this.run = run;
    this.validation = data.val && this.evaluator('val', data.val);
    this.rateOf = (step) => config.optimizer.lr * factor(step) * run.plateauFactor;
    this.progress = { ...plan, epoch: 0, batch: 0, step: 0, samples: 0, figures: () => figuresOf(run.sums.result()) };
  }

  async train(): Promise<TrainingResult> {
    await this.begin();
    while (!this.run.finished && this.stop === undefined) {
      await this.trainEpoch();
      if (!this.run.epochDone) break;
      const { averagedStates } = this.stepper;
      const unrefreshed = await capture(this.session, averagedStates);
      this.stepper.refreshStatistics();
      await this.checkWeights();
      const validated = this.validation && (await this.evaluate(this.validation));
      if (validated === 'interrupted') {
        // All batches of the epoch are done but not its end: a resume begins with the statistics and the validation.
        restore(this.session, averagedStates, unrefreshed);
        await this.checkpoint();
        this.stop = 'interrupted';
        break;
      }
      await this.finishEpoch(validated);
    }
    return this.conclude();
  }

  private async begin(): Promise<void> {
    const { resume, given } = this.options;
    if (resume === undefined) await this.stepper.initialize(given);
    else this.run.resume(resume.last, resume.best);
  }

  /** The remaining batches of the epoch in progress, until the run has to stop. */
  private async trainEpoch(): Promise<void> {
    const { run, plan, progress, stepper } = this;
    const { size } = this.data.train;
    const order = epochOrder(this.config, this.data.train, run.epoch + 1);
    progress.epoch = run.epoch + 1;
    progress.batches = run.batches;
    const { batchSize } = plan;
    expectBatches(stepper.dataset, order.subarray(run.batch * batchSize, run.batches * batchSize), batchSize);
    let before = 0;
    for (let batch = run.batch; batch < run.batches && this.stop === undefined; batch++) {
      if (this.started.length === 0) before = this.options.now();
      const isLast = batch + 1 === run.batches;
      this.startStep(order.subarray(batch * batchSize, Math.min((batch + 1) * batchSize, size)), isLast);
      if (!this.mustRecord(batch)) continue;
      await this.recordSteps();
      const time = this.options.now();
      run.stepSeconds += time - before;
      await this.pauseTraining(time);
    }
  }

  private startStep(indices: Int32Array, isLastOfEpoch: boolean): void {
    const number = this.run.step + this.started.length;
    const rate = this.rateOf(number);
    const outputs = this.stepper.run(indices, number, rate, isLastOfEpoch).read();
    this.started.push({ indices, number, rate, outputs });
  }

  /** Whether to read the outputs of the steps up to `batch` now. */
  private mustRecord(batch: number): boolean {
    const { run, started } = this;
    const isLast = batch + 1 === run.batches;
    return isLast || started.length >= this.session.runsPerRead || this.isCheckpointStep(run.step + started.length);
  }

  /** Counts the steps that have been started. Throws TrainingError where one failed: those after it have done nothing. */
  private async recordSteps(): Promise<void> {
    const { run, progress } = this;
    for (const step of this.started) {
      const outputs = await step.outputs;
      if (isFailed(outputs)) throw await this.failure(step);
      run.sums.add(step.indices.length, outputs);
      run.step++;
      run.batch++;
      run.samplesSeen += step.indices.length;
      progress.batch = run.batch;
      progress.step = run.step;
      progress.samples = run.sums.samples;
      this.options.recorder.progress(progress);
    }
    this.started = [];
  }

  /** Between two steps: lets signals in, decides whether to stop, and writes a checkpoint where one is due. */
  private async pauseTraining(time: number): Promise<void> {
    const { maxSeconds = Infinity } = this.options;
    const { checkpoint_every_seconds: everySeconds = Infinity } = this.config.train;
    if (await this.pause(time)) this.stop = 'interrupted';
    else if (time - this.start >= maxSeconds) this.stop = 'max_time';
    const isDue =
      this.stop !== undefined || this.isCheckpointStep(this.run.step) || time - this.lastCheckpoint >= everySeconds;
    // The end of an epoch writes its own.
    if (isDue && !this.run.epochDone) await this.checkpoint();
  }

  private isCheckpointStep(step: number): boolean {
    return step % (this.config.train.checkpoint_every ?? Infinity) === 0;
  }

  private async finishEpoch(validated: Evaluation | undefined): Promise<void> {
    const { run } = this;
    const { recorder, now } = this.options;
    const row = run.finishEpoch(validated, this.rateOf(run.step - 1));
    recorder.epoch(row);
    const isBest = run.isBest(row);
    const snapshot = await run.snapshot();
    if (isBest) {
      run.keepBest(snapshot);
      recorder.checkpoint('best', snapshot);
    }
    recorder.checkpoint('last', snapshot);
    this.lastCheckpoint = now();
  }

  private async conclude(): Promise<TrainingResult> {
    const { run, config, data, stop } = this;
    const seconds = (): number => this.options.now() - this.start;
    if (stop === 'interrupted' && !run.finished) return run.result('interrupted', seconds(), { reason: 'interrupted' });
    await this.checkOutcome(run.last?.values['val/loss']);
    if (config.train.early_stopping?.restore_best ?? true) run.restoreBest();
    else if (!run.epochDone) this.stepper.refreshStatistics();
    const tested = data.test && (await this.evaluate(this.evaluator('test', data.test)));
    if (tested === 'interrupted') return run.result('interrupted', seconds(), { reason: 'interrupted' });
    await this.checkOutcome(tested?.loss);
    const { test, reports } = testResults(tested);
    if (run.stoppedEarly) {
      const reason = `${run.monitor?.figure} has not improved for ${run.monitor?.patience} epochs`;
      return run.result('early_stopped', seconds(), { reason, test, reports });
    }
    return run.result('completed', seconds(), { reason: run.finished ? undefined : stop, test, reports });
  }

  private evaluator(name: string, split: Split): Evaluator {
    return new Evaluator(this.session, this.config, name, split, this.data, this.stepper.inputs);
  }

  private async evaluate(evaluator: Evaluator): Promise<Evaluation | 'interrupted'> {
    const evaluation = evaluator.batchwise(this.options.fastDevRun === true ? 1 : Infinity);
    for (;;) {
      const { done, value } = await evaluation.next();
      if (done === true) return value;
      if (await this.pause(this.options.now())) return 'interrupted';
    }
  }

  /** Lets signals in now and then; returns whether to stop. */
  private async pause(time: number): Promise<boolean> {
    if (time - this.lastBreath > LONGEST_BREATH) {
      await breathe();
      this.lastBreath = this.options.now();
    }
    return this.options.shouldStop();
  }

  /** Throws TrainingError where the weights are not finite: the file then keeps what was written before. */
  private async checkpoint(): Promise<void> {
    const snapshot = await this.run.snapshot();
    await this.checkWeights(snapshot.tensors);
    this.options.recorder.checkpoint('last', snapshot);
    this.lastCheckpoint = this.options.now();
  }

  /** Each step detects weights that the previous one broke; this checks the last step. Throws TrainingError. */
  private async checkWeights(tensors?: Tensors): Promise<void> {
    const { run, stepper } = this;
    const broken = tensors === undefined ? await this.findWeights((largest) => !Number.isFinite(largest)) : firstNonFinite(tensors, stepper.weights); // prettier-ignore
    if (broken === undefined) return;
    const description = `${broken.name} is not finite after the update: the learning rate is probably too high`;
    throw await this.failed(description, run.step, run.epoch + 1);
  }

  /**
   * Weights of 1e37 are finite, but the network's outputs are not. Where a loss that the run ends with, or the weights
   * themselves, look like it, the last batch tells, as it would have in a further step. Throws TrainingError.
   */
  private async checkOutcome(loss: number | undefined): Promise<void> {
    const { run, stepper, plan, config } = this;
    if (run.step === 0) return;
    const isSane = (await this.findWeights((largest) => !(largest < LARGEST_WEIGHT))) === undefined;
    if (isSane && Number.isFinite(loss ?? 0)) return;
    const number = run.step - 1;
    const [epoch, batch] = [Math.floor(number / plan.batches), number % plan.batches];
    const first = batch * plan.batchSize;
    const indices = epochOrder(config, this.data.train, epoch + 1).subarray(first, first + plan.batchSize);
    const { suspect } = await stepper.diagnose(indices, number, this.rateOf(number));
    if (suspect === undefined) return;
    const description = `${nameSuspect(suspect)} is not finite after the update: the learning rate is probably too high`;
    throw await this.failed(description, run.step, epoch + 1, suspect.layer);
  }

  /** The first weights whose largest magnitude satisfies the predicate; copies one tensor at a time. */
  private async findWeights(isWanted: (largest: number) => boolean): Promise<Variable | undefined> {
    for (const variable of this.stepper.weights) {
      if (isWanted(largestIn(await this.session.read(variable.node)))) return variable;
    }
    return undefined;
  }

  /** The error of a failed step; the state before it becomes the last checkpoint, unless that is broken too. */
  private async failure({ indices, number, rate }: StartedStep): Promise<TrainingError> {
    const { run, stepper } = this;
    const { suspect, description } = await stepper.diagnose(indices, number, rate);
    const snapshot = await run.snapshot();
    if (firstNonFinite(snapshot.tensors, stepper.weights) === undefined)
      this.options.recorder.checkpoint('last', snapshot);
    return this.failed(description, run.step + 1, run.epoch + 1, suspect?.layer);
  }

  private async failed(description: string, step: number, epoch: number, layer?: string): Promise<TrainingError> {
    const result = await this.run.result('failed', this.options.now() - this.start, { reason: description });
    return new TrainingError(description, step, epoch, result, layer);
  }
}

/** What the test split adds to the result; no reports where no metric is a table. */
function testResults(tested: Evaluation | undefined): Pick<TrainingResult, 'test' | 'reports'> {
  if (tested === undefined) return {};
  const hasReports = Object.keys(tested.reports).length > 0;
  return { test: figuresOf(tested), ...(hasReports ? { reports: tested.reports } : {}) };
}

/** Yields to signals, timers and the terminal. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
