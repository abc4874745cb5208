/** Operating system errors in the user's terms. */
import { constants } from 'node:os';

/** What the common system errors mean to a user, and what to do about them. */
const explanations: Readonly<Record<string, readonly [problem: string, hint: string]>> = {
  ENOSPC: ['there is no space left on the device', 'free some space, or choose another folder with --runs-dir'],
  EDQUOT: ['the disk quota is used up', 'free some space, or choose another folder with --runs-dir'],
  EACCES: ['permission denied', 'check who owns the folder, or choose another one with --runs-dir'],
  EPERM: ['the operation is not permitted', 'check who owns the folder, or choose another one with --runs-dir'],
  EROFS: ['the file system is read-only', 'choose another folder with --runs-dir'],
  ENOENT: ['no such file or folder', 'check the path; was the folder moved or deleted?'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'check the path'],
  EISDIR: ['this is a folder, not a file', 'check the path'],
  EMFILE: ['too many files are open', 'raise the limit of open files (ulimit -n)'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter name'],
  ELOOP: ['its links lead in a circle', 'check the path: a link points back to itself'],
  ENFILE: ['too many files are open on this machine', 'wait, or close other programs'],
  EFBIG: ['the file would be larger than is allowed', 'raise the limit of file sizes (ulimit -f)'],
  ERR_INVALID_ARG_VALUE: ['the path holds a zero byte', 'check the path'],
  ENXIO: ['there is no such device', 'check the path'],
  EIO: ['the device reported an input/output error', 'check the disk'],
};

/** The code of a system error such as `ENOENT`; undefined for any other value. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined;
  // Node has no name for some, such as EDQUOT.
  const number = 'errno' in error && typeof error.errno === 'number' ? Math.abs(error.errno) : undefined;
  const named = Object.entries(constants.errno).find(([, value]) => value === number);
  return error.code.startsWith('Unknown system error') && named !== undefined ? named[0] : error.code;
}

/** Whether the system refused a call. */
export const isSystemError = (error: unknown): boolean =>
  error instanceof Error && ('syscall' in error || errorCode(error) === 'ERR_INVALID_ARG_VALUE');

/** A system error in words: what happened (with its code) and what to do. */
export function explainSystemError(error: unknown): { problem: string; hint: string } {
  const code = errorCode(error);
  const known = code === undefined ? undefined : explanations[code];
  if (known) return { problem: `${known[0]} (${code})`, hint: known[1] };
  return { problem: error instanceof Error ? error.message : String(error), hint: 'check the path and the disk' };
}
