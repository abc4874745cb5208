/**
 * The raw config between reading and checking: plain values, each of which knows where it was written (a line of the file, or an
 * override). The YAML reader makes such a tree, overrides and environment interpolation change it, and errors are located in it.
 */

/** Where something was written: 1-based line and column of the config file, or the text of an override. */
export type Place =
  | { readonly kind: 'file'; readonly line: number; readonly column: number }
  | { readonly kind: 'override'; readonly text: string };

export type Scalar = string | number | boolean | null;
export type Mapping = ReadonlyMap<string, MappingEntry>;
export interface MappingEntry {
  readonly keyPlace: Place;
  readonly node: TreeNode;
}
export interface TreeNode {
  /** The text with `${env:...}` that the value, a text, was filled in for. */
  readonly reference?: string;
  readonly place: Place;
  readonly value: Scalar | readonly TreeNode[] | Mapping;
}

/** Steps from the root to a value; list items are numbers. */
export type Path = readonly (string | number)[];

export const isList = (value: TreeNode['value']): value is readonly TreeNode[] => Array.isArray(value);
export const isMapping = (value: TreeNode['value']): value is Mapping => value instanceof Map;
export const isScalar = (value: TreeNode['value']): value is Scalar => !isList(value) && !isMapping(value);

/** Keys that would reach into the prototypes of plain objects. No config needs them. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** The value without its places: objects, arrays and scalars. */
export function plain(node: TreeNode): unknown {
  const { value } = node;
  if (isList(value)) return value.map(plain);
  if (!isMapping(value)) return value;
  const object: Record<string, unknown> = {};
  for (const [key, entry] of value) object[key] = plain(entry.node);
  return object;
}

/** A tree of a plain value, every part of it at `place`. Keys that are undefined are left out. */
export function fromPlain(value: unknown, place: Place): TreeNode {
  if (Array.isArray(value)) return { place, value: value.map((item) => fromPlain(item, place)) };
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return { place, value };
  }
  if (typeof value !== 'object') throw new TypeError(`a config cannot hold a ${typeof value}`);
  const mapping = new Map<string, MappingEntry>();
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) mapping.set(key, { keyPlace: place, node: fromPlain(item, place) });
  }
  return { place, value: mapping };
}

/** `model.layers[2].units`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
