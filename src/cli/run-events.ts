/** The events of a run as lines for people. */
import { existsSync } from 'node:fs';
import { formatCount } from '../config/format-count.js';
import { formatWarnings, type LoadedEvent, type RunEvent } from '../runner/index.js';
import {
  formatAveraging,
  describeChange,
  formatEnd,
  formatEpoch,
  formatFigures,
  formatFolds,
  formatSparsity,
} from '../runner/text.js';
import { isResumable, runPaths } from '../runs/index.js';
import { formatReports, formatSizes } from './format.js';

/** The lines of an event, prefixed with the fold number in a fold's run. */
export function describeEvent(event: RunEvent): string[] {
  const { fold } = event;
  if (fold === undefined) return linesOf(event);
  // The data, warnings and directory of a fold are those of the whole.
  if (event.kind === 'loaded' || event.kind === 'started') return [];
  const lines = linesOf(event).map((line) => `fold ${fold.fold}/${fold.count}  ${line}`);
  return event.kind === 'ended' && isResumable(event.summary) ? [...lines, resumeHint(fold.runDir)] : lines;
}

function linesOf(event: RunEvent): string[] {
  switch (event.kind) {
    case 'loaded':
      return describeExperiment(event);
    case 'started':
      return [`run directory: ${event.runDir}`, ...formatWarnings(event.warnings)];
    case 'resumed': {
      const { runDir, step, epoch, changes, notes } = event;
      const where = `run directory: ${runDir}, resuming after step ${formatCount(step)} (${epoch} epochs done)`;
      return [where, ...changes.map(describeChange), ...notes.map((note) => `warning: ${note}`)];
    }
    case 'epoch':
      return [formatEpoch(event)];
    case 'skipped': {
      const { status, epochs } = event.summary;
      const what = `is finished (${status} after ${epochs} epochs)`;
      return [event.fold === undefined ? `this run ${what}: nothing to do` : what];
    }
    case 'ended':
      return describeEnd(event);
  }
}

function describeExperiment({ experiment: { config, data, name, rows, given } }: LoadedEvent): string[] {
  const parameters = rows.reduce((sum, row) => sum + row.parameters, 0);
  const { folds, fold } = config.data;
  const where = folds === undefined || fold !== undefined ? '' : `${folds} folds, in the first `;
  const lines = [`${name}: ${formatCount(parameters)} parameters; ${where}${formatSizes(data)}`];
  return given === undefined ? lines : [...lines, `begins with ${given.tensors.size} tensors of ${given.file.path}`];
}

function describeEnd({ summary, fold }: Extract<RunEvent, { kind: 'ended' }>): string[] {
  if ('folds' in summary) return formatFolds(summary);
  const { test, reports, sparsity, status, run_dir } = summary;
  const lines = [
    ...(test === undefined ? [] : [formatFigures(test, 'test/')]),
    ...formatReports(reports),
    ...(sparsity === undefined ? [] : [formatSparsity(sparsity)]),
    ...[formatAveraging(summary) ?? []].flat(),
    formatEnd(summary),
  ];
  if (status === 'failed') lines.push(keptWeights(run_dir));
  if (fold === undefined && isResumable(summary)) lines.push(resumeHint(run_dir));
  return lines;
}

/** What is left of a failed run. */
function keptWeights(runDir: string): string {
  const { lastCheckpoint } = runPaths(runDir);
  return existsSync(lastCheckpoint)
    ? `the last weights that are finite are in ${lastCheckpoint}`
    : 'there is no checkpoint: none was due before it failed';
}

const resumeHint = (runDir: string): string => `resume with: nn train --resume ${runDir}`;
