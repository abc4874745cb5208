/** Mutated experiments are refused in words, or load and treat their data as they say; see test/data/mutations.test.ts. */
import { expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/index.js';
import { closeSplits, DataError, loadData } from '../../src/data/index.js';
import { hostRandom } from '../../src/tensor/random.js';
import { experimentSchema, taskOf } from '../../src/train/index.js';
import { mutated } from '../config/mutate.js';
import { tempFolder } from '../data/files.js';

const { dir, write } = tempFolder();
write('a.csv', `x,y,c,k\n${Array.from({ length: 60 }, (_, i) => `${(i * 37) % 50},${i % 7 === 3 ? '' : i / 8},${'uvw'[i % 3]},${'ab'[i % 2]}`).join('\n')}\n`); // prettier-ignore
write('a.jsonl', `${Array.from({ length: 60 }, (_, i) => JSON.stringify({ x: (i * 37) % 50, y: i / 8, c: 'uvw'[i % 3], k: 'ab'[i % 2] })).join('\n')}\n`); // prettier-ignore
const TEXT = `task: classification
data:
  source: {csv: {path: a.csv, target: k, missing: mean, missing_indicator: true, hash: {c: 4}}}
  cache: disk
  split: {val: 0.2, test: 10, stratify: true}
  preprocess: [standardize, robust: {lower: 10}, pca: {components: 0.9, whiten: true, epsilon: 0.001}]
  augment: [feature_noise: {std: 0.1}, feature_mask: {rate: 0.2}]
  limit_test: 5
model: {layers: [dense: {units: 2}]}
train: {batch_size: 8}
`;
const OVERRIDES = ['data.cache=memory', 'data.cache=ram', 'data.cache_dir=nowhere', 'data.preprocess=[zca]', 'data.preprocess=[pca, zca]', 'data.preprocess=[pca: {components: 9}]', 'data.source={jsonl: {path: a.jsonl, target: k}}', 'data.folds=3', 'data.source.missing=median']; // prettier-ignore

it('a mutated experiment loads with its data, or fails with an error that has a message and a place', async () => {
  const { NN_FUZZ: count = 300, NN_FUZZ_SEED: seed = 1 } = process.env;
  const random = hostRandom(Number(seed), 'experiment mutations');
  let loaded = 0;
  for (let i = 0; i < Number(count); i++) {
    const text = random.below(4) === 0 ? TEXT : mutated(TEXT, random);
    const overrides = random.below(2) === 0 ? [] : [OVERRIDES[random.below(OVERRIDES.length)]];
    try {
      const { config } = loadConfig(experimentSchema, { file: 'f.yaml', text, overrides, env: {} });
      closeSplits(await loadData(config.data, { target: taskOf(config).targets, seed: config.seed, baseDir: dir }));
      loaded++;
    } catch (error) {
      const shown = `mutation ${i}: ${JSON.stringify([text, overrides])}`;
      if (error instanceof ConfigError) {
        for (const problem of error.problems)
          expect(problem.message, shown).not.toMatch(/undefined|\[object|Invalid input/);
      } else if (error instanceof DataError) expect(error.format(), shown).not.toMatch(/undefined|\[object|\n\s+at /);
      else throw new Error(shown, { cause: error });
    }
  }
  expect(loaded).toBeGreaterThan(Number(count) / 10);
});
