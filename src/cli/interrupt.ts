/** Ctrl-C, SIGTERM, or a closed terminal (SIGHUP): the first asks the run to stop after its step, the second ends the process at once. */
import { exitCode } from './exit-code.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * npx gives SIGTERM to the shell that it runs nn in, and the shell dies of it alone. So where npx has started this process, that its
 * parent is gone means the same.
 */
const parent = process.env.npm_command === 'exec' ? process.ppid : undefined;
/** Milliseconds between checks for the parent. */
const LOOK = 500;

export class Interrupt {
  private readonly controller = new AbortController();
  private watch: NodeJS.Timeout | undefined;
  /** Aborted once the run has been asked to stop. */
  readonly signal: AbortSignal = this.controller.signal;

  /** `announce` is called at the first signal. */
  constructor(private readonly announce: () => void) {}

  /** From here on signals are ours; until then, such as while data are loaded, they end the process. */
  listen(): void {
    this.release();
    for (const signal of signals) process.on(signal, this.onSignal);
    if (parent === undefined) return;
    this.watch = setInterval(() => {
      if (process.ppid !== parent) this.stop();
    }, LOOK).unref();
  }

  /** Restores the default signal handling. */
  release(): void {
    for (const signal of signals) process.off(signal, this.onSignal);
    clearInterval(this.watch);
  }

  private readonly onSignal = (signal: NodeJS.Signals): void => {
    if (!this.signal.aborted) this.stop();
    // A terminal that closes may send its signal twice: by the shell, and to its whole group.
    else if (signal !== 'SIGHUP') process.exit(exitCode.interrupted);
  };

  private stop(): void {
    if (this.signal.aborted) return;
    this.controller.abort();
    this.announce();
  }
}
