// At most one process works on a run. Each one that wants to puts down a lock file whose name says who it is, then
// looks for others: a living one means that it must leave, a dead one's file is deleted. As the name belongs to one
// process for all time, deleting it can never take away a lock that somebody has just acquired; at worst two
// processes that start in the same instant both leave.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { errorCode, explainSystemError } from '../config/system-error.js';
import { RunDirectoryError } from './run-directory-error.js';

/** `lock.<pid>.<start>.<machine>-<boot>-<namespace>.<host>`; locks of earlier versions have no third part. */
const lockName = /^lock\.([1-9][0-9]*)\.([0-9]+)\.(?:([0-9a-f]*)-([0-9a-f]*)-([0-9]*)\.)?(.+)$/;

/** Where a process number means something: a namespace of a running machine. Empty where the system does not say (only Linux does). */
interface ProcessSpace {
  /** Digests of what identifies the installation, and this boot of it. */
  readonly machine: string;
  readonly boot: string;
  /** The inode of the namespace of process numbers; containers have their own. */
  readonly namespace: string;
  readonly host: string;
}

/** The namespace that a machine itself has, and no container. */
const ROOT_NAMESPACE = '4026531836';

/** Locks the run directory `folder` for this process; returns the path of the lock file. Throws `RunDirectoryError`. */
export function acquireLock(folder: string): string {
  const own = `lock.${process.pid}.${startTime(process.pid)}.${spaceLabel(ownSpace())}`;
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
  const [, pid, , , , namespace, host] = lockName.exec(lock) ?? [];
  const foreign = namespace !== undefined && host === ownSpace().host && namespace !== ownSpace().namespace;
  return new RunDirectoryError(
    folder,
    `is in use by process ${pid} on ${host}${foreign ? ', in another container' : ''}`,
    `wait for it or stop it first; if no such process runs any more, delete ${join(folder, lock)}`,
  );
}

/** A process that cannot be looked up, on another machine or in another container, counts as alive. */
function mayBeAlive(lock: string): boolean {
  const [, pid, start, machine, boot, namespace, host] = lockName.exec(lock) ?? [];
  const own = ownSpace();
  if (host !== own.host) return true;
  if (machine !== undefined && (machine !== own.machine || boot !== own.boot || namespace !== own.namespace)) {
    const restarted = machine !== '' && machine === own.machine && boot !== own.boot;
    // Nothing that ran on this machine itself has outlived its restart.
    return !(restarted && namespace === ROOT_NAMESPACE && own.namespace === ROOT_NAMESPACE);
  }
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

let space: ProcessSpace | undefined;

function ownSpace(): ProcessSpace {
  space ??= {
    machine: digestOf(() => readFileSync('/etc/machine-id', 'utf8').trim()),
    boot: digestOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    namespace: /\d+/.exec(orEmpty(() => readlinkSync('/proc/self/ns/pid')))?.[0] ?? '',
    host: hostname().replace(/[^A-Za-z0-9._-]/g, '_') || 'unknown',
  };
  return space;
}

const spaceLabel = ({ machine, boot, namespace, host }: ProcessSpace): string =>
  `${machine}-${boot}-${namespace}.${host}`;

/** Empty where there is nothing to read. */
function digestOf(read: () => string): string {
  const text = orEmpty(read);
  return text === '' ? '' : createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
