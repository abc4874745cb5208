/** How a training run is displayed: a progress bar if stderr is a terminal, otherwise whole lines. */
import type { SingleBar } from 'cli-progress';
import { formatCount } from '../config/format-count.js';
import type { Progress } from '../train/index.js';
import { printableLine } from '../config/printable.js';
import { formatFigures, formatTime } from '../runner/text.js';
import { type CommonOptions } from './command.js';
import { say } from './output.js';

export interface Display {
  /** A permanent line. */
  line(text: string): void;
  /** Called after every step; redraws occasionally. */
  readonly progress: (progress: Progress) => void;
  close(): void;
}

/** Milliseconds between redraws. */
const REDRAW = 100;

/** What the bar shows. */
export interface ProgressParts {
  readonly epoch: number;
  readonly epochs: number;
  /** Fraction of the epoch done, from 0 to 1. */
  readonly progress: number;
  readonly figures: readonly string[];
  readonly speed: string;
  readonly left: string;
}

/** The line that fits the columns: the speed is dropped first, then the bar, the figures, and the time left last. */
export function progressLine({ epoch, epochs, progress, figures, speed, left }: ProgressParts, columns = 80): string {
  const line = (cells: number, shown: number, withSpeed: boolean): string => {
    const done = Math.round(progress * cells);
    const bar = cells === 0 ? '' : ` ${'■'.repeat(done)}${' '.repeat(cells - done)}`;
    const parts = [...figures.slice(0, shown), ...(withSpeed ? [`${speed} samples/s`] : []), `${left} left`];
    return [`epoch ${epoch}/${epochs}${bar} ${Math.floor(100 * progress)}%`, ...parts].join('  ');
  };
  const shorter = figures.map((_, i) => line(0, figures.length - i, false));
  const choices = [line(20, figures.length, true), line(20, figures.length, false), line(8, figures.length, false), ...shorter, line(0, 0, false)]; // prettier-ignore
  // The last column stays free: some terminals wrap there.
  const fitting = choices.find((choice) => choice.length < columns);
  return fitting ?? `${left} left`.slice(0, Math.max(0, columns - 1));
}

export async function openDisplay(options: CommonOptions): Promise<Display> {
  if (!process.stderr.isTTY || options.quiet) {
    return { line: (text) => say(options, text), progress: () => {}, close: () => {} };
  }
  const { SingleBar, Presets } = await import('cli-progress');
  const { stderr } = process;
  let drawnWidth = 0;
  const format = (_: unknown, { progress }: { progress: number }, payload: unknown): string => {
    const line = progressLine({ ...(payload as ProgressParts), progress }, stderr.columns);
    drawnWidth = line.length;
    return line;
  };
  const create = (): SingleBar =>
    new SingleBar({ format, clearOnComplete: true, hideCursor: null, gracefulExit: false }, Presets.rect);
  let bar: SingleBar | undefined;
  // A narrowed terminal wraps the current line: clear all its rows.
  const onResize = (): void => {
    const above = Math.ceil(drawnWidth / stderr.columns) - 1;
    if (bar !== undefined && above > 0) stderr.write(`\x1b[${above}A\r\x1b[J`);
  };
  stderr.on('resize', onResize);
  let drawn = -Infinity;
  let first: { readonly time: number; readonly step: number } | undefined;
  const close = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    line(text) {
      close();
      say(options, text);
    },
    progress: (now) => {
      const time = performance.now();
      // The next fold of a cross-validation counts from 0 again.
      if (first === undefined || now.step < first.step) first = { time, step: now.step };
      if (time - drawn < REDRAW) return;
      drawn = time;
      const stepsPerSecond = (1000 * (now.step - first.step)) / (time - first.time || 1);
      const known = stepsPerSecond > 0;
      const payload: Omit<ProgressParts, 'progress'> = {
        epoch: now.epoch,
        epochs: now.epochs,
        figures: printableLine(formatFigures(now.figures())).split('  '),
        speed: known ? formatCount(Math.round(stepsPerSecond * now.batchSize)) : '-',
        left: known ? formatTime((now.totalSteps - now.step) / stepsPerSecond) : '-',
      };
      if (bar === undefined) {
        bar = create();
        bar.start(now.batches, now.batch, payload);
      } else bar.update(now.batch, payload);
    },
    close: () => {
      close();
      stderr.off('resize', onResize);
    },
  };
}
