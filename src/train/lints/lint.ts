/** What a lint is: a rule that finds a probable mistake in a valid config, given its data and its network. */
import { formatCount } from '../../config/format-count.js';
import type { LoadedData } from '../../data/index.js';
import type { ConfigPath, ReferenceKind } from '../../nn/index.js';
import type { ExperimentConfig } from '../schema.js';
import type { StartStatistics } from '../checks/start-statistics.js';
import type { Dataflow } from './dataflow.js';
import type { ValueSummary } from './statistics.js';

/** What lints look at. Expensive parts are computed on first use. */
export interface LintContext {
  readonly config: ExperimentConfig;
  readonly data: LoadedData;
  /** The folder that file names are relative to. */
  readonly baseDir: string;
  /** Trainable numbers of the model. */
  readonly parameters: number;
  /** The network as it trains, dropout and batch statistics included, and as it predicts. */
  readonly training: () => Dataflow;
  readonly prediction: () => Dataflow;
  /** What the task compares the network's output with. */
  readonly reference: ReferenceKind;
  /** The range of the training targets. */
  readonly targets: () => ValueSummary;
  /** Measurements of the untrained network, if it was run. */
  readonly start?: StartStatistics;
}

export interface Finding {
  /** The value of the config that should change. */
  readonly path: ConfigPath;
  /** What is wrong and what it leads to. */
  readonly message: string;
  readonly fix: string;
}

export interface Lint {
  /** What it finds, in one line. */
  readonly description: string;
  /** Why it is a mistake, and where the thresholds come from. */
  readonly reason: string;
  find(context: LintContext): readonly Finding[];
}

/** `1 sample`, `2 samples`. */
export const counted = (count: number, what: string): string => `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`; // prettier-ignore

/** Three significant digits. */
export const show = (value: number): string => String(Number(value.toPrecision(3)));
