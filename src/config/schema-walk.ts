/**
 * Walks a zod schema and a raw config side by side. It answers what may stand at a place (a mapping of which keys, a list, a
 * component, a plain value), so that paths can leave out component names, and what the resolved config looks like as YAML.
 */
import type * as z from 'zod';
import { isComponent, type ZodComponent } from './component.js';
import {
  fromPlain,
  isList,
  isMapping,
  isScalar,
  type MappingEntry,
  type Path,
  type Place,
  type TreeNode,
} from './tree.js';

type Schema = z.core.$ZodType;

/** What a schema wants, wrappers such as optional and default taken off. */
export type SchemaView =
  | { readonly kind: 'component'; readonly schema: ZodComponent }
  | { readonly kind: 'object'; readonly schema: Schema; readonly shape: Readonly<Record<string, Schema>> }
  | { readonly kind: 'record'; readonly schema: Schema; readonly item: Schema }
  | { readonly kind: 'list'; readonly schema: Schema; readonly item: (index: number) => Schema | undefined }
  | { readonly kind: 'leaf'; readonly schema: Schema };

/** How well a node fits a view; selects the union member. */
function fit(view: SchemaView, node: TreeNode | undefined): number {
  if (node === undefined) return view.kind === 'leaf' ? 0 : 1;
  const { value } = node;
  if (isList(value)) return view.kind === 'list' ? 2 : 0;
  if (isScalar(value)) {
    if (view.kind === 'component') return typeof value === 'string' && view.schema.def.entries().has(value) ? 3 : 1;
    return view.kind === 'leaf' ? 2 : 0;
  }
  const keys = [...value.keys()];
  switch (view.kind) {
    case 'component':
      return keys.some((key) => view.schema.def.entries().has(key)) ? 2 + keys.length : 1;
    case 'object':
      return 1 + keys.filter((key) => Object.hasOwn(view.shape, key)).length;
    case 'record':
      return 1;
    default:
      return 0;
  }
}

/** The view of `schema` for `node` (undefined if nothing is written there yet). */
export function viewOf(schema: Schema, node: TreeNode | undefined): SchemaView {
  if (isComponent(schema)) return { kind: 'component', schema };
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'object':
      return { kind: 'object', schema, shape: def.shape };
    case 'record':
      return { kind: 'record', schema, item: def.valueType };
    case 'array':
      return { kind: 'list', schema, item: () => def.element };
    case 'tuple':
      return { kind: 'list', schema, item: (index) => def.items[index] ?? def.rest ?? undefined };
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'readonly':
    case 'default':
    case 'prefault':
    case 'catch':
      return viewOf(def.innerType, node);
    case 'lazy':
      return viewOf(def.getter(), node);
    case 'pipe':
      return viewOf(writtenSide(def), node);
    case 'union': {
      const views = def.options.map((option) => viewOf(option, node));
      return views.reduce((best, view) => (fit(view, node) > fit(best, node) ? view : best));
    }
    default:
      return { kind: 'leaf', schema };
  }
}

/** The side of a pipe that describes what is written: its input, unless that is a preprocessing function. */
const writtenSide = (def: z.core.$ZodPipeDef): Schema => {
  const input = (def.in as z.core.$ZodTypes)._zod.def;
  return input.type === 'transform' ? def.out : def.in;
};

/** The default of `schema` as it would be written in a file, or undefined where it has none. */
export function writtenDefault(schema: Schema): unknown {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'prefault':
      return def.defaultValue;
    case 'default':
      return toConfigValue(def.innerType, def.defaultValue);
    case 'optional':
    case 'nullable':
    case 'readonly':
      return writtenDefault(def.innerType);
    case 'lazy':
      return writtenDefault(def.getter());
    default:
      return undefined;
  }
}

/** The component written at `node`: its name, the schema of its parameters (if known), and the parameters. */
export function componentAt(
  schema: ZodComponent,
  node: TreeNode,
): { name: string; namePlace: Place; paramsSchema: z.ZodObject | undefined; params: TreeNode | undefined } | undefined {
  const { value, place } = node;
  const of = (name: string, namePlace: Place, params: TreeNode | undefined) => ({
    name,
    namePlace,
    paramsSchema: schema.def.entries().get(name)?.schema,
    params: params === undefined || params.value === null ? undefined : params,
  });
  if (typeof value === 'string') return of(value, place, undefined);
  if (!isMapping(value) || value.size !== 1) return undefined;
  const [[name, entry]] = value as ReadonlyMap<string, MappingEntry> & Iterable<[string, MappingEntry]>;
  return of(name, entry.keyPlace, entry.node);
}

/** The target of a path. */
export interface Found {
  /** The node there, or the deepest one on the way where `exact` is false. */
  readonly node: TreeNode;
  /** The key that leads to `node`; absent for list items and the root. */
  readonly keyPlace: Place | undefined;
  readonly exact: boolean;
  /** What the schema wants there, or wants of the deepest node. */
  readonly view: SchemaView | undefined;
}

