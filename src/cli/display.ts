/** How a training run is displayed: a progress bar where stderr is a terminal, whole lines elsewhere. */
import type { SingleBar } from 'cli-progress';
import { formatCount } from '../config/format-count.js';
import type { Progress } from '../train/index.js';
import { formatFigures, formatTime } from '../runner/text.js';
import { type CommonOptions } from './command.js';
import { say } from './output.js';

export interface Display {
  /** A line that stays. */
  line(text: string): void;
  /** Called after every step; draws now and then. */
  readonly progress: (progress: Progress) => void;
  close(): void;
}

/** Milliseconds between two looks of the bar. */
const REDRAW = 100;

export async function openDisplay(options: CommonOptions): Promise<Display> {
  if (!process.stderr.isTTY || options.quiet) {
    return { line: (text) => say(options, text), progress: () => {}, close: () => {} };
  }
  const { SingleBar, Presets } = await import('cli-progress');
  const format = 'epoch {epoch}/{epochs} {bar} {percentage}%  {figures}  {speed} samples/s  {left} left';
  const create = (): SingleBar =>
    new SingleBar({ format, barsize: 20, clearOnComplete: true, hideCursor: null, gracefulExit: false }, Presets.rect);
  let bar: SingleBar | undefined;
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
      const payload = {
        epoch: now.epoch,
        epochs: now.epochs,
        figures: formatFigures(now.figures()),
        speed: known ? formatCount(Math.round(stepsPerSecond * now.batchSize)) : '-',
        left: known ? formatTime((now.totalSteps - now.step) / stepsPerSecond) : '-',
      };
      if (bar === undefined) {
        bar = create();
        bar.start(now.batches, now.batch, payload);
      } else bar.update(now.batch, payload);
    },
    close,
  };
}
