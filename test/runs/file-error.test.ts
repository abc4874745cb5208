import { constants } from 'node:os';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorCode, explainSystemError } from '../../src/config/system-error.js';
import { FileWriteError } from '../../src/runs/file-error.js';

/** As Node reports an error that it has no name for. */
const unnamed = (errno: number): Error =>
  Object.assign(new Error(`Unknown system error -${errno}: write`), { code: `Unknown system error -${errno}`, errno: -errno }); // prettier-ignore

describe('explainSystemError', () => {
  it('finds the name of an error that Node has none for, by its number', () => {
    expect(errorCode(unnamed(constants.errno.EDQUOT))).toBe('EDQUOT');
    expect(new FileWriteError('a/b', unnamed(constants.errno.EDQUOT)).message).toBe(
      'cannot write a/b: the disk quota is used up (EDQUOT)\n  free some space, or choose another folder with --runs-dir',
    );
  });

  it.each([
    ['x'.repeat(300), 'the name is too long (ENAMETOOLONG)'],
    ['a\0b', 'the path holds a zero byte (ERR_INVALID_ARG_VALUE)'],
    ['/dev/null/x', 'a part of the path is a file, not a folder (ENOTDIR)'],
  ])('explains what the system says of a path: %j', (path, problem) => {
    let error: unknown;
    try {
      readFileSync(path);
    } catch (thrown) {
      error = thrown;
    }
    expect(explainSystemError(error).problem).toBe(problem);
  });

  it.each(['ELOOP', 'EMFILE', 'EIO', 'EDQUOT', 'ENFILE'])('has words for %s', (code) => {
    expect(explainSystemError(Object.assign(new Error('x'), { code })).problem).toMatch(
      new RegExp(`^[a-z].* \\(${code}\\)$`),
    );
  });
});
