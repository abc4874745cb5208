/** What a loss can only know once the data are loaded: weights of classes by their names, or balanced by how many there are. */
import type { LoadedData } from '../../data/index.js';
import { type ClassCounts, resolveLoss } from '../../nn/index.js';
import { taskOf } from '../tasks/index.js';
import type { Contradiction, ExperimentConfig } from '../schema.js';
import { referenceOf } from './dataset.js';

/** The config with the weights of its loss as numbers, as the training split has it; or what is wrong with them. */
export function withLossWeights(
  config: ExperimentConfig,
  data: Pick<LoadedData, 'train' | 'classes'>,
): { readonly config: ExperimentConfig; readonly problems: readonly Contradiction[] } {
  const counts = countsOf(config, data);
  const loss = counts === undefined ? config.loss : resolveLoss(config.loss, counts, taskOf(config).reference);
  if (typeof loss === 'string') return { config, problems: [{ path: ['loss'], message: loss }] };
  return { config: loss === config.loss ? config : { ...config, loss }, problems: [] };
}

/** Training samples by class or label; undefined where there are neither. */
function countsOf(
  config: ExperimentConfig,
  { train, classes: names }: Pick<LoadedData, 'train' | 'classes'>,
): ClassCounts | undefined {
  if (names === undefined) return undefined;
  const counts = names.map(() => 0);
  const { values } = referenceOf(train);
  if (taskOf(config).reference === 'classes') for (const label of values) counts[label]++;
  else values.forEach((value: number, i: number) => (counts[i % names.length] += value));
  return { names, counts, samples: train.size };
}
