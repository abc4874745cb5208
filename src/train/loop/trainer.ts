/**
 * The training loop. For each epoch, for each batch: run the step, record. Then validate, record, checkpoint, decide whether to
 * stop. Files, clock, terminal and signals belong to the caller and are passed in as `TrainOptions`.
 */
import { hostRandom, type Session } from '../../tensor/index.js';
import type { DescribedData, LoadedData } from '../../data/index.js';
import { scheduleOf } from '../../nn/schedules.js';
import { expectBatches } from '../step/dataset.js';
import { Evaluator } from './evaluate.js';
import type { ExperimentConfig } from '../schema.js';
import type { EpochRow, Figures, Snapshot, Tensors } from './snapshot.js';
import { planOf } from './plan.js';
import { Stepper } from '../step/stepper.js';
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

/** What becomes of a run's results. */
export interface Recorder {
  epoch(row: EpochRow): void;
  checkpoint(kind: 'last' | 'best', snapshot: Snapshot): void;
  /** Called after every step: must return at once most of the time. */
  progress(progress: Progress): void;
}

export interface TrainOptions {
  readonly recorder: Recorder;
  /** Asked after every step and every evaluated batch; the run then ends as `interrupted`, with a checkpoint to resume from. */
  readonly shouldStop: () => boolean;
  /** Seconds from some fixed moment. */
  readonly now: () => number;
  /** The snapshot to go on from and the one of the best epoch so far, where there has been one. */
  readonly resume?: { readonly last: Snapshot; readonly best?: Snapshot };
  /** Weights and running statistics that a run begins with, by name; the others are drawn. */
  readonly given?: Tensors;
  /** Stop after so much time. */
  readonly maxSeconds?: number;
  /** One training and one validation batch, then the end. */
  readonly fastDevRun?: boolean;
  /** What `prepare` has made of the same session, config and data. */
  readonly prepared?: Stepper;
}

/** How long the loop may keep signals and timers waiting, in seconds. */
const LONGEST_BREATH = 0.1;

const stepperOf = (
  session: Session,
  config: ExperimentConfig,
  { train: split, affine }: Pick<LoadedData, 'train' | 'affine'>,
  batchSize: number,
): Stepper => new Stepper(session, config, split, batchSize, { affine });

/**
 * Compiles the step of a run before all of its data are there. Undefined where that cannot be, as their values would be copied now.
 * Throws MemoryLimitError where the network does not fit, ShapeError where it does not fit the data.
 */
export function prepare(
  session: Session,
  config: ExperimentConfig,
  data: DescribedData,
  fastDevRun?: boolean,
): Stepper | undefined {
  const { size, features } = data.train;
  if (!data.isComplete && (features.records !== undefined || !session.holds(features.values))) return undefined;
  const { batchSize } = planOf(config, size, fastDevRun);
  const stepper = stepperOf(session, config, data, batchSize);
  stepper.stepFor(batchSize);
  return stepper;
}

/**
 * Trains an experiment. The same config and data give the same weights and figures bit for bit, whether or not the run was
 * interrupted and resumed in between. Throws TrainingError where a loss or gradient is not finite, ShapeError where the model
 * does not fit the data, SnapshotError where the snapshot to resume does not fit.
 */
