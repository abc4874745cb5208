import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { loadData } from '../../src/data/index.js';
import { type MemoryReport, wasmBackend } from '../../src/tensor/index.js';
import { experimentSchema, train } from '../../src/train/index.js';
import { nnHere, tempFolder } from './helpers.js';

const smoke = 'configs/smoke.yaml';

describe('nn check', () => {
  it('prints the layer table, the memory in training and the data on stdout', async () => {
    const { code, out, err } = await nnHere('check', smoke);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    // Memory: 4 bytes a parameter and an output; 40 + 27 parameters, twice that for Adam; 11 outputs of 16 samples;
    // 150 samples of 4 features and a label.
    expect(out.split('\n')).toEqual([
      'layer     type   output  parameters  multiply-adds  memory    std  gradient std  zeros',
      expect.stringMatching(/^layers\.0 {2}dense {2}\[8\] {13}40 {13}32 {3}192 B {2}[\d.]+ +[\d.]+ +\d+ %$/),
      expect.stringMatching(/^layers\.1 {2}dense {2}\[3\] {13}27 {13}24 {3}120 B +[\d.]+ +[\d.]+$/),
      'total: 67 parameters, 56 multiply-adds a sample',
      'memory in training: weights 268 B, optimizer (adam) 536 B, layer outputs of a batch of 16 704 B, data 2.9 KiB',
      expect.stringMatching(
        /^memory of a step: inputs \(.*\) 2\.6 KiB, arena \(.*\) [\d.]+ KiB, in all [\d.]+ KiB; with evaluation [\d.]+ KiB$/,
      ),
      'data: 90 training, 30 validation, 30 test samples of [4]; classification, 3 classes',
      'std and gradient std: spread of layer outputs and of their gradients at the start, on the first 16 samples; zeros: share of a relu layer',
      '',
    ]);
  });

  it('prints the same as one JSON object on stdout when asked', async () => {
    const { out, err } = await nnHere('check', smoke, '--json', '--quiet', 'optimizer=sgd');
    expect(err).toBe('');
    // Inputs: weights, training data, 16 indices, a random key, rate, step and the first step that failed.
    const inputs = 268 + 90 * 20 + 16 * 4 + 8 + 4 + 4 + 4;
    expect(JSON.parse(out)).toMatchObject({
      parameters: 67,
      macs: 56,
      memory: { weights: 268, optimizer: 0, activations: 704, data: 3000, batch_size: 16, inputs },
    });
  });
});

