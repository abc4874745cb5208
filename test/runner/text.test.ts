import { describe, expect, it } from 'vitest';
import { formatFigure, formatTime } from '../../src/runner/text.js';

describe('formatFigure', () => {
  it.each([
    [0.000123456, '0.0001235'],
    [1, '1'],
    [NaN, 'NaN'],
  ])('%d as %s', (value, text) => expect(formatFigure(value)).toBe(text));
});

describe('formatTime', () => {
  it.each([
    [2.54, '2.5 s'],
    [125, '2 min 05 s'],
    [3840, '1 h 04 min'],
  ])('%d seconds as %s', (seconds, text) => expect(formatTime(seconds)).toBe(text));
});