export async function train(
  session: Session,
  config: ExperimentConfig,
  data: LoadedData,
  options: TrainOptions,
): Promise<TrainingResult> {
  const { recorder, now, resume, fastDevRun = false, maxSeconds = Infinity } = options;
  const { checkpoint_every: everySteps = Infinity, checkpoint_every_seconds: everySeconds = Infinity } = config.train;
  const { train: split } = data;
  const start = now();
  const plan = planOf(config, split.size, fastDevRun);
  const stepper = options.prepared ?? stepperOf(session, config, data, plan.batchSize);
  const validation = data.val && new Evaluator(session, config, 'val', data.val, data, stepper.inputs);
  const factor = scheduleOf(config.schedule, { totalSteps: plan.totalSteps, stepsPerEpoch: plan.batches });
  const run = new TrainingRun(session, config, data, stepper, plan);
  const rateOf = (step: number): number => config.optimizer.lr * factor(step) * run.plateauFactor;
  const progress: Progress = { ...plan, epoch: 0, batch: 0, step: 0, samples: 0, figures: () => figuresOf(run.sums.result()) }; // prettier-ignore
  let lastBreath = start;
  let lastCheckpoint = start;

  /** Lets signals in now and then; whether the run is to stop. */
  const pause = async (time: number): Promise<boolean> => {
    if (time - lastBreath > LONGEST_BREATH) {
      await breathe();
      lastBreath = now();
    }
    return options.shouldStop();
  };
  /** Undefined where the run is to stop before the end of the split. */
  const evaluated = async (evaluator: Evaluator): Promise<Evaluation | undefined> => {
    const evaluation = evaluator.batchwise(fastDevRun ? 1 : Infinity);
    for (;;) {
      const { done, value } = evaluation.next();
      if (done === true) return value;
      if (await pause(now())) return undefined;
    }
  };

  if (resume === undefined) stepper.initialize(options.given);
  else run.resume(resume.last, resume.best);

  let stop: 'interrupted' | 'max_time' | undefined;
  while (!run.finished && stop === undefined) {
    const order = epochOrder(config, split.size, run.epoch + 1);
    progress.epoch = run.epoch + 1;
    progress.batches = run.batches;
    expectBatches(
      stepper.dataset,
      order.subarray(run.batch * plan.batchSize, run.batches * plan.batchSize),
      plan.batchSize,
    );
    while (!run.epochDone && stop === undefined) {
      const before = now();
      const first = run.batch * plan.batchSize;
      const indices = order.subarray(first, Math.min(first + plan.batchSize, split.size));
      const outputs = stepper.run(indices, run.step, rateOf(run.step));
      if (outputs === undefined) throw failure(run, stepper, indices.length, recorder, now() - start);
      run.sums.add(indices.length, outputs.output(0)[0], outputs, 2);
      run.step++;
      run.batch++;

      const time = now();
      run.stepSeconds += time - before;
      run.samplesSeen += indices.length;
      progress.batch = run.batch;
      progress.step = run.step;
      progress.samples = run.sums.samples;
      recorder.progress(progress);

      if (await pause(time)) stop = 'interrupted';
      else if (time - start >= maxSeconds) stop = 'max_time';
      const due = stop !== undefined || run.step % everySteps === 0 || time - lastCheckpoint >= everySeconds;
      if (due && !run.epochDone) {
        recorder.checkpoint('last', run.snapshot());
        lastCheckpoint = now();
      }
    }
    if (!run.epochDone) break;

    stepper.refreshStatistics();
    const validated = validation && (await evaluated(validation));
    if (validation !== undefined && validated === undefined) {
      // All batches of the epoch are done, and its end is not: a resume begins with the validation.
      recorder.checkpoint('last', run.snapshot());
      stop = 'interrupted';
      break;
    }
    const row = run.finishEpoch(validated, rateOf(run.step - 1));
    recorder.epoch(row);
    const isBest = run.isBest(row);
    const snapshot = run.snapshot();
    if (isBest) {
      run.keepBest(snapshot);
      recorder.checkpoint('best', snapshot);
    }
    recorder.checkpoint('last', snapshot);
    lastCheckpoint = now();
  }

  if (stop === 'interrupted' && !run.finished)
    return run.result('interrupted', now() - start, { reason: 'interrupted' });
  if (config.train.early_stopping?.restore_best ?? true) run.restoreBest();
  else if (!run.epochDone) stepper.refreshStatistics();
  const tested =
    data.test && (await evaluated(new Evaluator(session, config, 'test', data.test, data, stepper.inputs)));
  if (data.test !== undefined && tested === undefined)
    return run.result('interrupted', now() - start, { reason: 'interrupted' });
  const { test, reports } = testResults(tested);
  if (run.stoppedEarly) {
    const reason = `${run.monitor?.figure} has not improved for ${run.monitor?.patience} epochs`;
    return run.result('early_stopped', now() - start, { reason, test, reports });
  }
  return run.result('completed', now() - start, { reason: run.finished ? undefined : stop, test, reports });
}

/** What the test split adds to the result; no reports where no metric is a table. */
function testResults(tested: Evaluation | undefined): Pick<TrainingResult, 'test' | 'reports'> {
  if (tested === undefined) return {};
  const hasReports = Object.keys(tested.reports).length > 0;
  return { test: figuresOf(tested), ...(hasReports ? { reports: tested.reports } : {}) };
}

/** The samples of an epoch (1-based) in the order in which they are seen. */
export function epochOrder(config: ExperimentConfig, size: number, epoch: number): Int32Array {
  if (!config.train.shuffle) return Int32Array.from({ length: size }, (_, i) => i);
  return hostRandom(config.seed, `shuffle.${epoch}`).permutation(size);
}

/** The error of a step that has just failed; the state before it becomes the last checkpoint, unless that is broken too. */
function failure(
  run: TrainingRun,
  stepper: Stepper,
  batchSize: number,
  recorder: Recorder,
  seconds: number,
): TrainingError {
  const { suspect, description } = stepper.diagnose(batchSize);
  if (suspect?.kind !== 'weights') recorder.checkpoint('last', run.snapshot());
  const result = run.result('failed', seconds, { reason: description });
  return new TrainingError(description, run.step + 1, run.epoch + 1, result, suspect?.layer);
}

/** Lets signals, timers and the terminal have their turn. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
