import { expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/index.js';
import { hostRandom } from '../../src/tensor/random.js';
import { experiment } from './example-schema.js';
import { bomb } from './bombs.js';
import { mutated } from './mutate.js';

const TEXT = `name: demo
task: classification
model: &m
  layers:
    - flatten
    - dense: {units: 8, activation: {leaky_relu: {slope: 0.2}}}
    - residual: {layers: [dense: {units: 8, activation: tanh}]}
    - dropout: {rate: 0.5}
split: 0.2
seed: "\${env:SEED,3}"
optimizer: {sgd: {lr: 0.1}}
preprocess: [{scale: 2}]
train: {early_stopping: {patience: 3}}
`;
const OVERRIDES = [
  'model.layers.1.units=3',
  'optimizer.lr=2',
  'train.early_stopping.mode=x',
  'model.layers.2.layers.0.units=2',
].concat(['seed.x=1', 'preprocess.0.scale=3', 'optimizer=adam', 'model={}', 'model.layers.0=[', 'split=${env:X}']);

it('a mutated config loads, or fails with a ConfigError that has a message and a place', () => {
  const { NN_FUZZ: count = 500, NN_FUZZ_SEED: seed = 1 } = process.env;
  const random = hostRandom(Number(seed), 'config mutations');
  for (let i = 0; i < Number(count); i++) {
    const text = mutated(TEXT, random);
    const overrides = random.below(2) === 0 ? [] : [OVERRIDES[random.below(OVERRIDES.length)]];
    try {
      loadConfig(experiment, { file: 'f.yaml', text, overrides, env: {} });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new Error(`mutation ${i}: ${JSON.stringify(text)}`, { cause: error });
      for (const problem of error.problems) expect(problem.message).not.toMatch(/undefined|\[object|Invalid input/);
    }
  }
});

it('a config that explodes when it is read loads, or is refused in a few lines', () => {
  const { NN_FUZZ: count = 400, NN_FUZZ_SEED: seed = 1 } = process.env;
  const random = hostRandom(Number(seed), 'config bombs');
  // Some are megabytes long: fewer of them.
  for (let i = 0; i < Number(count) / 20; i++) {
    const text = bomb(random);
    const shown = `seed ${seed}, bomb ${i}: ${text.slice(0, 100)}`;
    try {
      loadConfig(experiment, { file: 'f.yaml', text, env: {} });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw new Error(shown, { cause: error });
      expect(error.message.length, shown).toBeLessThan(20_000);
    }
  }
});
