/** Ctrl-C: the first asks the run to stop after its step, the second ends the process at once. */
import { exitCode } from './exit-code.js';

const signals = ['SIGINT', 'SIGTERM'] as const;

export class Interrupt {
  private readonly controller = new AbortController();
  /** Aborted once the run has been asked to stop. */
  readonly signal: AbortSignal = this.controller.signal;

  /** `announce` is called at the first signal. */
  constructor(private readonly announce: () => void) {}

  /** From here on signals are ours; until then, such as while data are loaded, they end the process. */
  listen(): void {
    this.release();
    for (const signal of signals) process.on(signal, this.onSignal);
  }

  /** Gives the signals their default effect back. */
  release(): void {
    for (const signal of signals) process.off(signal, this.onSignal);
  }

  private readonly onSignal = (): void => {
    if (this.signal.aborted) process.exit(exitCode.interrupted);
    this.controller.abort();
    this.announce();
  };
}
