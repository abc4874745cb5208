import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { loadData } from '../../src/data/index.js';
import { type MemoryReport, wasmBackend } from '../../src/tensor/index.js';
import { experimentSchema, train } from '../../src/train/index.js';
import { nnHere } from './helpers.js';

const smoke = 'configs/smoke.yaml';

describe('nn check', () => {
  it('prints the layer table, the memory in training and the data on stderr, nothing on stdout', async () => {
    const { code, out, err } = await nnHere('check', smoke);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    // Memory: 4 bytes a parameter and an output; 40 + 27 parameters, twice that for Adam; 11 outputs of 16 samples;
    // 150 samples of 4 features and a label.
    expect(err.split('\n')).toEqual([
      'layer     type   output  parameters  multiply-adds  memory',
      'layers.0  dense  [8]             40             32   192 B',
      'layers.1  dense  [3]             27             24   120 B',
      'total: 67 parameters, 56 multiply-adds a sample',
      'memory in training: weights 268 B, optimizer (adam) 536 B, layer outputs of a batch of 16 704 B, data 2.9 KiB',
      expect.stringMatching(
        /^memory of a step: inputs \(.*\) 2\.6 KiB, arena \(.*\) [\d.]+ KiB, in all [\d.]+ KiB; with evaluation [\d.]+ KiB$/,
      ),
      'data: 90 training, 30 validation, 30 test samples of [4]; classification, 3 classes',
      '',
    ]);
  });

  it('prints the same as one JSON object on stdout when asked', async () => {
    const { out, err } = await nnHere('check', smoke, '--json', '--quiet', 'optimizer=sgd');
    expect(err).toBe('');
    // Inputs: weights, training data, 16 indices, a random key, rate and step.
    const inputs = 268 + 90 * 20 + 16 * 4 + 8 + 4 + 4;
    expect(JSON.parse(out)).toMatchObject({
      parameters: 67,
      macs: 56,
      memory: { weights: 268, optimizer: 0, activations: 704, data: 3000, batch_size: 16, inputs },
    });
  });
});

describe('the memory that nn check prints', () => {
  it.each([
    ['smoke', false],
    ['mnist-cnn', true],
  ] as const)('is what the tensor engine holds when %s trains', async (name, stopAtOnce) => {
    const file = `configs/${name}.yaml`;
    const { out } = await nnHere('check', file, '--json', '--quiet', '--threads', '2');
    const { memory } = JSON.parse(out) as { memory: Record<string, number> };

    const { config } = loadConfig(experimentSchema, { file, overrides: [] });
    const data = await loadData(config.data, { task: config.task, seed: config.seed, baseDir: 'configs' });
    const session = wasmBackend.open({ threads: 2 });
    let held: MemoryReport | undefined;
    const nothing = (): void => undefined;
    const progress = (): void => void (held ??= session.memory());
    const recorder = { epoch: nothing, checkpoint: nothing, log: nothing, progress };
    await train(session, config, data, { recorder, shouldStop: () => stopAtOnce, now: () => 0 });
    expect({ inputs: memory.inputs, scratch: memory.arena, total: memory.step_total }).toEqual(held);
    if (!stopAtOnce) expect(memory.run_total).toBe(session.memory().total);
    session.close();
    // What is named is most of it; control words and padding are the rest.
    expect(memory.step_total).toBeGreaterThan(memory.inputs + memory.arena);
    expect(memory.step_total).toBeLessThan(memory.inputs + memory.arena + 65536);
  });
});

describe('nn check --strict', () => {
  it('exits with 3 where there is a warning, and with 0 for every shipped config', async () => {
    const unmeasured = await nnHere('check', smoke, 'data.split={}');
    expect(unmeasured.code).toBe(0);
    expect(unmeasured.err).toContain('warning: there is neither a validation nor a test split');
    expect((await nnHere('check', smoke, 'data.split={}', '--strict')).code).toBe(3);
    for (const name of readdirSync('configs').filter((file) => file.endsWith('.yaml'))) {
      expect((await nnHere('check', join('configs', name), '--strict')).code, name).toBe(0);
    }
  });
});

describe('nn overfit-batch', () => {
  it.each([
    ['identical units', 'units of layers.0 (dense) are all identical', ['init.weights={constant: {value: 0.1}}']],
    [
      'dead units',
      'ReLU units of layers.0 (dense) are dead',
      ['model.layers.0.init={bias: {constant: {value: -100}}}'],
    ],
    ['a rate too high', 'learning rate 1000000 is too high', ['optimizer.lr=1e6']],
    ['a head that fits no loss', 'the head does not fit the loss', ['model.layers.1.activation=softmax', 'optimizer.lr=1e-5']], // prettier-ignore
  ])('exits with 3 and names the cause: %s', async (_, text, overrides) => {
    const { code, err } = await nnHere('overfit-batch', smoke, ...overrides);
    expect(code, err).toBe(3);
    expect(err).toContain(text);
  });

  it('says what was reached, what was needed, and the verdict', async () => {
    const { code, err } = await nnHere('overfit-batch', smoke);
    expect(code).toBe(0);
    expect(err).toMatch(/^trained on 16 samples for \d+ steps: loss 1\.138 -> 0\.0\d+\n/);
    expect(err).toContain('needed below 0.05; 100 % classified right, needed 100 %');
    expect(err).toContain('ok: the network learns a batch by heart');
  });

  it('names the cause and exits with 3 where it fails', async () => {
    const { code, out, err } = await nnHere('overfit-batch', smoke, 'optimizer.lr=0', '--json');
    expect(code).toBe(3);
    expect(err).toContain('cause: the learning rate');
    expect(err).toContain('FAILED: the network does not learn a batch by heart');
    expect(JSON.parse(out)).toMatchObject({ ok: false, causes: [{ kind: 'learning_rate_zero' }] });
  });
});

describe('nn gradcheck', () => {
  it('prints a row for every parameter, and the verdict', async () => {
    const { code, out, err } = await nnHere('gradcheck', smoke);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    const lines = err.trimEnd().split('\n');
    expect(lines[0]).toBe('parameter        shape   checked  derivative  difference    error  verdict');
    expect(lines.slice(1, -1).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'layers.0.weight',
      'layers.0.bias',
      'layers.1.weight',
      'layers.1.bias',
    ]);
    expect(lines.at(-1)).toMatch(/^ok: all gradients agree with finite differences/);
  });
});
