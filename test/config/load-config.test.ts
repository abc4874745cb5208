import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';
import { stringify } from 'yaml';
import type * as z from 'zod';
import { ConfigError, loadConfig, located, locatedProblem, type LoadedConfig } from '../../src/config/index.js';
import { experiment } from './example-schema.js';

type Experiment = z.output<typeof experiment>;

const load = (text: string, overrides: string[] = [], env: Record<string, string> = {}): LoadedConfig<Experiment> =>
  loadConfig(experiment, { file: 'a.yaml', text, overrides, env });

/** The heads of all messages, without the quoted source. */
function errorsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error
      .format()
      .split('\n')
      .filter((line) => !/^\s+(\d+ )?\|/.test(line));
  }
  return [];
}

const HEAD = 'task: regression\nmodel: {layers: [flatten]}\n';
const inLayers = (layer: string): string => `task: regression\nmodel:\n  layers:\n    - ${layer}\n`;

const badFiles: Record<string, [text: string, ...messages: string[]]> = {
  'a wrong type': [
    inLayers('dense: {units: abc}'),
    'a.yaml:4:22: model.layers[0].units: expected a positive integer, got "abc"',
  ],
  'a number out of range': [
    inLayers('dropout: {rate: 1.5}'),
    'a.yaml:4:23: model.layers[0].rate: expected a number of at least 0 and below 1, got 1.5',
  ],
  'a fraction where an integer is needed': [
    inLayers('dense: {units: 1.5}'),
    'a.yaml:4:22: model.layers[0].units: expected a positive integer, got 1.5',
  ],
  'not a number': [
    inLayers('dropout: {rate: .nan}'),
    'a.yaml:4:23: model.layers[0].rate: expected a number of at least 0 and below 1, got .nan, which is not a number',
  ],
  infinity: [
    `${HEAD}optimizer: {adam: {lr: .inf}}`,
    'a.yaml:3:24: optimizer.lr: expected a positive number, got .inf, which is not finite',
  ],
  'an unknown key and, through it, a missing one': [
    inLayers('dense: {unit: 3}'),
    'a.yaml:4:7: model.layers[0]: missing key "units" (number of output units)',
    'a.yaml:4:15: model.layers[0]: unknown key "unit"; did you mean "units"?',
  ],
  'an unknown key like no other': [
    `${HEAD}train:\n  zzz: 1\n`,
    'a.yaml:4:3: train: unknown key "zzz"; known: max_epochs, early_stopping, shuffle',
  ],
  'a parameter for a component that takes none': [
    inLayers('flatten: {x: 1}'),
    'a.yaml:4:17: model.layers[0]: unknown key "x"; it takes no parameters',
  ],
  'an unknown top-level key': [
    `${HEAD}optimiser: adam\n`,
    'a.yaml:3:1: unknown key "optimiser"; did you mean "optimizer"?',
  ],
  'a missing top-level key': ['model: {layers: [flatten]}\n', 'a.yaml:1:1: missing key "task" (what is learnt)'],
  'a misspelt choice': [
    'task: clasification\nmodel: {layers: [flatten]}\n',
    'a.yaml:1:7: task: expected one of classification, regression, got "clasification"; did you mean "classification"?',
  ],
  'a misspelt component': [
    inLayers('dens: {units: 3}'),
    'a.yaml:4:7: model.layers[0]: expected one of dense, dropout, flatten, residual, got "dens"; did you mean "dense"?',
  ],
  'a misspelt component without parameters': [
    inLayers('dense: {units: 3, activation: rleu}'),
    'a.yaml:4:37: model.layers[0].activation: expected one of relu, leaky_relu, tanh, got "rleu"; did you mean "relu"?',
  ],
  'a component that needs parameters and has none': [
    inLayers('dropout'),
    'a.yaml:4:7: model.layers[0]: missing key "rate" (share of inputs set to zero)',
  ],
  'parameters that are not indented': [
    inLayers('dense:\n      units: 3'),
    'a.yaml:4:7: model.layers[0]: the parameters of "dense" belong below it: indent "units" further',
  ],
  'two components in one': [
    inLayers('{flatten: , dropout: {rate: 0.1}}'),
    'a.yaml:4:7: model.layers[0]: a component is one name with its parameters, got the keys "flatten", "dropout"',
  ],
  'a bare value for parameters': [
    inLayers('dense: 3'),
    'a.yaml:4:7: model.layers[0]: the parameters of "dense" are a mapping, such as {dense: {units: ...}}',
  ],
  'a number for a component': [
    inLayers('3'),
    'a.yaml:4:7: model.layers[0]: expected one of dense, dropout, flatten, residual, got 3',
  ],
  'a fault in a component within a component': [
    inLayers('residual: {layers: [dense: {units: -1}]}'),
    'a.yaml:4:42: model.layers[0].layers[0].units: expected a positive integer, got -1',
  ],
  'an empty list': [
    'task: regression\nmodel: {layers: []}\n',
    'a.yaml:2:17: model.layers: expected a list that is not empty, got an empty list',
  ],
  'a list of the wrong length': [
    `${HEAD}optimizer: {adam: {betas: [0.9]}}`,
    'a.yaml:3:27: optimizer.betas: expected a list of 2, got a list of 1',
  ],
  'a union of plain values': [
    `${HEAD}split: -1\n`,
    'a.yaml:3:8: split: expected "none" or a number from 0 to 1 or a positive integer, got -1',
  ],
  'a truth value written as a number': [
    `${HEAD}train: {shuffle: 1}`,
    'a.yaml:3:18: train.shuffle: expected true or false, got 1',
  ],
  'a key without a value': [
    `${HEAD}train:\n  early_stopping:\n`,
    'a.yaml:4:3: train.early_stopping: expected a mapping, got nothing (null)',
  ],
  'a wrong value in a record': [
    `${HEAD}preprocess: [{scale: x}]`,
    'a.yaml:3:22: preprocess[0].scale: expected a number, got "x"',
  ],
  'a missing environment variable': [
    `${HEAD}seed: ${'${env:SEED}'}`,
    'a.yaml:3:7: seed: the environment variable SEED is not set; set it or write ${env:SEED,default}',
  ],
  'an environment variable within a component': [
    `${HEAD}optimizer: {sgd: {lr: "${'${env:LR}'}"}}`,
    'a.yaml:3:23: optimizer.lr: the environment variable LR is not set; set it or write ${env:LR,default}',
  ],
  'an interpolation of another kind': [
    `${HEAD}name: ${'${HOME}'}`,
    'a.yaml:3:7: name: cannot interpolate "${HOME}"; write ${env:NAME} or ${env:NAME,default}',
  ],
  'several faults at once, by line': [
    'seed: -1\ntask: regression\nname: ""\nmodel: {layers: [flatten]}\nfoo: 1\n',
    'a.yaml:1:7: seed: expected an integer from 0 to 4294967295, got -1',
    'a.yaml:3:7: name: expected a text that is not empty, got ""',
    'a.yaml:5:1: unknown key "foo"; known: name, seed, task, model, split, optimizer, preprocess, train',
  ],
};

