/** Ctrl-C: the first asks the run to stop after its step, the second ends the process at once. */
import { exitCode } from './exit-code.js';

const signals = ['SIGINT', 'SIGTERM'] as const;

export interface Interrupt {
  /** Whether the run has been asked to stop. */
  readonly requested: () => boolean;
  /** Gives the signals their usual meaning back. */
  release(): void;
}

/** Listens to the signals; `announce` is called at the first. */
export function listenForInterrupt(announce: () => void): Interrupt {
  let requested = false;
  const onSignal = (): void => {
    if (requested) process.exit(exitCode.interrupted);
    requested = true;
    announce();
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    requested: () => requested,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
