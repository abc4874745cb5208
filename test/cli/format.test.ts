import { describe, expect, it } from 'vitest';
import { formatBytes, formatTable } from '../../src/cli/format.js';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [150 * 1024, '150 KiB'],
    [3 * 2 ** 30, '3.0 GiB'],
    [2 ** 50, '1024 TiB'],
  ])('%d as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatTable', () => {
  it('aligns columns, the named ones to the right, without blanks at the ends', () => {
    const rows = [
      ['a', '10'],
      ['bcd', '7'],
    ];
    expect(formatTable(['x', 'n'], rows, ['n'])).toEqual(['x     n', 'a    10', 'bcd   7']);
    expect(formatTable(['n', 'x'], rows)).toEqual(['n    x', 'a    10', 'bcd  7']);
  });
});
