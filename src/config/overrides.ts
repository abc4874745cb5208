/**
 * Overrides from the command line, `optimizer.lr=0.01`: parsed as YAML and set in the raw config before it is checked. The schema
 * helps to step over component names, to start from a component's default, and to say what stands where a path leads nowhere.
 */
import type * as z from 'zod';
import { interpolate, type Environment } from './interpolate.js';
import { componentAt, defaultNode, schemaOfKey, viewOf, type SchemaView } from './schema-walk.js';
import { showValue } from './expected.js';
import {
  FORBIDDEN_KEYS,
  formatPath,
  isList,
  isMapping,
  plain,
  type MappingEntry,
  type Path,
  type Place,
  type TreeNode,
} from './tree.js';
import { readYaml } from './yaml-source.js';

/** An override that cannot be applied. */
export interface OverrideFault {
  readonly text: string;
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}

interface Override {
  readonly text: string;
  readonly path: Path;
  readonly value: TreeNode;
}

class Refusal extends Error {
  constructor(
    readonly path: Path,
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** Parses `a.b.0.c=value`; `a.b[0].c` is the same. Throws Refusal. */
function parse(text: string, env: Environment): Override {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new Refusal([], 'expected key=value, such as optimizer.lr=0.01');
  const key = text
    .slice(0, equals)
    .trim()
    .replace(/\[(\d+)\]/g, '.$1');
  const path = key.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  if (path.includes('')) throw new Refusal([], `"${key}" is not a path such as model.layers.0.units`);
  const forbidden = path.find((step) => FORBIDDEN_KEYS.has(String(step)));
  if (forbidden !== undefined) throw new Refusal([], `the key "${forbidden}" is not allowed`);
  const written = text.slice(equals + 1);
  if (written.trim() === '')
    throw new Refusal(path, 'the value is empty; write null for no value, or "" for an empty text');
  const place: Place = { kind: 'override', text };
  const result = readYaml(written, place);
  if ('faults' in result) throw new Refusal(path, `the value is not valid YAML: ${result.faults[0].message}`);
  const { root, failures } = interpolate(result.root, env);
  for (const failure of failures.values()) throw new Refusal(path, failure);
  return { text, path, value: root };
}

/** `root` with the overrides applied from left to right, and the problems of those that failed. */
export function applyOverrides(
  root: TreeNode,
  schema: z.core.$ZodType,
  overrides: readonly string[],
  env: Environment,
): { root: TreeNode; faults: OverrideFault[] } {
  const faults: OverrideFault[] = [];
  let result = root;
  for (const text of overrides) {
    try {
      const override = parse(text, env);
      result = set(result, schema, override, 0);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { path, message, hint } = error;
      faults.push({ text, path, message, ...(hint === undefined ? {} : { hint }) });
    }
  }
  return { root: result, faults };
}

/** `node` with the override's value set below it at `path[depth...]`. */
function set(
  node: TreeNode | undefined,
  schema: z.core.$ZodType | undefined,
  override: Override,
  depth: number,
): TreeNode {
  if (depth === override.path.length) return override.value;
  const place: Place = { kind: 'override', text: override.text };
  const absent = node === undefined || node.value === null;
  const start = absent
    ? ((schema && defaultNode(schema, place)) ?? { place, value: new Map<string, MappingEntry>() })
    : node;
  const view = schema && viewOf(schema, start);
  return view?.kind === 'component'
    ? setInComponent(start, view, override, depth)
    : setInValue(start, view, override, depth);
}

function setInComponent(
  node: TreeNode,
  view: SchemaView & { kind: 'component' },
  override: Override,
  depth: number,
): TreeNode {
  const { path } = override;
  const step = path[depth];
  const chosen = componentAt(view.schema, node);
  const entries = view.schema.def.entries();
  if (chosen === undefined) {
    // No component chosen yet: the first step names it.
    if (isMapping(node.value) && node.value.size === 0 && entries.has(String(step))) {
      return setInValue(node, undefined, override, depth);
    }
    const names = [...entries.keys()].join(', ');
    throw new Refusal(path.slice(0, depth), `there is no component to set "${step}" of; first choose one of ${names}`);
  }
  const { name, namePlace, paramsSchema, params } = chosen;
  const isParam = paramsSchema !== undefined && Object.hasOwn(paramsSchema.shape, step);
  if (!isParam && step !== name && entries.has(String(step))) {
    const here = formatPath(path.slice(0, depth));
    throw new Refusal(
      path.slice(0, depth),
      `it is ${name}, not ${step}`,
      `to replace it, write ${here}={${step}: {...}}`,
    );
  }
  const below = !isParam && step === name ? depth + 1 : depth;
  const start = params ?? { place: namePlace, value: new Map<string, MappingEntry>() };
  const changed = set(start, paramsSchema, override, below);
  return { place: node.place, value: new Map([[name, { keyPlace: namePlace, node: changed }]]) };
}

/** Whether null removes a key: it is optional, and null is not one of its values. */
const isUnset = (schema: z.core.$ZodType): boolean =>
  !(schema as z.ZodType).safeParse(null).success && (schema as z.ZodType).safeParse(undefined).success;

function setInValue(node: TreeNode, view: SchemaView | undefined, override: Override, depth: number): TreeNode {
  const { path, text } = override;
  const { value } = node;
  const step = path[depth];
  const here = path.slice(0, depth);
  if (isList(value)) {
    const range =
      value.length < 2 ? ['it is empty', 'its only item is 0'][value.length] : `its items are 0 to ${value.length - 1}`;
    if (typeof step !== 'number') throw new Refusal(here, `is a list, which has no "${step}"; ${range}`);
    if (step >= value.length) throw new Refusal(here, `there is no item ${step}; ${range}`);
    const item = view?.kind === 'list' ? view.item(step) : undefined;
    return { ...node, value: value.map((old, i) => (i === step ? set(old, item, override, depth + 1) : old)) };
  }
  if (!isMapping(value)) throw new Refusal(here, `is ${showValue(plain(node))}, which has no "${step}"`);
  if (view?.kind === 'list' && value.size === 0) throw new Refusal(here, `there is no item ${step}; it is empty`);
  const key = String(step);
  const old = value.get(key);
  const wanted = view && schemaOfKey(view, key);
  if (depth === path.length - 1 && override.value.value === null && wanted !== undefined && isUnset(wanted)) {
    const rest = new Map(value);
    rest.delete(key);
    return { ...node, value: rest };
  }
  const changed = set(old?.node, wanted, override, depth + 1);
  return { ...node, value: new Map(value).set(key, { keyPlace: { kind: 'override', text }, node: changed }) };
}
