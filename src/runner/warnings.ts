/** What the lints find in an experiment, located in its config and printed like the errors. */
import { formatProblem, inOrder, locatedProblem, type Problem } from '../config/index.js';
import { lintExperiment, type LintId, type StartStatistics } from '../train/index.js';
import type { Experiment } from './experiment.js';

export interface Warning extends Omit<Problem, 'hint'> {
  /** The lint. */
  readonly id: LintId;
  readonly fix: string;
}

/** All warnings of an experiment, by their place in the config; `start` is what was measured of its network. */
export function warningsOf(experiment: Experiment, start?: StartStatistics): Warning[] {
  const found = lintExperiment({ ...experiment, ...(start && { start }) }).map(
    ({ id, path, message, fix }): Warning => ({
      id,
      ...locatedProblem(experiment.loaded, path, message),
      fix,
    }),
  );
  return inOrder(found);
}

/** The warnings as text, and how to get rid of them; nothing where there are none. */
export function formatWarnings(warnings: readonly Warning[]): string[] {
  if (warnings.length === 0) return [];
  const lines = warnings.map(({ id, fix, ...problem }) => formatProblem({ ...problem, hint: `${fix} [${id}]` }, 'warning')); // prettier-ignore
  const [{ id }] = warnings;
  return [...lines, `  why: nn list lints ${id}; to silence it: train.ignore_lints=[${id}]`];
}
