import { describe, expect, it } from 'vitest';
import { layers } from '../../src/nn/layers/index.js';
import { lints } from '../../src/train/index.js';
import { nnHere } from './helpers.js';

interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description: string;
}
interface Entry {
  readonly name: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
}

const listed = async (...args: string[]): Promise<unknown> =>
  JSON.parse((await nnHere('list', ...args, '--json')).out) as unknown;
const kinds = ['tasks', 'layers', 'activations', 'initializers', 'losses', 'metrics', 'regularizers', 'constraints', 'optimizers', 'schedules', 'preprocessors', 'augmentations', 'sources']; // prettier-ignore

describe('nn list', () => {
  it('names all kinds with their entries', async () => {
    const all = (await listed()) as Record<string, string[]>;
    expect(Object.keys(all)).toEqual([...kinds, 'lints']);
    expect(all.schedules).toContain('cosine');
    expect(all.layers).toEqual(Object.keys(layers));
  });

  it.each(kinds)('describes all %s and their parameters', async (kind) => {
    const entries = (await listed(kind)) as Entry[];
    expect(entries.length).toBeGreaterThan(0);
    const silent = entries.flatMap(({ name, description, parameters }) => [
      ...(description === '' ? [name] : []),
      ...parameters.filter((parameter) => parameter.description === '').map((parameter) => `${name}.${parameter.name}`),
    ]);
    expect(silent).toEqual([]);
  });

  it('gives defaults that the schema takes, and says which parameters are required', async () => {
    for (const { name, parameters } of (await listed('layers')) as Entry[]) {
      const { schema } = layers[name];
      for (const parameter of parameters) {
        const field = schema.shape[parameter.name] as { safeParse(value: unknown): { success: boolean } };
        expect(field.safeParse(undefined).success, `${name}.${parameter.name}`).toBe(!parameter.required);
        if ('default' in parameter) expect(field.safeParse(parameter.default).success).toBe(true);
      }
    }
  });

  it('prints one entry for people', async () => {
    const { out, code } = await nnHere('list', 'layers', 'dropout');
    expect(code).toBe(0);
    expect(out).toBe(
      'dropout: In training, sets a random share of the values to 0 and scales up the rest.\n' +
        '  rate    a number of at least 0 and below 1, required: share that is dropped\n' +
        '  name    a text, optional: replaces the number in the names of its weights; later layers can take its output by it\n' +
        '  inputs  a text or a list that is not empty, optional: names of earlier layers, or "input" for that of the model; the layer before by default\n', // prettier-ignore
    );
  });

  it('prints what all entries of a kind take only once', async () => {
    const { out } = await nnHere('list', 'layers');
    expect(out.match(/^ {2}inputs /gm)).toHaveLength(1);
    expect(out).toMatch(/\nall of them:\n {2}name .*\n {2}inputs .*\n$/);
    expect(out).toContain('  units ');
  });

  it('says why each lint warns', async () => {
    const listedLints = (await listed('lints')) as { name: string; reason: string }[];
    expect(listedLints.map(({ name }) => name)).toEqual(Object.keys(lints));
    const { out } = await nnHere('list', 'lints', 'relu-on-output');
    expect(out).toMatch(/^relu-on-output: a relu on the output .*\n {4}A ReLU cannot output negative values/);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(101);
  });

  it.each([
    [['layer'], 'did you mean "layers"?'],
    [['layers', 'dens'], 'did you mean "dense"?'],
    [['layers', 'constructor'], 'none of the layers'],
  ])('%j: exits with 2 and names what there is', async (args, text) => {
    const { code, err } = await nnHere('list', ...args);
    expect(code).toBe(2);
    expect(err).toContain(text);
  });

  it.each([
    ['dense', /^dense: .*\n {2}units +a positive integer, required/],
    ['train', /^train: .*\n {2}max_epochs +/],
    ['early_stopping', /^train\.early_stopping: .*\n {2}monitor +/],
    ['cosine', /^cosine: /],
  ])('finds %s by its name alone', async (name, pattern) => {
    expect((await nnHere('list', name)).out).toMatch(pattern);
  });

  it('states the conventions that figures depend on, and refers to them', async () => {
    const { out } = await nnHere('list', 'conventions');
    const names = ['weight_decay', 'regularization', 'class_weights', 'weight_average', 'order', 'schedule', 'fans', 'shear', 'best', 'names']; // prettier-ignore
    for (const name of names) expect(out).toMatch(new RegExp(`^${name}\\n {4}\\S`, 'm'));
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect((await nnHere('list')).out).toContain('nn list conventions');
  });
});
