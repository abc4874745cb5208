/** Whether all numbers that reach an embedding from the data stand in its table: a step would look others up in a wrong row. */
import { forEachSample, type LoadedData, type Split, splitNames } from '../../data/index.js';
import type { Contradiction } from '../contradictions.js';
import { dataflowOf } from '../lints/dataflow.js';
import type { ExperimentConfig } from '../schema.js';

type Parts = Pick<LoadedData, 'affine'> & Partial<Pick<LoadedData, 'train' | 'val' | 'test'>>;

/** For each embedding of the network's input without an `unknown` row, the first sample with a number that it has no row for. */
export function embeddingIdProblems(config: ExperimentConfig, data: Parts): Contradiction[] {
  if (!JSON.stringify(config.model).includes('"embedding"')) return [];
  const shape = splitNames.map((name) => data[name]?.fields.features.shape).find((one) => one !== undefined);
  if (shape === undefined) return [];
  const { steps } = dataflowOf(config, shape, false);
  return steps.flatMap(({ layer, path, seesInput }) => {
    if (layer.type !== 'embedding' || !seesInput) return [];
    const { vocabulary, unknown } = configAt(config, path) as {
      readonly vocabulary: number;
      readonly unknown?: number;
    };
    if (unknown !== undefined) return [];
    for (const name of splitNames) {
      const split = data[name];
      const found = split && firstOutside(split, vocabulary, data.affine);
      if (found === undefined) continue;
      const message =
        `sample ${found.sample} of the ${name} split (counted from 0) has ${found.value}, and the embedding has rows for the ` +
        `integers from 0 to ${vocabulary - 1}; make the vocabulary larger, or give a row for all others: unknown: 0`;
      return [{ path: [...path, 'vocabulary'], message }];
    }
    return [];
  });
}

function firstOutside(
  { size, fields: { features } }: Split,
  vocabulary: number,
  affine: LoadedData['affine'],
): { readonly sample: number; readonly value: number } | undefined {
  let found: { sample: number; value: number } | undefined;
  forEachSample(features, size, (values, sample) => {
    for (let i = 0; found === undefined && i < values.length; i++) {
      const value = affine === undefined ? values[i] : values[i] * affine.scale[i % affine.scale.length] + affine.shift[i % affine.shift.length]; // prettier-ignore
      if (!(Number.isInteger(value) && value >= 0 && value < vocabulary)) found = { sample, value };
    }
  });
  return found;
}

const configAt = (config: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<string | number, unknown>)[key], config);
