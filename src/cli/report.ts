/** Turns the errors that a user can meet into text on stderr and an exit code. */

/** Names of the errors that mean a wrong command, config or data. */
const usage = new Set(['ConfigError', 'DataError', 'ShapeError', 'UsageError', 'MemoryLimitError']);

/** A command that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Prints `error` and returns the exit code. */
export function report(error: unknown, debug: boolean): number {
  if (!(error instanceof Error)) {
    process.stderr.write(`error: ${String(error)}\n`);
    return 1;
  }
  const text =
    'format' in error && typeof error.format === 'function'
      ? (error.format as () => string)()
      : `error: ${error.message}`;
  process.stderr.write(`${text}\n`);
  if (debug) process.stderr.write(`${error.stack ?? ''}\n`);
  return usage.has(error.name) || usage.has(error.constructor.name) ? 2 : 1;
}
