/** Where a training run is: its counters, sums, best epoch and weights, and the snapshots made of them. */
import type { Session } from '../../tensor/index.js';
import { toConfigValue } from '../../config/index.js';
import type { LoadedData } from '../../data/index.js';
import { afterEpoch, figureMetrics, plateauStart, type PlateauState, type ReportTable } from '../../nn/index.js';
import { gaveUp, modeOf, type Monitor, monitorOf, watch, type Watch } from './early-stopping.js';
import { type Evaluation, Sums } from '../step/sums.js';
import { type ExperimentConfig, experimentSchema } from '../schema.js';
import { capture, type EpochRow, type Figures, RANDOM_SCHEME, restore, type Snapshot, storableRow, type Tensors } from './snapshot.js'; // prettier-ignore
import { sparsityOf } from '../checks/sparsity.js';
import { averagedAfter, secondAveraged } from '../step/averaging.js';
import type { Plan } from './plan.js';
import type { Stepper } from '../step/stepper.js';

/** How a run ended; the fields of summary.json that do not depend on files and machine. */
export interface TrainingResult {
  readonly status: 'completed' | 'early_stopped' | 'interrupted' | 'failed';
  readonly reason?: string;
  readonly epochs: number;
  readonly steps: number;
  /** The best epoch with its figures. */
  readonly best?: { readonly epoch: number; readonly [figure: string]: number };
  /** The last epoch's figures. */
  readonly final: Figures;
  /** Loss and metrics on the test split, of the best epoch's weights (of the last ones without `restore_best`). */
  readonly test?: Figures;
  /** With swa: how many sets of weights the tested ones average; 1 where there was no average yet. */
  readonly averaged_weights?: number;
  /** Shares of weights that are exactly 0, by tensor and in `total`, where a regularizer or constraint makes them so. */
  readonly sparsity?: Figures;
  /** The metrics that are tables, on the test split. */
  readonly reports?: Readonly<Record<string, ReportTable>>;
  readonly wall_time_s: number;
  /** Over the time spent in training steps. */
  readonly samples_per_s: number;
}

/** `{loss, accuracy}` with a prefix such as `val/`. */
export function figuresOf({ loss, metrics }: Evaluation, prefix = ''): Figures {
  return Object.fromEntries(Object.entries({ loss, ...metrics }).map(([name, value]) => [prefix + name, value]));
}

export class TrainingRun {
  /** Steps done. */
  step = 0;
  /** Epochs done. */
  epoch = 0;
  /** Batches done of the epoch in progress, and the sums over them. */
  batch = 0;
  readonly sums: Sums;
  /** The last finished epoch. */
  last: EpochRow | null = null;
  /** What early stopping watches, and the best epoch so far. */
  readonly monitor: Monitor | undefined;
  private readonly swa: ExperimentConfig['train']['weight_average'];
  /** The first step after which weights are a mean of several; 0 without averaging. */
  private readonly averagedFrom: number;
  private watch: Watch = { best: null, waited: 0 };
  private plateau: PlateauState = plateauStart;
  private bestWeights: Tensors | undefined;
  /** The step of the weights restored at the end. */
  private restored: number | undefined;
  /** Time spent in, and samples seen by, this process's training steps. */
  stepSeconds = 0;
  samplesSeen = 0;

  constructor(
    private readonly session: Session,
    private readonly config: ExperimentConfig,
    private readonly data: LoadedData,
    private readonly stepper: Stepper,
    private readonly plan: Plan,
  ) {
    this.sums = new Sums(figureMetrics(config.metrics), stepper.outputs);
    this.monitor = monitorOf(config, data.val !== undefined);
    const average = config.train.weight_average;
    this.swa = average?.method === 'swa' ? average : undefined;
    this.averagedFrom = this.swa === undefined ? 0 : secondAveraged(this.swa, plan);
  }

  /** Resumes from `last`; `best` is the best epoch's snapshot, if any. */
  resume(last: Snapshot, best: Snapshot | undefined): void {
    this.stepper.restore(last);
    ({ step: this.step, epoch: this.epoch, batch: this.batch, last: this.last } = last.meta);
    this.watch = { best: last.meta.best, waited: last.meta.waited };
    this.plateau = last.meta.plateau ?? plateauStart;
    this.sums.set(last.meta.sums, last.tensors);
    // Before the end of the first epoch there is nothing to restore.
    this.bestWeights = best?.tensors ?? (last.meta.best === null ? undefined : last.tensors);
  }

