/** Figures and outcomes of a run in words, for its log.txt and for whoever shows it. */
import { formatCount } from '../config/format-count.js';
// Not by the index: the command line shows figures before it loads what trains.
import { hasFinished } from '../runs/run-status.js';
import type { CrossValidationSummary, Summary } from '../runs/summary.js';
import type { Figures, MeanAndSpread } from '../train/index.js';
import type { ConfigChange, EpochEvent } from './events.js';

/** Four significant digits: `0.0001235`, `1.5e-9`. */
export const formatFigure = (value: number): string => String(Number(value.toPrecision(4)));

/** `val/loss 0.12541  val/accuracy 0.9622` */
export const formatFigures = (figures: Figures, prefix = ''): string =>
  Object.entries(figures)
    .map(([name, value]) => `${prefix}${name} ${Number(value.toPrecision(5))}`)
    .join('  ');

/** `2.5 s`, `2 min 05 s`, `1 h 04 min`. */
export function formatTime(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** `weights that are exactly 0: 83.1 % (layers.0.weight 85 %, layers.1.weight 12.5 %)` */
export function formatSparsity({ total, ...tensors }: Figures): string {
  const percent = (share: number): string => `${formatFigure(100 * share)} %`;
  const each = Object.entries(tensors).map(([name, share]) => `${name} ${percent(share)}`);
  return `weights that are exactly 0: ${percent(total)} (${each.join(', ')})`;
}

/** `train.max_epochs: 6 until now, 20 from here on` */
export const describeChange = ({ key, from, to }: ConfigChange): string =>
  `${key}: ${JSON.stringify(from ?? null)} until now, ${JSON.stringify(to ?? null)} from here on`;

/** `epoch 3/10  train/loss 0.12541  val/accuracy 0.9622  2.5 s` */
export const formatEpoch = ({ epoch, epochs, figures, seconds }: EpochEvent): string =>
  `epoch ${epoch}/${epochs}  ${formatFigures(figures)}  ${formatTime(seconds)}`;

/** What the weights of a run with swa are a mean of; undefined for other runs. */
export function formatAveraging({ averaged_weights: count }: Pick<Summary, 'averaged_weights'>): string | undefined {
  if (count === undefined) return undefined;
  if (count > 1) return `the weights are the mean of those at ${count} steps (swa)`;
  return 'the weights are not an average: the run ended before swa had two to average (train.weight_average.start_epoch)';
}

/** `completed after 10 epochs, 4,690 steps, in 18.0 s, 33,001 samples/s` */
export function formatEnd({ status, reason, epochs, steps, wall_time_s, samples_per_s }: Summary): string {
  // The reason of a failure is the error that follows.
  const isSaid = reason === undefined || reason === status || status === 'failed';
  const why = isSaid ? '' : ` (${reason.replace('max_time', 'time is up')})`;
  const speed = samples_per_s > 0 ? `, ${formatCount(Math.round(samples_per_s))} samples/s` : '';
  return `${status.replace('_', ' ')}${why} after ${epochs} epochs, ${formatCount(steps)} steps, in ${formatTime(wall_time_s)}${speed}`;
}

/** `0.95 ± 0.01`, or `0.95 ± 0.01 (3 of 5)` for a figure that is undefined in some runs, and `undefined` where it is in all. */
export function formatMean({ mean, std, defined }: MeanAndSpread, name: string, runs: number): string {
  const known = defined?.[name];
  if (known === 0) return 'undefined';
  const spread = std?.[name];
  return (
    formatFigure(mean[name]) +
    (spread === undefined ? '' : ` ± ${Number(spread.toPrecision(2))}`) +
    (known === undefined ? '' : ` (${known} of ${runs})`)
  );
}

/** `5 folds, mean ± standard deviation: test/loss 0.41 ± 0.03  test/accuracy 0.95 ± 0.01`; nothing before a fold has finished. */
export function formatFolds(summary: CrossValidationSummary): string[] {
  const { folds, test, test_std: std, test_defined: defined, sparsity, epochs, steps, wall_time_s } = summary;
  if (test === undefined) return [];
  const finished = folds.filter(hasFinished).length;
  const spread = { mean: test, ...(std && { std }), ...(defined && { defined }) };
  const figures = Object.keys(test).map((name) => `test/${name} ${formatMean(spread, name, finished)}`);
  return [
    `${finished} fold${finished === 1 ? '' : 's'}, mean ± standard deviation: ${figures.join('  ')}`,
    ...(sparsity === undefined ? [] : [formatSparsity(sparsity)]),
    `${formatCount(epochs)} epochs, ${formatCount(steps)} steps, in ${formatTime(wall_time_s)}`,
  ];
}
