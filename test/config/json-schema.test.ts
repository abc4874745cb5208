import { describe, expect, it } from 'vitest';
import { component } from '../../src/config/component.js';
import { jsonSchema } from '../../src/config/json-schema.js';
import { activations, experiment } from './example-schema.js';

describe('jsonSchema', () => {
  it('offers each component as a name, where it needs no parameter, and as a mapping with one key', () => {
    expect(jsonSchema(component(activations)).anyOf).toContainEqual({ const: 'relu', description: 'max(x, 0)' });
    expect(jsonSchema(component(activations)).anyOf).toContainEqual({
      type: 'object',
      description: 'x, or slope x where x < 0',
      properties: {
        leaky_relu: {
          anyOf: [
            {
              type: 'object',
              properties: { slope: { type: 'number', minimum: 0, default: 0.01 } },
              additionalProperties: false,
            },
            { type: 'null' },
          ],
        },
      },
      required: ['leaky_relu'],
      additionalProperties: false,
    });
  });

  it('has descriptions, defaults and bounds, and demands only keys without a default', () => {
    const schema = jsonSchema(experiment);
    expect(schema.required).toEqual(['task', 'model']);
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties?.task).toMatchObject({
      description: 'what is learnt',
      enum: ['classification', 'regression'],
    });
    expect(schema.properties?.optimizer).toMatchObject({ default: 'adam' });
    expect(schema.properties?.seed).toEqual({ type: 'integer', minimum: 0, maximum: 4294967295, default: 0 });
  });

  it('refers to itself where layers contain layers', () => {
    const schema = jsonSchema(experiment);
    const refersToItself = ([name, definition]: [string, unknown]): boolean =>
      JSON.stringify(definition).includes(`"#/definitions/${name}"`);
    const [recursive] = Object.entries(schema.definitions ?? {}).filter(refersToItself);
    expect(schema.properties?.model).toMatchObject({
      properties: { layers: { minItems: 1, items: { $ref: `#/definitions/${recursive[0]}` } } },
    });
  });

  it('names the definition after the id of the schema', () => {
    expect(
      jsonSchema(experiment.extend({ again: component(activations).meta({ id: 'activation' }) })).definitions,
    ).toHaveProperty('activation');
  });
});
