// At most one process works on a run. Each one that wants to puts down a lock file whose name says who it is, then
// looks for others: a living one means that it must leave, a dead one's file is deleted. As the name belongs to one
// process for all time, deleting it can never take away a lock that somebody has just acquired; at worst two
// processes that start in the same instant both leave.
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errorCode, explainSystemError } from './file-error.js';
import { RunDirectoryError } from './run-directory-error.js';

const lockName = /^lock\.([1-9][0-9]*)\.([0-9]+)\.(.+)$/;

/** Locks the run directory `folder` for this process; returns the path of the lock file. Throws `RunDirectoryError`. */
export function acquireLock(folder: string): string {
  const own = `lock.${process.pid}.${startTime(process.pid)}.${hostLabel()}`;
  const path = join(folder, own);
  try {
    closeSync(openSync(path, 'wx'));
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw inUse(folder, own);
    const { problem, hint } = explainSystemError(error);
    throw new RunDirectoryError(folder, `cannot be locked: ${problem}`, hint, { cause: error });
  }
  for (const name of readdirSync(folder)) {
    if (name === own || !lockName.test(name)) continue;
    if (mayBeAlive(name)) {
      releaseLock(path);
      throw inUse(folder, name);
    }
    releaseLock(join(folder, name));
  }
  return path;
}

export function releaseLock(path: string): void {
  rmSync(path, { force: true });
}

function inUse(folder: string, lock: string): RunDirectoryError {
  const [, pid, , host] = lockName.exec(lock) ?? [];
  return new RunDirectoryError(
    folder,
    `is in use by process ${pid} on ${host}`,
    `wait for it or stop it first; if no such process runs any more, delete ${join(folder, lock)}`,
  );
}

/** A process of another machine cannot be looked up, so it counts as alive. */
function mayBeAlive(lock: string): boolean {
  const [, pid, start, host] = lockName.exec(lock) ?? [];
  if (host !== hostLabel()) return true;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // EPERM: there is such a process, of another user.
    if (errorCode(error) !== 'EPERM') return false;
  }
  return startTime(Number(pid)) === start;
}

/**
 * When a process began, in clock ticks since the machine's start; it tells a process from a later one with the same
 * number. 'ended' for one that is dead but not yet reaped by its parent. '0' where the system does not say (only
 * Linux does), so that the number alone decides.
 */
function startTime(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the command's name in parentheses, may hold blanks. The third is the state, the 22nd the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19];
  } catch {
    return '0';
  }
}

function hostLabel(): string {
  return hostname().replace(/[^A-Za-z0-9._-]/g, '_') || 'unknown';
}
