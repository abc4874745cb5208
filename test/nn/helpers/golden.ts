/** Golden files and graph inputs by name: what the tests of losses, optimizers and schedules share. */
import { readFileSync } from 'node:fs';
import { type DType, input, type Shape } from '../../../src/tensor/index.js';
import type { GraphInput } from '../../tensor/helpers/random-graph.js';

/** The content of test/golden/<name>.json; the caller says what its script writes. */
export const golden = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../golden/${name}.json`, import.meta.url), 'utf8')) as T;

/** An input with its values. */
export const given = (name: string, shape: Shape, values: readonly number[], dtype: DType = 'f32'): GraphInput => ({
  node: input(name, shape, dtype),
  values,
});

/** The largest difference of two lists, relative where the expected value exceeds 1; NaN where the lengths differ. */
export function difference(actual: ArrayLike<number>, expected: readonly number[]): number {
  if (actual.length !== expected.length) return NaN;
  return expected.reduce((worst, e, i) => Math.max(worst, Math.abs(actual[i] - e) / Math.max(1, Math.abs(e))), 0);
}
