import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { component, type ComponentConfig, type ComponentInput } from '../../src/config/component.js';
import { toConfigValue } from '../../src/config/schema-walk.js';
import { activations, layer, optimizers } from './example-schema.js';

const optimizer = component(optimizers);

describe('component', () => {
  it('reads a name, a name with parameters, and a name with nothing after it', () => {
    const adam = { type: 'adam', lr: 0.001, betas: [0.9, 0.999] };
    expect(optimizer.parse('adam')).toEqual(adam);
    expect(optimizer.parse({ adam: null })).toEqual(adam);
    expect(optimizer.parse({ adam: { lr: 0.1 } })).toEqual({ ...adam, lr: 0.1 });
  });

  it('has a union told apart by `type` as its type', () => {
    type Activation = ComponentConfig<typeof activations>;
    expectTypeOf<Activation>().toEqualTypeOf<
      { type: 'relu' } | { type: 'leaky_relu'; slope: number } | { type: 'tanh' }
    >();
    expectTypeOf<{ leaky_relu: { slope?: number } }>().toExtend<ComponentInput<typeof activations>>();
    const parsed = component(activations).parse('relu');
    expectTypeOf(parsed).toEqualTypeOf<Activation>();
  });

  it('refuses names of the object prototype', () => {
    for (const name of ['constructor', 'toString', '__proto__']) expect(optimizer.safeParse(name).success).toBe(false);
  });

  it('may be optional, defaulted, described and nested in lists and unions', () => {
    const schema = z.object({
      a: component(activations).optional(),
      b: component(activations).prefault({ leaky_relu: {} }).describe('b'),
      c: z.array(component(activations)),
      d: z.union([z.literal(false), component(activations)]),
    });
    expect(schema.parse({ c: ['tanh', { leaky_relu: { slope: 1 } }], d: false })).toEqual({
      b: { type: 'leaky_relu', slope: 0.01 },
      c: [{ type: 'tanh' }, { type: 'leaky_relu', slope: 1 }],
      d: false,
    });
  });

  it('may contain itself', () => {
    const written = { residual: { layers: ['flatten', { residual: { layers: [{ dense: { units: 2 } }] } }] } };
    const parsed = layer.parse(written);
    expect(parsed).toEqual({
      type: 'residual',
      layers: [{ type: 'flatten' }, { type: 'residual', layers: [{ type: 'dense', units: 2 }] }],
    });
    expect(toConfigValue(layer, parsed)).toEqual(written);
  });

  it('looks its registry up only when it is first needed', () => {
    let asked = 0;
    const lazy = component(() => {
      asked++;
      return activations;
    });
    expect(asked).toBe(0);
    lazy.parse('relu');
    lazy.parse('tanh');
    expect(asked).toBe(1);
  });

  it('keeps refinements over several parameters', () => {
    const range = z
      .object({ low: z.number(), high: z.number() })
      .refine((r) => r.low < r.high, 'low must be below high');
    const schema = component({ uniform: { schema: range, description: 'uniform' } });
    expect(schema.safeParse({ uniform: { low: 1, high: 0 } }).error?.issues[0].message).toBe('low must be below high');
  });

  it('does not accept a parameter called `type`', () => {
    const schema = component({ a: { schema: z.object({ type: z.string() }), description: '' } });
    expect(() => schema.parse('a')).toThrow('component "a" cannot have a parameter "type"');
  });
});

describe('toConfigValue', () => {
  it('writes a component without parameters as its bare name, and defaults out in full', () => {
    expect(toConfigValue(component(activations), { type: 'relu' })).toBe('relu');
    expect(toConfigValue(optimizer, optimizer.parse('adam'))).toEqual({ adam: { lr: 0.001, betas: [0.9, 0.999] } });
  });

  it('writes the member of a union that reads the value back', () => {
    const schema = z.union([z.literal(false), component(activations), z.array(component(activations))]);
    expect(toConfigValue(schema, false)).toBe(false);
    expect(toConfigValue(schema, { type: 'tanh' })).toBe('tanh');
    expect(toConfigValue(schema, [{ type: 'tanh' }])).toEqual(['tanh']);
  });

  it('refuses a transform that cannot be undone', () => {
    const schema = z.string().transform((value) => value.length);
    expect(() => toConfigValue(schema, 3)).toThrow('one-way transform');
  });
});
