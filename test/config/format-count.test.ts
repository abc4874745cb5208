import { describe, expect, it } from 'vitest';
import { formatCount } from '../../src/config/format-count.js';

describe('formatCount', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1234567, '1,234,567'],
  ])('groups the thousands of %d', (count, text) => expect(formatCount(count)).toBe(text));
});
