/** What a config can contain, derived from the registries so that no text repeats a schema. */
import type * as z from 'zod';
import { type ComponentRegistry, describeExpected, didYouMean, isComponent, writtenDefault } from '../config/index.js';
import { dataSources, preprocessors } from '../data/index.js';
import {
  activations,
  augmentations,
  constraints,
  initializers,
  layers,
  losses,
  metrics,
  optimizers,
  regularizers,
  schedules,
} from '../nn/index.js';
import { experimentSchema, lints, type Task, tasks } from '../train/index.js';
import { UsageError } from './usage-error.js';

/** All registries by kind. */
const registries: Readonly<Record<string, ComponentRegistry>> = {
  tasks,
  layers,
  activations,
  initializers,
  losses,
  metrics,
  regularizers,
  constraints,
  optimizers,
  schedules,
  preprocessors,
  augmentations,
  sources: dataSources,
};

export interface ParameterEntry {
  readonly name: string;
  /** What values it takes, such as `a positive integer`. */
  readonly expects: string;
  readonly required: boolean;
  /** As written in a config; absent if there is no default. */
  readonly default?: unknown;
  readonly description: string;
}

export interface CatalogEntry {
  readonly name: string;
  readonly description: string;
  /** The tasks that a loss, metric or augmentation of targets fits. */
  readonly tasks?: readonly string[];
  readonly parameters: readonly ParameterEntry[];
}

/** The names of all entries of each kind. */
export const catalogNames = (): Record<string, string[]> =>
  Object.fromEntries(Object.entries({ ...registries, lints }).map(([kind, entries]) => [kind, Object.keys(entries)]));

export interface CatalogLint {
  readonly name: string;
  readonly description: string;
  readonly reason: string;
}

/** All lints, or the one called `name`. Throws UsageError. */
export function catalogLints(name?: string): CatalogLint[] {
  const chosen = name === undefined ? Object.entries(lints) : [[name, known(lints, name, 'no lint')] as const];
  return chosen.map(([id, { description, reason }]) => ({ name: id, description, reason }));
}

/** All entries of `kind` except lints, or the one called `name`. Throws UsageError. */
export function catalogEntries(kind: string, name?: string): CatalogEntry[] {
  const registry = known<ComponentRegistry>({ ...registries, lints: {} }, kind, 'nothing to list');
  const chosen = name === undefined ? Object.entries(registry) : [[name, known(registry, name, `none of the ${kind}`)] as const]; // prettier-ignore
  return chosen.map(([key, entry]) => describeEntry(key, entry));
}

/**
 * What is called `name`, of any kind: a part (`dense`), a lint, or a key of a config (`train`, `early_stopping`). Undefined
 * if there is none.
 */
export function catalogNamed(name: string): CatalogEntry[] | undefined {
  const parts = Object.values(registries).flatMap((registry) =>
    Object.hasOwn(registry, name) ? [describeEntry(name, registry[name])] : [],
  );
  const found = [...parts, ...sectionsNamed(name, experimentSchema, [])];
  return found.length === 0 ? undefined : found;
}

/** The config keys of that name, with their contents. */
function sectionsNamed(name: string, schema: z.core.$ZodType, path: readonly string[]): CatalogEntry[] {
  const { def } = (unwrapped(schema) as z.core.$ZodTypes)._zod;
  if (def.type === 'pipe') return sectionsNamed(name, def.in, path);
  if (def.type !== 'object') return [];
  return Object.entries(def.shape).flatMap(([key, inner]) => {
    const here = [...path, key];
    const below = sectionsNamed(name, inner, here);
    if (key !== name) return below;
    const own = (unwrapped(inner) as z.core.$ZodTypes)._zod.def;
    const described = descriptionOf(inner);
    const description = described === '' ? expectation(inner as z.ZodType) : described;
    const parameters = own.type === 'object' ? Object.entries(own.shape).map(([child, of]) => describeParameter(child, of as z.ZodType)) : []; // prettier-ignore
    return [{ name: here.join('.'), description, parameters }, ...below];
  });
}

function known<T>(entries: Readonly<Record<string, T>>, name: string, what: string): T {
  if (Object.hasOwn(entries, name)) return entries[name];
  const names = Object.keys(entries);
  const hint = didYouMean(name, names);
  throw new UsageError(`"${name}" is ${what}${hint === undefined ? '' : `; ${hint}`}\n  there are ${names.join(', ')}`);
}

function describeEntry(name: string, entry: ComponentRegistry[string]): CatalogEntry {
  const fitting = tasksOf(entry);
  const parameters = Object.entries<z.ZodType>(entry.schema.shape).map(([key, schema]) => describeParameter(key, schema)); // prettier-ignore
  return { name, description: entry.description, ...(fitting && { tasks: fitting }), parameters };
}

/** The tasks whose targets the entry takes; undefined if it does not depend on targets. */
function tasksOf(entry: object): string[] | undefined {
  if (!('targets' in entry && Array.isArray(entry.targets))) return undefined;
  const targets: readonly unknown[] = entry.targets;
  return Object.entries<Task>(tasks).flatMap(([name, { reference }]) => (targets.includes(reference) ? [name] : []));
}

function describeParameter(name: string, schema: z.ZodType): ParameterEntry {
  const byDefault = writtenDefault(schema);
  return {
    name,
    expects: expectation(schema),
    required: !schema.safeParse(undefined).success,
    ...(byDefault === undefined ? {} : { default: byDefault }),
    description: descriptionOf(schema),
  };
}

/** `one of the activations` is shorter than all their names. */
function expectation(schema: z.ZodType): string {
  const inner = unwrapped(schema);
  if (!isComponent(inner)) return describeExpected(schema);
  const names = [...inner.def.entries().keys()].join();
  const kind = Object.keys(registries).find((key) => Object.keys(registries[key]).join() === names);
  return kind === undefined ? describeExpected(schema) : `one of the ${kind}`;
}

/** From the schema or the one inside its wrappers. */
function descriptionOf(schema: z.core.$ZodType): string {
  const inner = innerOf(schema);
  return (schema as z.ZodType).description ?? (inner === undefined ? '' : descriptionOf(inner));
}

/** The schema without optional, default and other wrappers. */
function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = innerOf(schema);
  return inner === undefined ? schema : unwrapped(inner);
}

const innerOf = (schema: z.core.$ZodType): z.core.$ZodType | undefined =>
  (schema._zod.def as z.core.$ZodTypeDef & { innerType?: z.core.$ZodType }).innerType;