  /** Batches of the epoch in progress. */
  get batches(): number {
    return Math.min(this.plan.batches, this.plan.totalSteps - this.epoch * this.plan.batches);
  }

  /** Whether the last batch of the epoch in progress has been done. */
  get epochDone(): boolean {
    return this.batch >= this.batches;
  }

  get stoppedEarly(): boolean {
    return gaveUp(this.monitor, this.watch);
  }

  get finished(): boolean {
    return this.epoch >= this.plan.epochs || this.stoppedEarly;
  }

  /** Closes the epoch in progress: its row of figures. */
  finishEpoch(validation: Evaluation | undefined, rate: number): EpochRow {
    const values = {
      ...figuresOf(this.sums.result(), 'train/'),
      ...(validation === undefined ? {} : figuresOf(validation, 'val/')),
      lr: rate,
    };
    this.epoch++;
    this.batch = 0;
    this.sums.clear();
    this.last = { epoch: this.epoch, step: this.step, values };
    this.watchPlateau(this.last);
    return this.last;
  }

  /** The learning-rate factor after the plateaus so far. */
  get plateauFactor(): number {
    return this.plateau.factor;
  }

  private watchPlateau({ values }: EpochRow): void {
    const { schedule, optimizer } = this.config;
    if (schedule.type !== 'reduce_on_plateau') return;
    const mode = schedule.mode ?? modeOf(this.config, schedule.monitor);
    this.plateau = afterEpoch(this.plateau, values[schedule.monitor], { ...schedule, mode }, optimizer.lr);
  }

  /** Compares the epoch just finished with the best before; whether it is the best now. */
  isBest(row: EpochRow): boolean {
    const before = this.watch.best;
    this.watch = watch(this.monitor, this.watch, row, this.averagedFrom);
    return this.watch.best !== before;
  }

  /** Keeps the weights of the best epoch, for `restoreBest`. */
  keepBest(snapshot: Snapshot): void {
    const names = new Set(this.stepper.weights.map(({ name }) => name));
    this.bestWeights = new Map([...snapshot.tensors].filter(([name]) => names.has(name)));
  }

  /** Restores the best epoch's weights; keeps the current ones if no epoch has finished. */
  restoreBest(): void {
    if (this.bestWeights === undefined) return;
    restore(this.session, this.stepper.weights, this.bestWeights);
    this.restored = this.watch.best?.row.step;
  }

  /** The step that the session's weights come from. */
  private get weightsStep(): number {
    return this.restored ?? this.step;
  }

  async snapshot(): Promise<Snapshot> {
    const { best, waited } = this.watch;
    return {
      // In mid-epoch the metrics' sums are part of the state.
      tensors: new Map([
        ...(await capture(this.session, this.stepper.variables)),
        ...(this.batch > 0 ? this.sums.tensors() : []),
      ]),
      meta: {
        config: toConfigValue(experimentSchema, this.config),
        task: this.config.task.type,
        seed: this.config.seed,
        random: RANDOM_SCHEME,
        step: this.step,
        epoch: this.epoch,
        batch: this.batch,
        sums: this.sums.copy(),
        best: best && { value: best.value, row: storableRow(best.row) },
        waited,
        plateau: this.config.schedule.type === 'reduce_on_plateau' ? this.plateau : null,
        last: this.last && storableRow(this.last),
        preprocessing: this.data.preprocessing,
        classes: this.data.classes === undefined ? null : [...this.data.classes],
      },
    };
  }

  async result(
    status: TrainingResult['status'],
    seconds: number,
    extra: Pick<TrainingResult, 'reason' | 'test' | 'reports'> = {},
  ): Promise<TrainingResult> {
    const best = this.watch.best?.row;
    const isDone = status === 'completed' || status === 'early_stopped';
    const sparsity = await sparsityOf(this.session, this.stepper.parameters, this.stepper.averages);
    return {
      status,
      ...(extra.reason === undefined ? {} : { reason: extra.reason }),
      epochs: this.epoch,
      steps: this.step,
      ...(best === undefined ? {} : { best: { epoch: best.epoch, ...best.values } }),
      final: this.last?.values ?? {},
      ...(extra.test === undefined ? {} : { test: extra.test }),
      ...(extra.reports === undefined ? {} : { reports: extra.reports }),
      ...(this.swa && isDone && { averaged_weights: averagedAfter(this.weightsStep, this.swa, this.plan) }),
      ...(sparsity === undefined ? {} : { sparsity }),
      wall_time_s: seconds,
      samples_per_s: this.stepSeconds > 0 ? this.samplesSeen / this.stepSeconds : 0,
    };
  }
}
