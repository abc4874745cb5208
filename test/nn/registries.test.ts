import type * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { losses } from '../../src/nn/losses/index.js';
import { metrics } from '../../src/nn/metrics/index.js';
import { optimizers } from '../../src/nn/optimizers/index.js';
import { schedules } from '../../src/nn/schedules.js';

const registries: Record<string, Record<string, { description: string; schema: z.ZodObject }>> = {
  losses,
  metrics,
  optimizers,
  schedules,
};
const components = Object.entries(registries).flatMap(([registry, entries]) =>
  Object.entries(entries).map(([name, entry]) => ({ title: `${registry}: ${name}`, name, ...entry })),
);

describe('the components of training', () => {
  it.each(components)('$title describes itself in a sentence and each of its parameters in a phrase', (entry) => {
    expect(entry.description).toMatch(/^[A-Z].*\.$/);
    for (const [key, field] of Object.entries(entry.schema.shape)) {
      expect((field as z.ZodType).description ?? '', `${entry.name}.${key}`).toMatch(/\S.*[^.]$/);
    }
  });

  it.each(Object.keys(optimizers))('%s has a learning rate with a default', (name) => {
    const { lr } = optimizers[name as keyof typeof optimizers].schema.parse({});
    expect(lr).toBeGreaterThan(0);
  });
});
