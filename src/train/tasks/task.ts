/**
 * What a task is: what it takes of the data, which networks it trains, what these minimize by which optimizer, and when a batch
 * counts as fitted. Everything else asks the task and knows none by name; a new one is a file here and a line in the registry.
 */
import type * as z from 'zod';
import type { Affine, Table, TargetKind } from '../../data/index.js';
import type { losses, MetricConfig, metrics, ModelConfig, OptimizerConfig, ReferenceKind } from '../../nn/index.js';
import type { Objective } from './objective.js';

/** The parts of an experiment's config that a task builds on: its own options (with its name as `type`), and what it makes networks and updates of. */
export interface ExperimentParts<Options = unknown> {
  readonly task: Options;
  readonly model: ModelConfig;
  readonly optimizer: OptimizerConfig;
}

/** One optimizer at work. */
export interface TaskUpdate {
  /** Which of the task's objectives it minimizes: no two updates the same, so it names the update too. */
  readonly objective: string;
  /** The networks whose weights it changes; the objective calls them all. */
  readonly networks: readonly string[];
  readonly optimizer: OptimizerConfig;
  /**
   * It is made in every n-th step (of those that make updates, where gradients are accumulated), the first time in the n-th. It is
   * computed in every step, as a program has no branches.
   */
  readonly every: number;
}

/** What `overfit-batch` measures on its batch, and what it must reach. */
export interface FitCriterion {
  /** The metric that is computed beside the loss. */
  readonly metric: MetricConfig;
  /** What `value` must fall below for the first `count` samples of the split. */
  threshold(targets: Table, count: number, affine: Affine | undefined): number;
  /** From the mean loss of the batch and the metric: what is held against the threshold; `accuracy`, where given, must be 1. */
  measure(loss: number, metric: number): BatchFit;
}

export interface BatchFit {
  readonly measure: 'loss' | 'mean_squared_error';
  readonly value: number;
  /** Share of the batch that is classified correctly. */
  readonly accuracy?: number;
}

export interface Task<S extends z.ZodObject = z.ZodObject> {
  /** One line for `nn list`, the docs and the editor. */
  readonly description: string;
  readonly schema: S;
  /** The targets that it needs of the data. */
  readonly targets: TargetKind;
  /** What its losses and metrics compare the network's output with: those that take it fit the task. */
  readonly reference: ReferenceKind;
  /** Where the config names none. */
  readonly defaultLoss: keyof typeof losses;
  readonly defaultMetrics: readonly (keyof typeof metrics)[];
  /** By name, which their variables begin with where there are several. */
  networks(config: ExperimentParts<z.output<S>>): Readonly<Record<string, ModelConfig>>;
  /** What its updates minimize, by name. */
  objectives(config: ExperimentParts<z.output<S>>): Readonly<Record<string, Objective>>;
  /**
   * In the order in which a step makes them: each sees the weights as those before it have left them. The objective of the first is
   * the one that evaluation measures.
   */
  updates(config: ExperimentParts<z.output<S>>): readonly TaskUpdate[];
  readonly fit: FitCriterion;
}

export const defineTask = <S extends z.ZodObject>(task: Task<S>): Task<S> => task;
