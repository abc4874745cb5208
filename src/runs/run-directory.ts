import { randomInt } from 'node:crypto';
import { appendFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { printable } from '../config/printable.js';
import { removeTemporaryFiles, syncFolder, syncFolderLater } from './atomic-file.js';
import { errorCode, explainSystemError } from '../config/system-error.js';
import { FileWriteError } from './file-error.js';
import { RunDirectoryError } from './run-directory-error.js';
import { acquireLock, releaseLock } from './run-lock.js';

/** Where everything of a run lies. */
export interface RunPaths {
  readonly config: string;
  readonly provenance: string;
  readonly metrics: string;
  readonly lastCheckpoint: string;
  readonly bestCheckpoint: string;
  readonly summary: string;
  readonly log: string;
}

/** The paths of the run in `folder`, for readers too: looking at a run needs no lock. */
export function runPaths(folder: string): RunPaths {
  return {
    config: join(folder, 'config.yaml'),
    provenance: join(folder, 'provenance.json'),
    metrics: join(folder, 'metrics.csv'),
    lastCheckpoint: join(folder, 'checkpoints', 'last.safetensors'),
    bestCheckpoint: join(folder, 'checkpoints', 'best.safetensors'),
    summary: join(folder, 'summary.json'),
    log: join(folder, 'log.txt'),
  };
}

/** Where the run of a fold lies in the directory of its cross-validation; it is a run directory like any other. */
export const foldPath = (crossValidation: string, fold: number): string => join(crossValidation, 'folds', String(fold));

/** A run directory that this process alone writes to, until `close`. */
export class RunDirectory {
  readonly paths: RunPaths;

  private constructor(
    readonly path: string,
    private readonly lock: string,
  ) {
    this.paths = runPaths(path);
  }

  /** Makes `<runsDir>/<name>/<YYYYMMDD-HHMMSS>-<id>/`, new and this run's alone. Throws `RunDirectoryError`. */
  static create(runsDir: string, name: string, now = new Date()): RunDirectory {
    return RunDirectory.make(runsDir, name, now, 'checkpoints');
  }

  /** As `create`, for a cross-validation: it has no checkpoints but a run in each of `folds/1`, `folds/2`, ... */
  static createForFolds(runsDir: string, name: string, now = new Date()): RunDirectory {
    return RunDirectory.make(runsDir, name, now, 'folds');
  }

  private static make(runsDir: string, name: string, now: Date, content: 'checkpoints' | 'folds'): RunDirectory {
    checkRunName(name);
    const parent = join(runsDir, name);
    const path = describeFailure(parent, 'cannot hold a new run', () => {
      makeParents(parent);
      return makeFolder(parent, timestamp(now));
    });
    const lock = acquireLock(path);
    describeFailure(path, 'cannot be filled', () => {
      mkdirSync(join(path, content));
      // The folder itself is synced with its first file.
      syncFolderLater(parent);
    });
    return new RunDirectory(path, lock);
  }

  /** The run directory of a fold that begins, anew where it was stopped before its first checkpoint. Throws `RunDirectoryError`. */
  static createFold(crossValidation: string, fold: number): RunDirectory {
    const path = foldPath(crossValidation, fold);
    describeFailure(path, 'cannot be made', () => {
      mkdirSync(join(path, 'checkpoints'), { recursive: true });
      for (const folder of [path, dirname(path)]) syncFolder(folder);
    });
    const run = new RunDirectory(path, acquireLock(path));
    describeFailure(path, 'cannot be emptied', () => {
      for (const file of [run.paths.metrics, run.paths.log]) rmSync(file, { force: true });
      run.cleanUp();
    });
    return run;
  }

  /** Opens a cross-validation to resume it. Throws `RunDirectoryError`. */
  static openForFolds(path: string): RunDirectory {
    const run = new RunDirectory(path, acquireLock(path));
    describeFailure(path, 'cannot be cleaned up', () => removeTemporaryFiles(path));
    return run;
  }

  /**
   * Opens a run to resume it: it must have its config and a checkpoint, and no other process may be working on
   * it. Removes what writes cut off by a crash have left. Throws `RunDirectoryError`.
   */
  static openForResume(path: string): RunDirectory {
    const paths = runPaths(path);
    if (!exists(path, 'isDirectory')) {
      throw new RunDirectoryError(path, 'is not a folder', 'give a run directory: runs/<name>/<date>-<id>');
    }
    if (!exists(paths.config, 'isFile')) {
      throw new RunDirectoryError(path, 'has no config.yaml', 'give a run directory: runs/<name>/<date>-<id>');
    }
    if (!exists(paths.lastCheckpoint, 'isFile')) {
      const hint = `start the run anew: nn train ${paths.config}`;
      throw new RunDirectoryError(
        path,
        'has no checkpoints/last.safetensors: it ended before its first checkpoint',
        hint,
      );
    }
    const run = new RunDirectory(path, acquireLock(path));
    describeFailure(path, 'cannot be cleaned up', () => run.cleanUp());
    return run;
  }

  /** Removes what writes cut off by a crash have left. */
  private cleanUp(): void {
    removeTemporaryFiles(this.path);
    removeTemporaryFiles(join(this.path, 'checkpoints'));
  }

  /** Appends a line to log.txt, with the time (UTC) before it. Throws `FileWriteError`. */
  log(line: string): void {
    try {
      appendFileSync(this.paths.log, `${new Date().toISOString()} ${printable(line).replaceAll('\n', '\n    ')}\n`);
    } catch (error) {
      throw new FileWriteError(this.paths.log, error);
    }
  }

  /** Lets other processes open the run. */
  close(): void {
    releaseLock(this.lock);
  }
}

/** A run's name is the name of a folder on every system, and cannot lead out of the runs folder. */
export function checkRunName(name: string): void {
  const valid = /^[\p{L}\p{N}_][\p{L}\p{N}\p{M}_ .+=-]*$/u.test(name) && !/[ .]$/.test(name);
  if (valid && Buffer.byteLength(name) <= 200) return;
  throw new RunDirectoryError(
    JSON.stringify(name.slice(0, 80)),
    'cannot be the name of a run',
    'use letters, digits, _ - . + = and blanks, beginning with a letter or digit; at most 200 bytes; set `name` or --name',
  );
}

/** Makes a folder with all above it. Node's own `recursive` never ends where the system makes no folder, as in /proc. */
function makeParents(path: string): void {
  const whole = resolve(path);
  if (exists(whole, 'isDirectory')) return;
  makeParents(dirname(whole));
  try {
    mkdirSync(whole);
    syncFolder(dirname(whole));
  } catch (error) {
    // Another process may have been quicker.
    if (!exists(whole, 'isDirectory')) throw error;
  }
}

/** Makes a folder that did not exist: another run of the same second has another id, by a new draw if need be. */
function makeFolder(parent: string, start: string): string {
  for (;;) {
    const path = join(parent, `${start}-${randomId()}`);
    try {
      mkdirSync(path);
      return path;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

const idLetters = 'abcdefghijklmnopqrstuvwxyz0123456789';

function randomId(): string {
  return Array.from({ length: 6 }, () => idLetters[randomInt(idLetters.length)]).join('');
}

/** Local time as YYYYMMDD-HHMMSS. */
function timestamp(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`;
  return `${date}-${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
}

function exists(path: string, kind: 'isFile' | 'isDirectory'): boolean {
  return statSync(path, { throwIfNoEntry: false })?.[kind]() ?? false;
}

function describeFailure<Result>(path: string, what: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const { problem, hint } = explainSystemError(error);
    throw new RunDirectoryError(path, `${what}: ${problem}`, hint, { cause: error });
  }
}
