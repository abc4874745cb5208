/** What a run tells its caller while it is under way. */
import type { CrossValidationSummary, Summary } from '../runs/index.js';
import type { Figures, Progress } from '../train/index.js';
import type { Experiment } from './experiment.js';
import type { Warning } from './warnings.js';

/** Which run of a cross-validation an event belongs to. */
export interface FoldPosition {
  /** 1-based, of `count`. */
  readonly fold: number;
  readonly count: number;
  /** The directory of the cross-validation. */
  readonly runDir: string;
}

/** The config and its data have been loaded and fit each other. Of a cross-validation: with the first fold held out. */
export interface LoadedEvent {
  readonly kind: 'loaded';
  readonly experiment: Experiment;
}

/** A new run directory has been made. */
export interface StartedEvent {
  readonly kind: 'started';
  readonly runDir: string;
  readonly warnings: readonly Warning[];
}

/** A value of the config that a resumed run has changed. */
export interface ConfigChange {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** A run resumes from its last checkpoint. */
export interface ResumedEvent {
  readonly kind: 'resumed';
  /** What has changed, and what was found in the directory. */
  readonly changes: readonly ConfigChange[];
  readonly notes: readonly string[];
  readonly runDir: string;
  /** Steps and epochs done. */
  readonly step: number;
  readonly epoch: number;
}

/** An epoch has ended, with its row of metrics.csv. */
export interface EpochEvent {
  readonly kind: 'epoch';
  /** 1-based, of `epochs`. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in the run. */
  readonly step: number;
  /** Seconds that the run has taken, those before a resume included. */
  readonly seconds: number;
  readonly figures: Figures;
}

/** There is nothing to do: the run had finished before. */
export interface SkippedEvent {
  readonly kind: 'skipped';
  readonly summary: Summary;
}

/** A run has ended, whatever its status; the last event of a run. Without `fold`, the last of all. */
export interface EndedEvent {
  readonly kind: 'ended';
  readonly summary: Summary | CrossValidationSummary;
}

export type RunEvent = (LoadedEvent | StartedEvent | ResumedEvent | EpochEvent | SkippedEvent | EndedEvent) & {
  /** Absent outside a cross-validation, and for the events of the cross-validation as a whole. */
  readonly fold?: FoldPosition;
};

export interface RunListeners {
  readonly onEvent?: (event: RunEvent) => void;
  /** Called after every step with one object that is updated in place; must return at once most of the time. */
  readonly onProgress?: (progress: Progress) => void;
}