const badOverrides: Record<string, string> = {
  'optimizer.lr=abc': 'optimizer.lr: expected a positive number, got "abc"',
  'optimizer.lrr=1': 'optimizer: unknown key "lrr"; did you mean "lr"?',
  'optimizer.sgd.lr=1': 'optimizer: it is adam, not sgd; to replace it, write optimizer={sgd: {...}}',
  'optimizer=sgd': 'optimizer: missing key "lr" (learning rate)',
  'optimzer.lr=1': 'unknown key "optimzer"; did you mean "optimizer"?',
  'model.layers.3.units=1': 'model.layers: there is no item 3; its items are 0 to 1',
  'model.layers.units=1': 'model.layers: is a list, which has no "units"; its items are 0 to 1',
  'model.layers.0=dense': 'model.layers[0]: missing key "units" (number of output units)',
  'name.first=x': 'name: is "plain", which has no "first"',
  'train.early_stopping.monitor=val/acc': 'train.early_stopping: missing key "patience" (a positive integer)',
  'seed=[1': 'seed: the value is not valid YAML: a closing quote or bracket is missing',
  'seed=': 'seed: the value is empty; write null for no value, or "" for an empty text',
  'seed=${env:NO}': 'seed: the environment variable NO is not set; set it or write ${env:NO,default}',
  seed: 'expected key=value, such as optimizer.lr=0.01',
  '=1': 'expected key=value, such as optimizer.lr=0.01',
  'a..b=1': '"a..b" is not a path such as model.layers.0.units',
  'train.__proto__.x=1': 'the key "__proto__" is not allowed',
};

