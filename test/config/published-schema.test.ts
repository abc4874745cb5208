import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonSchema } from '../../src/config/index.js';
import { experimentSchema } from '../../src/train/index.js';

const folder = 'configs';
const configs = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name));
const published: unknown = JSON.parse(readFileSync(join(folder, 'schema.json'), 'utf8'));
/** Strict: it refuses to compile a schema with a keyword that does nothing where it stands. */
const validate = new Ajv({ strict: true }).compile(published as object);
const read = (name: string): Record<string, unknown> =>
  parse(readFileSync(join(folder, name), 'utf8'), { merge: true }) as Record<string, unknown>;

describe('configs/schema.json', () => {
  it('is what `nn schema` prints', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(jsonSchema(experimentSchema))));
  });

  it('has configs to accept', () => {
    expect(configs.length).toBeGreaterThan(60);
  });

  it.each(configs)('accepts %s', (name) => {
    expect(validate(read(name)) || validate.errors).toBe(true);
  });

  it.each(configs)('rejects %s with a key that nothing reads, at the top and below', (name) => {
    const config = read(name);
    expect(validate({ ...config, optimiser: 'adam' })).toBe(false);
    expect(validate({ ...config, data: { ...(config.data as object), spilt: {} } })).toBe(false);
    expect(validate({ ...config, train: { ...(config.train as object), epochs: 3 } })).toBe(false);
    const model = config.model as { layers: unknown[] };
    expect(validate({ ...config, model: { ...model, layers: [...model.layers, { dense: { unit: 3 } }] } })).toBe(false);
  });

  it.each([
    ['a text for a number', { train: { max_epochs: 'many' } }],
    ['a number below its bound', { train: { max_epochs: 0 } }],
    ['a layer that does not exist', { model: { layers: ['dens'] } }],
    ['two components in one', { optimizer: { sgd: { lr: 1 }, adam: { lr: 1 } } }],
    ['a misspelt parameter of a component', { optimizer: { sgd: { rate: 1 } } }],
    ['a misspelt file of a source', { data: { source: { idx: { train: { feature: 'a', targets: 'b' } } } } }],
  ])('rejects %s', (_, change) => {
    expect(validate({ ...read('iris.yaml'), ...change })).toBe(false);
  });
});
