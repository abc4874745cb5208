/**
 * What a schema expects and what was found, in the words of the field: "a positive integer", "one of relu, tanh", "a list". The
 * wording is derived from the schema, so that schemas need no custom messages.
 */
import * as z from 'zod';
import { isComponent } from './component.js';

/** Longer texts are truncated in messages. */
const LONGEST_QUOTE = 60;

/** A value as it reads in YAML: `"abc"`, `.nan`, `a list`. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > LONGEST_QUOTE ? `${value.slice(0, LONGEST_QUOTE)}...` : value);
  }
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return '.nan, which is not a number';
    return Number.isFinite(value) ? String(value) : `${value < 0 ? '-' : ''}.inf, which is not finite`;
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null)
    return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  return value === true || value === false ? String(value) : 'nothing (null)';
}

/** The bounds of a schema, from its JSON Schema: the one public account of zod's checks. */
type Bounds = Pick<
  z.core.JSONSchema.BaseSchema,
  'type' | 'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum' | 'minLength' | 'minItems' | 'maxItems'
>;
const boundsOf = (schema: z.core.$ZodType): Bounds => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });

/** A meaningful bound: not a safe-integer limit, nor a boolean of old JSON Schemas. */
const bound = (value: number | boolean | undefined): number | undefined =>
  typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;

function describeNumber(bounds: Bounds): string {
  const noun = bounds.type === 'integer' ? 'integer' : 'number';
  const article = noun === 'integer' ? 'an' : 'a';
  const [min, above] = [bound(bounds.minimum), bound(bounds.exclusiveMinimum)];
  const [max, below] = [bound(bounds.maximum), bound(bounds.exclusiveMaximum)];
  const upper = below !== undefined ? `below ${below}` : max !== undefined ? `at most ${max}` : undefined;
  if (above !== undefined && (min === undefined || above >= min)) {
    const lower = above === 0 ? `a positive ${noun}` : `${article} ${noun} above ${above}`;
    return upper === undefined ? lower : `${article} ${noun} above ${above} and ${upper}`;
  }
  if (min !== undefined) {
    if (max !== undefined && below === undefined) return `${article} ${noun} from ${min} to ${max}`;
    if (upper !== undefined) return `${article} ${noun} of at least ${min} and ${upper}`;
    return min === 0 ? `a non-negative ${noun}` : `${article} ${noun} of at least ${min}`;
  }
  return upper === undefined ? `${article} ${noun}` : `${article} ${noun} ${upper}`;
}

function describeList({ minItems: min, maxItems: max }: Bounds): string {
  if (min !== undefined && min === max) return `a list of ${min}`;
  if (max !== undefined) return `a list of ${min === undefined ? 'at most' : `${min} to`} ${max}`;
  if (min === undefined) return 'a list';
  return min === 1 ? 'a list that is not empty' : `a list of at least ${min}`;
}

/** "a positive integer or one of valid, same". */
export function describeExpected(schema: z.core.$ZodType): string {
  if (isComponent(schema)) {
    return oneOf([...schema.def.entries().keys()]);
  }
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'number':
      return describeNumber(boundsOf(schema));
    case 'string':
      return boundsOf(schema).minLength === 1 ? 'a text that is not empty' : 'a text';
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'array':
      return describeList(boundsOf(schema));
    case 'tuple':
      return def.rest === null ? `a list of ${def.items.length}` : `a list of at least ${def.items.length}`;
    case 'object':
    case 'record':
      return 'a mapping';
    case 'enum':
      return oneOf(Object.values(def.entries).map(String));
    case 'literal':
      return oneOf(def.values.map(String));
    case 'optional':
    case 'nonoptional':
    case 'readonly':
    case 'default':
    case 'prefault':
    case 'catch':
      return describeExpected(def.innerType);
    case 'nullable':
      return `${describeExpected(def.innerType)} or null`;
    case 'lazy':
      return describeExpected(def.getter());
    case 'pipe':
      return describeExpected((def.in as z.core.$ZodTypes)._zod.def.type === 'transform' ? def.out : def.in);
    case 'union':
      return [...new Set(def.options.map(describeExpected))].join(' or ');
    default:
      return 'another kind of value';
  }
}

const oneOf = (names: readonly string[]): string =>
  names.length === 1 ? `"${names[0]}"` : `one of ${names.join(', ')}`;
