import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance, nearest } from '../../src/config/nearest.js';

describe('editDistance', () => {
  it.each([
    ['kitten', 'sitting', 3],
    ['relu', 'rleu', 1],
    ['', 'abc', 3],
    ['same', 'same', 0],
    // The restricted distance: no substring is edited twice (the unrestricted one is 2).
    ['ca', 'abc', 3],
  ])('of %s and %s is %d', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('nearest', () => {
  const known = ['relu', 'leaky_relu', 'tanh', 'sigmoid', 'max_pool2d', 'he_normal', 'he_uniform', 'lr'];
  it.each([
    ['rleu', 'relu'],
    ['Tanh', 'tanh'],
    ['MaxPool2D', 'max_pool2d'],
    ['leakyrelu', 'leaky_relu'],
    ['sigmoide', 'sigmoid'],
    ['he_norm', 'he_normal'],
    ['l', 'lr'],
    ['learning_rate', undefined],
    ['xyz', undefined],
    ['', undefined],
    ['x'.repeat(10_000), undefined],
  ])('to %.20s is %s', (name, expected) => {
    expect(nearest(name, known)).toBe(expected);
  });

  it('becomes a question', () => {
    expect(didYouMean('unit', ['units', 'use_bias'])).toBe('did you mean "units"?');
    expect(didYouMean('unit', [])).toBeUndefined();
  });
});
