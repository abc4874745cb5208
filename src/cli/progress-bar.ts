/** What `nn train` shows of the epoch in progress. */
import type { Progress } from '../train/index.js';
import type { CommonOptions } from './experiment.js';

/** A progress bar on a terminal; none elsewhere. */
export async function progressBar(
  options: CommonOptions,
): Promise<{ update(p: Progress): void; clear(): void } | undefined> {
  if (!process.stderr.isTTY || options.quiet) return undefined;
  const { SingleBar } = await import('cli-progress');
  let bar: InstanceType<typeof SingleBar> | undefined;
  let shown = 0;
  return {
    update(p) {
      const time = performance.now();
      if (time - shown < 100) return;
      shown = time;
      const figures = Object.entries(p.figures()).map(([name, value]) => `${name} ${value.toFixed(4)}`);
      if (bar === undefined) {
        bar = new SingleBar({
          format: 'epoch {epoch}/{epochs} {bar} {value}/{total} {figures} {eta_formatted} left',
          clearOnComplete: true,
        });
        bar.start(p.batches, p.batch, { epoch: p.epoch, epochs: p.epochs, figures: '' });
      }
      bar.update(p.batch, { epoch: p.epoch, epochs: p.epochs, figures: figures.join(' ') });
    },
    clear() {
      bar?.stop();
      bar = undefined;
    },
  };
}