describe('what nn check measures', () => {
  it('stands in its JSON for every layer', async () => {
    const { out } = await nnHere('check', smoke, '--json', '--quiet');
    const { layers } = JSON.parse(out) as { layers: Record<string, number>[] };
    expect(layers.map((layer) => [layer.std > 0, layer.gradient_std > 0, 'zeros' in layer])).toEqual([[true, true, true], [true, true, false]]); // prettier-ignore
  });

  it('is warned of at its place in the config, with exit code 3 where --strict', async () => {
    const { code, err } = await nnHere('check', smoke, '--strict', 'init.weights=ones');
    expect(code).toBe(3);
    expect(err).toContain('override "init.weights=ones": warning: init.weights: the 8 units of layers.0 start identical and stay identical'); // prettier-ignore
    expect(err).toContain('[identical-units]');
    expect((await nnHere('check', smoke, '--strict', 'init.weights=ones', 'train.ignore_lints=[identical-units]')).code).toBe(0); // prettier-ignore
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
    const data = await loadData(config.data, { target: 'classes', seed: config.seed, baseDir: 'configs' });
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

describe('warnings', () => {
  const wrong = ['data.split={}', 'model.layers.1.activation=softmax', 'optimizer.lr=3'];

  it('stand with their place, their fix and their name, and a way to silence them', async () => {
    const file = join(tempFolder(), 'softmax.yaml');
    const text = readFileSync(smoke, 'utf8').replace('../datasets', resolve('datasets'));
    writeFileSync(file, text.replace('units: 3', 'units: 3, activation: softmax'));
    const { code, err } = await nnHere('check', file, 'optimizer.lr=3');
    expect(code).toBe(0);
    expect(err).toContain(
      `${file}:14:38: warning: model.layers[1].activation: the output ends in softmax, and softmax_cross_entropy takes logits: ` +
        'given only values from 0 to 1, it cannot approach 0; remove the softmax [softmax-before-logits-loss]\n' +
        '   14 |     - dense: { units: 3, activation: softmax }\n',
    );
    expect(err).toMatch(
      /^override "optimizer\.lr=3": warning: optimizer\.lr: 3 is far above .*; try 0\.001 first \[unusual-learning-rate\]$/m,
    );
    expect(err).toContain('why: nn list lints softmax-before-logits-loss; to silence it: train.ignore_lints=[softmax-before-logits-loss]'); // prettier-ignore
    const ignored = await nnHere('check', file, 'optimizer.lr=3', 'train.ignore_lints=[softmax-before-logits-loss]');
    expect(ignored.err.match(/warning: .*/g)).toHaveLength(1);
  });

  it('are objects in the JSON', async () => {
    const { out } = await nnHere('check', smoke, ...wrong, '--json', '--quiet');
    const { warnings } = JSON.parse(out) as { warnings: object[] };
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatchObject({
      id: 'softmax-before-logits-loss',
      file: smoke,
      path: 'model.layers[1].activation',
      override: 'model.layers.1.activation=softmax',
      fix: 'remove the softmax',
    });
  });

  it('fail a strict check with 3; an unknown name of a lint is an error', async () => {
    expect((await nnHere('check', smoke, ...wrong, '--strict')).code).toBe(3);
    const { code, err } = await nnHere('check', smoke, 'train.ignore_lints=[relu-on-outputs]');
    expect(code).toBe(2);
    expect(err).toContain('did you mean "relu-on-output"?');
  });
});

describe('nn check of several configs', () => {
  it('is clean for every shipped config', async () => {
    const { code, out, err } = await nnHere('check', '--strict', 'configs');
    expect(code, err).toBe(0);
    expect(out).toMatch(/configs: 0 with errors, 0 with warnings\n$/);
  });

  it('goes on after an error, and prints a line for each', async () => {
    const { code, err, out } = await nnHere('check', smoke, 'configs/iris.yaml', 'model.layers.0.units=16', 'data.split={}', 'model.layers.1.activation=relu', '--json'); // prettier-ignore
    expect(code, err).toBe(0);
    expect(err).toMatch(/^configs\/smoke\.yaml: 2 warnings \(131 parameters; 150 training samples\)$/m);
    const { configs } = JSON.parse(out) as { configs: { config: string; warnings: { id: string }[] }[] };
    expect(configs.map(({ config, warnings }) => [config, warnings.map(({ id }) => id)])).toEqual([
      [smoke, ['relu-on-output', 'no-held-out-data']],
      ['configs/iris.yaml', ['relu-on-output', 'no-held-out-data']],
    ]);
    const broken = await nnHere('check', 'configs/missing.yaml', smoke, '--strict');
    expect(broken.code).toBe(2);
    expect(broken.err).toContain('configs/missing.yaml: no such file');
    expect(broken.out).toContain('configs/smoke.yaml: ok');
    expect(broken.out).toContain('2 configs: 1 with errors, 0 with warnings');
  });

  it('needs a config', async () => {
    expect(await nnHere('check', 'seed=1')).toMatchObject({ code: 2, out: '' });
    expect((await nnHere('check', 'src/cli')).err).toContain('there is no YAML file in this folder');
  });
});

describe('nn overfit-batch', () => {
  it.each([
    ['identical units', 'units of layers.0 (dense) are identical', ['init.weights={constant: {value: 0.1}}']],
    [
      'dead units',
      'ReLU units of layers.0 (dense) are dead',
      ['model.layers.0.init={bias: {constant: {value: -100}}}'],
    ],
    ['a rate too high', 'learning rate 1000000 is too high', ['optimizer.lr=1e6']],
    ['a head that fits no loss', 'the head does not fit the loss', ['model.layers.1.activation=softmax', 'optimizer.lr=1e-5']], // prettier-ignore
  ])('exits with 3 and names the cause: %s', async (_, text, overrides) => {
    const { code, out, err } = await nnHere('overfit-batch', smoke, ...overrides);
    expect(code, err).toBe(3);
    expect(out).toContain(text);
  });

  it('says what was reached, what was needed, and the verdict', async () => {
    const { code, out } = await nnHere('overfit-batch', smoke);
    expect(code).toBe(0);
    expect(out).toMatch(/^trained on 16 samples for \d+ steps: loss 1\.138 -> 0\.0\d+\n/);
    expect(out).toContain('needed below 0.05; 100 % classified correctly, needed 100 %');
    expect(out).toContain('ok: the network fits the batch');
  });

  it('names the cause and exits with 3 where it fails', async () => {
    const { code, out, err } = await nnHere('overfit-batch', smoke, 'optimizer.lr=0', '--json');
    expect(code).toBe(3);
    expect(err).toContain('cause: the learning rate');
    expect(err).toContain('FAILED: the network does not fit the batch');
    expect(JSON.parse(out)).toMatchObject({ ok: false, causes: [{ kind: 'learning_rate_zero' }] });
  });
});

describe('the verdict of nn overfit-batch', () => {
  const sines = ['configs/spirals.yaml', 'task=regression', 'data.source={sines: {samples: 32}}', 'data.split={}', 'metrics=[]', 'loss=mean_squared_error', 'data.augment=[]']; // prettier-ignore
  const small = 'model.layers=[{dense: {units: 16, activation: relu}}, {dense: {units: 1}}]';

  it('is right for a batch whose targets are all equal', async () => {
    const { code, out } = await nnHere('overfit-batch', ...sines, small, 'train.batch_size=1', 'optimizer={adam: {lr: 0.01}}'); // prettier-ignore
    expect(out).toMatch(/needed below [\d.e-]+\n(?!.*cause)/);
    expect(out).not.toContain('needed below 0\n');
    expect(code, out).toBe(0);
  });

  it('is that it is undecided, where the steps run out while the loss falls', async () => {
    const { code, out, err } = await nnHere('overfit-batch', smoke, 'optimizer={adagrad: {lr: 0.001}}', '--json');
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ ok: false, verdict: 'undecided' });
    expect(err).toContain('UNDECIDED: after 5000 steps');
  });

  it('names a group whose rate is 0', async () => {
    const { code, out } = await nnHere('overfit-batch', smoke, 'train.parameter_groups=[{parameters: "*", lr: 0}]');
    expect(code).toBe(3);
    expect(out).toContain('cause: the learning rate of train.parameter_groups[0] ("*") is zero');
    expect(out.match(/cause: /g)).toHaveLength(1);
  });
});

describe('nn gradcheck', () => {
  it('agrees on the bias before a batch norm, whose derivative is 0, in a deep network', async () => {
    const deep =
      'model.layers=[{sequential: {repeat: 10, layers: [{dense: {units: 32}}, batch_norm, relu]}}, {dense: {units: 3}}]';
    const { code, out } = await nnHere('gradcheck', smoke, deep);
    expect(code, out).toBe(0);
  });

  it('prints a row for every parameter, and the verdict', async () => {
    const { code, out, err } = await nnHere('gradcheck', smoke);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = out.trimEnd().split('\n');
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
