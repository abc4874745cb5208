import { describe, expect, it } from 'vitest';
import { formatFigure, formatMean, formatTime } from '../../src/runner/text.js';

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

describe('formatMean', () => {
  it.each([
    [{ mean: { auc: 0.61234 } }, '0.6123'],
    [{ mean: { auc: 0.6 }, std: { auc: 0.0123 } }, '0.6 ± 0.012'],
    [{ mean: { auc: 0.6 }, std: { auc: 0.01 }, defined: { auc: 3 } }, '0.6 ± 0.01 (3 of 5)'],
    [{ mean: { auc: NaN }, std: {}, defined: { auc: 0 } }, 'undefined'],
  ])('%j of 5 runs as %s', (spread, text) => expect(formatMean(spread, 'auc', 5)).toBe(text));
});
