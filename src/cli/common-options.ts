/** The options that every command takes, and what they ask the runner for. */
import { type EngineOptions, defaultThreads, MAX_THREADS } from '../runner/engine.js';
import { UsageError } from './usage-error.js';

export interface CommonOptions {
  readonly seed?: string;
  readonly threads?: string;
  readonly winograd: boolean;
  readonly backend: EngineOptions['backend'];
  readonly runsDir: string;
  readonly name?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** The engine that the options ask for. Throws UsageError. */
export function engineOf({ backend, threads, winograd }: CommonOptions): EngineOptions {
  const count = threads === undefined ? defaultThreads() : Number(threads);
  if (!Number.isInteger(count) || count < 1 || count > MAX_THREADS)
    throw new UsageError(`--threads: expected a whole number from 1 to ${MAX_THREADS}, got "${threads}"`);
  return { backend, threads: count, winograd };
}

/** The overrides, and those that options stand for. */
export const withSeed = (overrides: readonly string[], { seed }: CommonOptions): string[] =>
  seed === undefined ? [...overrides] : [...overrides, `seed=${seed}`];

/** Writes a line for people, on stderr. */
export const say = (options: CommonOptions, line: string): void => {
  if (!options.quiet) process.stderr.write(`${line}\n`);
};

export const printJson = (options: CommonOptions, value: unknown): void => {
  if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
};