/** Follows `path` from `root`, component names left out or spelled out. The step `type` of a component is its name. */
export function find(root: TreeNode, schema: Schema, path: Path): Found {
  let node = root;
  let keyPlace: Place | undefined;
  let view: SchemaView | undefined = viewOf(schema, node);
  for (const step of path) {
    const missing = (): Found => ({ node, keyPlace, exact: false, view });
    if (view?.kind === 'component') {
      const chosen = componentAt(view.schema, node);
      if (chosen !== undefined) {
        const { name, namePlace, paramsSchema, params } = chosen;
        const isParam = paramsSchema !== undefined && Object.hasOwn(paramsSchema.shape, step);
        if (step === 'type' && !isParam) {
          return { node: { place: namePlace, value: name }, keyPlace: namePlace, exact: true, view };
        }
        keyPlace = namePlace;
        view = paramsSchema === undefined ? undefined : viewOf(paramsSchema, params);
        node = params ?? { place: namePlace, value: null };
        if (step === name && !isParam) continue;
      }
    }
    const { value } = node;
    if (isList(value) && typeof step === 'number' && step < value.length) {
      const item = view?.kind === 'list' ? view.item(step) : undefined;
      node = value[step];
      keyPlace = undefined;
      view = item === undefined ? undefined : viewOf(item, node);
    } else if (isMapping(value) && value.has(String(step))) {
      const entry = value.get(String(step)) as MappingEntry;
      const item: Schema | undefined = view === undefined ? undefined : schemaOfKey(view, String(step));
      node = entry.node;
      keyPlace = entry.keyPlace;
      view = item === undefined ? undefined : viewOf(item, node);
    } else {
      return missing();
    }
  }
  return { node, keyPlace, exact: true, view };
}

/** All nodes from `root` down with their paths, component names left out. */
export function* walk(root: TreeNode, schema: Schema | undefined, path: Path = []): Generator<[TreeNode, Path]> {
  yield [root, path];
  const view = schema && viewOf(schema, root);
  const chosen = view?.kind === 'component' ? componentAt(view.schema, root) : undefined;
  const { value } = root;
  if (chosen !== undefined) {
    if (chosen.params !== undefined) yield* walk(chosen.params, chosen.paramsSchema, path);
  } else if (isList(value)) {
    for (const [i, item] of value.entries())
      yield* walk(item, view?.kind === 'list' ? view.item(i) : undefined, [...path, i]);
  } else if (isMapping(value)) {
    for (const [key, { node }] of value) yield* walk(node, view && schemaOfKey(view, key), [...path, key]);
  }
}

/** The schema of a mapping's key. */
export function schemaOfKey(view: SchemaView, key: string): Schema | undefined {
  if (view.kind === 'object') return Object.hasOwn(view.shape, key) ? view.shape[key] : undefined;
  return view.kind === 'record' ? view.item : undefined;
}

/** The keys that may stand at `node`: of a mapping, or the parameters of the component that is written there. */
export function keysOf(view: SchemaView, node: TreeNode): string[] {
  if (view.kind === 'object') return Object.keys(view.shape);
  if (view.kind !== 'component') return [];
  return Object.keys(componentAt(view.schema, node)?.paramsSchema?.shape ?? {});
}

/**
 * The parsed value `parsed` as one writes it in YAML, `{name: {params}}` for components and defaults included, so that parsing
 * it again gives the same value. Throws TypeError for a schema with a one-way transform.
 */
export function toConfigValue(schema: Schema, parsed: unknown): unknown {
  if (parsed === undefined || parsed === null) return parsed;
  if (isComponent(schema)) {
    const { type, ...params } = parsed as { type: string };
    const entry = schema.def.entries().get(type);
    if (entry === undefined) throw new TypeError(`"${type}" is not in the registry`);
    const written = toConfigValue(entry.schema, params) as object;
    return Object.keys(written).length === 0 ? type : { [type]: written };
  }
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'object':
      return mapValues(parsed, (value, key) =>
        Object.hasOwn(def.shape, key) ? toConfigValue(def.shape[key], value) : value,
      );
    case 'record':
      return mapValues(parsed, (value) => toConfigValue(def.valueType, value));
    case 'array':
      return (parsed as unknown[]).map((item) => toConfigValue(def.element, item));
    case 'tuple':
      return (parsed as unknown[]).map((item, i) => {
        const itemSchema = def.items[i] ?? def.rest;
        return itemSchema === undefined || itemSchema === null ? item : toConfigValue(itemSchema, item);
      });
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'readonly':
    case 'default':
    case 'prefault':
    case 'catch':
      return toConfigValue(def.innerType, parsed);
    case 'lazy':
      return toConfigValue(def.getter(), parsed);
    case 'pipe':
      if ((def.out as z.core.$ZodTypes)._zod.def.type === 'transform') return toConfigValue(def.out, parsed);
      return toConfigValue(writtenSide(def), parsed);
    case 'union':
      return writeUnion(def.options, parsed);
    case 'transform':
      throw new TypeError('a schema with a one-way transform cannot be written back');
    default:
      return parsed;
  }
}

function mapValues(object: object, change: (value: unknown, key: string) => unknown): Record<string, unknown> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value, key)]));
}

/** Written as the first member of the union which reads it back as the same value. */
function writeUnion(options: readonly Schema[], parsed: unknown): unknown {
  for (const option of options) {
    let written: unknown;
    try {
      written = toConfigValue(option, parsed);
    } catch (error) {
      if (error instanceof TypeError) continue;
      throw error;
    }
    const again = (option as z.ZodType).safeParse(written);
    if (again.success && sameValue(again.data, parsed)) return written;
  }
  throw new TypeError('no member of the union reads the value back');
}

/** Deep equality of plain values; keys that are undefined count as absent. */
function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (
    typeof a !== 'object' ||
    typeof b !== 'object' ||
    a === null ||
    b === null ||
    Array.isArray(a) !== Array.isArray(b)
  )
    return false;
  const [first, second] = [a, b].map((object) => Object.entries(object).filter(([, value]) => value !== undefined));
  const other = b as Record<string, unknown>;
  return first.length === second.length && first.every(([key, value]) => sameValue(value, other[key]));
}

/** The default of `schema` as a tree at `place`, or undefined where it has none. */
export function defaultNode(schema: Schema, place: Place): TreeNode | undefined {
  const value = writtenDefault(schema);
  return value === undefined ? undefined : fromPlain(value, place);
}
