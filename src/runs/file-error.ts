import { errorCode, explainSystemError } from '../config/system-error.js';

/** A file of a run that could not be written. */
export class FileWriteError extends Error {
  readonly code: string | undefined;

  constructor(
    readonly file: string,
    cause: unknown,
  ) {
    const { problem, hint } = explainSystemError(cause);
    super(`cannot write ${file}: ${problem}\n  ${hint}`, { cause });
    this.name = 'FileWriteError';
    this.code = errorCode(cause);
  }
}
