import { describe, expect, it } from 'vitest';
import { printable, printableJson, printableLine } from '../../src/config/printable.js';

describe('printable', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['\u009b31m', '\\x9b31m'],
    ['\u202ecba\u2069', '\\u202ecba\\u2069'],
    ['a\rb\b\x7f', 'a\\x0db\\x08\\x7f'],
    ['Zoë, 東京, ±, 👩‍🔬', 'Zoë, 東京, ±, 👩‍🔬'],
  ])('spells out what would steer a terminal: %j', (text, expected) => {
    expect(printableLine(text)).toBe(expected);
    expect(printable(text)).toBe(expected);
  });

  it('keeps lines, where there may be several', () => {
    expect(printable('a\nb\r\n\tc')).toBe('a\nb\n c');
    expect(printableLine('a\nb')).toBe('a\\x0ab');
  });

  it('escapes JSON so that it reads back the same', () => {
    const value = { 'k\u009b\u202e': 'a\x1b\x7f\u2028\ufeff', list: ['\n', 'é'] };
    const text = printableJson(JSON.stringify(value));
    expect(text).not.toMatch(/[\u007f-\u009f\u2028\u202e\ufeff]/);
    expect(JSON.parse(text)).toEqual(value);
  });
});
