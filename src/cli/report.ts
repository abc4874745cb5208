/** Turns user-facing errors into text on stderr and an exit code: the only place that knows both. */
import { ConfigError } from '../config/index.js';
import { errorCode, explainSystemError, isSystemError } from '../config/system-error.js';
import { DataError } from '../data/index.js';
import { CheckpointError, FileWriteError, RunDirectoryError } from '../runs/index.js';
import { MemoryLimitError, MemoryRefusedError, ShapeError, ThreadError } from '../tensor/index.js';
import { ProfileError, SnapshotError, TrainingError } from '../train/index.js';
import { type ExitCode, exitCode } from './exit-code.js';
import { complain, printJsonError } from './output.js';
import { UsageError } from './usage-error.js';

type ErrorClass = abstract new (...args: never[]) => Error;

/** Invalid user input; nothing has been run. */
const usageErrors: readonly ErrorClass[] = [
  UsageError,
  ConfigError,
  DataError,
  ShapeError,
  MemoryLimitError,
  ProfileError,
  RunDirectoryError,
];
/** A run could not continue, or its files cannot be read. */
const failures: readonly ErrorClass[] = [
  CheckpointError,
  SnapshotError,
  TrainingError,
  FileWriteError,
  MemoryRefusedError,
  ThreadError,
];

export interface ErrorReport {
  readonly text: string;
  readonly exitCode: ExitCode;
}

/** The error as text. Any other class is a bug in nn, and is reported as one. */
export function describeError(error: unknown): ErrorReport {
  const isOneOf = (classes: readonly ErrorClass[]): boolean => classes.some((known) => error instanceof known);
  const message = error instanceof Error ? error.message : String(error);
  // These begin with the place, which editors and terminals turn into a link.
  if (error instanceof ConfigError || error instanceof DataError)
    return { text: error.format(), exitCode: exitCode.usage };
  if (isOneOf(usageErrors)) return { text: `error: ${message}`, exitCode: exitCode.usage };
  if (isOneOf(failures)) return { text: `error: ${message}`, exitCode: exitCode.failed };
  if (isSystemError(error)) return describeSystemError(error);
  return {
    text: `internal error: ${message}\n  this is a bug in nn; --debug shows where`,
    exitCode: exitCode.failed,
  };
}

/** Errors of the machine, which another path would not fix. */
const ofTheMachine: ReadonlySet<string | undefined> = new Set(['EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT', 'EAGAIN']); // prettier-ignore

/** A failed system call without a better explanation. */
function describeSystemError(error: unknown): ErrorReport {
  const { problem, hint } = explainSystemError(error);
  const path = error instanceof Error && 'path' in error && typeof error.path === 'string' ? `${error.path}: ` : '';
  const code = ofTheMachine.has(errorCode(error)) ? exitCode.failed : exitCode.usage;
  return { text: `error: ${path}${problem}\n  ${hint}`, exitCode: code };
}

/** Prints `error` on stderr, with its stack if `debug`, and with `json` as an object on stdout; returns the exit code. */
export function report(error: unknown, { debug = false, json = false } = {}): ExitCode {
  const { text, exitCode: code } = describeError(error);
  complain(text);
  if (debug && error instanceof Error) complain(error.stack ?? '');
  if (json) printJsonError(text, code);
  return code;
}
