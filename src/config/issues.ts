/**
 * zod's issues as problems of the config: worded in the language of the field, located in the file or at the override that wrote
 * the value, with the nearest known name where one was misspelt.
 */
import * as z from 'zod';
import { problemAt, type Problem, type Source } from './config-error.js';
import { describeExpected, showValue } from './expected.js';
import { didYouMean } from './nearest.js';
import { defaultNode, find, keysOf, schemaOfKey, viewOf } from './schema-walk.js';
import type { Path, TreeNode } from './tree.js';

type RawIssue = z.core.$ZodRawIssue;
type Issue = z.core.$ZodIssue;

const MISSING = 'missing key';

/**
 * The error map to parse with. An issue without a message of its own becomes `expected ...` (what was found is added later), or
 * says what is missing.
 */
export function issueMessage(issue: RawIssue): string | undefined {
  const schema = issue.schema ?? issue.inst;
  if (schema === undefined || !(schema instanceof z.core.$ZodType)) return undefined;
  if (issue.code === 'unrecognized_keys') return undefined;
  if (issue.input !== undefined) return issue.code === 'custom' ? undefined : `expected ${describeExpected(schema)}`;
  const key = issue.path?.at(-1);
  if (key === undefined) return undefined;
  const description = z.globalRegistry.get(schema)?.description;
  return `${MISSING} "${String(key)}" (${description ?? describeExpected(schema)})`;
}

/** The union member was not meant: the value is of a different kind. */
const isKindMismatch = (issue: Issue): boolean =>
  issue.path.length === 0 &&
  (issue.code === 'invalid_value' ||
    (issue.code === 'invalid_type' && !(issue.expected === 'int' && typeof issue.input === 'number')));

/** The issue is about a part of the value, or about one of its keys. */
const isInside = (issue: Issue): boolean =>
  issue.path.length > 0 || issue.code === 'unrecognized_keys' || issue.code === 'custom';

/**
 * The issues of a union are those of the one member that was meant: the only one whose kind fits what was written, or of several
 * the one with the fewest faults inside. If that is ambiguous, the union is reported as a whole.
 */
function expandUnion(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const fitting = issue.errors.filter((member) => !member.some(isKindMismatch));
  const candidates = fitting.length === 1 ? fitting : fitting.filter((member) => member.some(isInside));
  if (candidates.length === 0) return [issue];
  const meant = candidates.reduce((best, member) => (member.length < best.length ? member : best));
  return meant.flatMap((inner) => expandUnion({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** The candidate names for a misspelt one. */
function offeredNames(issue: Issue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return issue.code === 'invalid_union' ? issue.errors.flat().flatMap(offeredNames) : [];
}

/** A problem, and the part of the config that it is about. */
export interface LocatedProblem {
  readonly problem: Problem;
  readonly node: TreeNode;
}

/** All problems of a failed parse of `root` by `schema`. The parse must have used `issueMessage` and `reportInput`. */
export function problemsOf(
  issues: readonly Issue[],
  schema: z.core.$ZodType,
  root: TreeNode,
  source: Source,
): LocatedProblem[] {
  return issues.flatMap(expandUnion).flatMap((issue) => {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, path, schema, root, source));
    const found = find(root, schema, path);
    const { node } = found;
    if (!found.exact) {
      // A missing key is reported at the mapping that should hold it.
      const holder = issue.message.startsWith(MISSING) ? path.slice(0, -1) : path;
      return [{ problem: problemAt(source, found.keyPlace ?? node.place, holder, issue.message), node }];
    }
    const got = issue.input;
    const message = issue.message.startsWith('expected ') ? `${issue.message}, got ${showValue(got)}` : issue.message;
    const hint = typeof got === 'string' ? didYouMean(got, offeredNames(issue)) : undefined;
    return [{ problem: problemAt(source, node.place, path, message, hint), node }];
  });
}

/** Names from other tools, and their names here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  epochs: 'max_epochs',
  steps: 'max_steps',
  learning_rate: 'lr',
  patience: 'early_stopping',
  clip_norm: 'gradient_clip_norm',
};

/** A hint for a key at the top level that belongs in a section. */
function elsewhere(key: string, schema: z.core.$ZodType, path: Path): string | undefined {
  if (path.length > 0) return undefined;
  const wanted = SYNONYMS[key] ?? key;
  const keys = (of: z.core.$ZodType): string[] => {
    const start = defaultNode(of, { kind: 'file', line: 1, column: 1 });
    return keysOf(viewOf(of, start), start ?? { place: { kind: 'file', line: 1, column: 1 }, value: null });
  };
  const top = viewOf(schema, undefined);
  const section = keys(schema).find((name) => {
    const inner = schemaOfKey(top, name);
    return inner !== undefined && keys(inner).includes(wanted);
  });
  return section && `did you mean "${section}.${wanted}"?`;
}

function unknownKey(key: string, path: Path, schema: z.core.$ZodType, root: TreeNode, source: Source): LocatedProblem {
  const { node, keyPlace } = find(root, schema, [...path, key]);
  const holder = find(root, schema, path);
  const known = holder.view === undefined ? [] : keysOf(holder.view, holder.node);
  const hint =
    didYouMean(key, known) ??
    elsewhere(key, schema, path) ??
    (known.length > 0 ? `known: ${known.join(', ')}` : 'it takes no parameters');
  return { problem: problemAt(source, keyPlace ?? node.place, path, `unknown key "${key}"`, hint), node };
}