describe('a bad config is refused with its place, for', () => {
  it.each(Object.entries(badFiles))('%s', (_, [text, ...messages]) => {
    expect(errorsOf(() => load(text))).toEqual(messages);
  });
});

describe('a bad override is refused:', () => {
  const text = 'name: plain\ntask: regression\nmodel: {layers: [flatten, dense: {units: 4}]}\n';
  it.each(Object.entries(badOverrides))('%s', (override, message) => {
    expect(errorsOf(() => load(text, [override]))).toEqual([`override "${override}": ${message}`]);
  });

  it('together with the faults of the file, after them', () => {
    expect(errorsOf(() => load('task: regression\nmodel: {layers: [dropout]}\n', ['seed=x', 'nonsense']))).toEqual([
      'a.yaml:2:18: model.layers[0]: missing key "rate" (share of inputs set to zero)',
      'override "nonsense": expected key=value, such as optimizer.lr=0.01',
      'override "seed=x": seed: expected an integer from 0 to 4294967295, got "x"',
    ]);
  });
});

describe('loadConfig', () => {
  const full = `
name: demo
task: classification
model:
  layers:
    - flatten
    - dense: {units: 8, activation: {leaky_relu: {slope: 0.2}}}
    - residual: {layers: [dense: {units: 8, activation: tanh}]}
    - dropout: {rate: 0.5}
split: 0.2
optimizer: {sgd: {lr: 0.1}}
preprocess: [{scale: 2}]
train: {early_stopping: {patience: 3}}
`;

  it('fills in the defaults', () => {
    const { config } = load(HEAD);
    expect(config).toEqual({
      name: 'unnamed',
      seed: 0,
      task: 'regression',
      model: { layers: [{ type: 'flatten' }] },
      split: 'none',
      optimizer: { type: 'adam', lr: 0.001, betas: [0.9, 0.999] },
      preprocess: [],
      train: { max_epochs: 10, shuffle: true },
    });
    expectTypeOf(config.optimizer.lr).toEqualTypeOf<number>();
    expectTypeOf(config.optimizer.type).toEqualTypeOf<'adam' | 'sgd'>();
  });

  it('resolves to YAML that loads to the same config', () => {
    for (const [text, overrides] of [
      [HEAD, []],
      [full, []],
      [full, ['optimizer=adam', 'optimizer.betas.1=0.99', 'model.layers.1.activation=relu', 'split=100']],
    ] as const) {
      const first = load(text, [...overrides]);
      const again = load(stringify(first.resolved));
      expect(again.config).toEqual(first.config);
      expect(again.resolved).toEqual(first.resolved);
    }
  });

  it('takes defaults, then the file, then the environment, then overrides, the right-most last', () => {
    const text = `${HEAD}seed: ${'${env:SEED,7}'}\n`;
    expect(load(HEAD).config.seed).toBe(0);
    expect(load(text).config.seed).toBe(7);
    expect(load(text, [], { SEED: '8' }).config.seed).toBe(8);
    expect(load(text, ['seed=9', 'seed=10'], { SEED: '8' }).config.seed).toBe(10);
  });

  it('does not need an environment variable that an override replaces', () => {
    expect(load(`${HEAD}seed: ${'${env:SEED}'}\n`, ['seed=3']).config.seed).toBe(3);
  });

  it('locates values, components, their names, keys that are missing, and overrides', () => {
    const loaded = load(full, ['optimizer.lr=0.2']);
    expect(loaded.locate(['model', 'layers', 1, 'units'])).toMatchObject({ line: 7, column: 22 });
    expect(loaded.locate(['model', 'layers', 1, 'activation', 'slope'])).toMatchObject({ line: 7, column: 58 });
    expect(loaded.locate(['model', 'layers', 2, 'layers', 0, 'activation'])).toMatchObject({ line: 8, column: 57 });
    expect(loaded.locate(['model', 'layers', 1, 'type'])).toMatchObject({ line: 7, column: 7 });
    expect(loaded.locate(['model', 'layers', 0])).toMatchObject({ line: 6, column: 7, sourceLine: '    - flatten' });
    expect(loaded.locate(['train', 'max_epochs'])).toMatchObject({ line: 13, column: 1 });
    expect(loaded.locate(['optimizer', 'lr'])).toEqual({ kind: 'override', text: 'optimizer.lr=0.2' });
  });

  it('lends its places to checks beyond the schema', () => {
    const loaded = load(full, ['optimizer.lr=0.2']);
    expect(located(loaded, ['model', 'layers', 3, 'rate'], 'drops the output', 'remove it').format()).toBe(
      [
        'a.yaml:9:23: model.layers[3].rate: drops the output; remove it',
        '    9 |     - dropout: {rate: 0.5}',
        '      |                       ^',
      ].join('\n'),
    );
    const both = new ConfigError([
      locatedProblem(loaded, ['optimizer', 'lr'], 'is high'),
      locatedProblem(loaded, ['split'], 'leaves no data'),
    ]);
    expect(both.problems.map(({ path }) => path)).toEqual(['split', 'optimizer.lr']);
    expect(both.format()).toContain('override "optimizer.lr=0.2": optimizer.lr: is high');
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nn-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const loadFile = (file: string): LoadedConfig<Experiment> => loadConfig(experiment, { file, env: {} });

  it('are looked for in their folder where the name is nearly right', () => {
    const config = write('spirals.yaml', HEAD);
    for (const name of ['spirals.yml', 'spiral.yaml', 'spirals'])
      expect(() => loadFile(join(folder, name))).toThrow(`${name}: no such file; did you mean "${config}"?`);
    expect(() => loadFile(join(folder, 'mnist.yaml'))).toThrow(/no such file$/);
    const elsewhere = join(folder, 'none', 'spirals.yaml');
    expect(() => loadFile(elsewhere)).toThrow(`no such file; there is no folder ${join(folder, 'none')}`);
  });

  it('are read as UTF-8, with a byte order mark or without, with any line ends', () => {
    expect(loadFile(write('bom.yaml', `\uFEFFname: Größe\r\n${HEAD}`)).config.name).toBe('Größe');
  });

  it.each([
    ['no file', join(folder, 'missing.yaml'), 'no such file'],
    ['a folder', folder, 'is a directory, not a config file'],
    [
      'a binary file',
      write('b.yaml', Uint8Array.of(0x50, 0x4b, 0, 1)),
      'is a binary file (or not UTF-8); a config is a YAML text',
    ],
    [
      'a file in Latin-1',
      write('l.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xe4, 0x0a)),
      'is not valid UTF-8; a config is a YAML text in UTF-8',
    ],
    ['an empty file', write('e.yaml', ''), 'the file is empty; expected a mapping of keys'],
    ['a file of comments', write('c.yaml', '# nothing\n'), 'the file is empty; expected a mapping of keys'],
    [
      'a huge file',
      write('h.yaml', new Uint8Array(5 * 2 ** 20).fill(0x61)),
      'is 5.0 MiB large; a config is a YAML text of at most 1 MiB',
    ],
  ])('are refused: %s', (_, file, message) => {
    expect(errorsOf(() => loadFile(file))).toEqual([`${file}: ${message}`]);
  });
});
