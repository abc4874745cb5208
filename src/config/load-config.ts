/**
 * From a config file to a checked, typed config: read, interpolate the environment, set the overrides, parse by the schema, and
 * report everything that is wrong at once. The result keeps its places, for checks beyond the schema.
 */
import type * as z from 'zod';
import { ConfigError, problemAt, type Problem, type Source } from './config-error.js';
import { interpolate, type Environment } from './interpolate.js';
import { issueMessage, problemsOf } from './issues.js';
import { applyOverrides } from './overrides.js';
import { find, toConfigValue, walk } from './schema-walk.js';
import { formatPath, plain, type Path, type Place, type TreeNode } from './tree.js';
import { parseConfigText, readConfigText, type WrittenConfig } from './yaml-source.js';

export interface LoadConfigOptions {
  /** The file as the user named it, shown in messages. */
  readonly file: string;
  /** Its text, if not read from disk (a config from a checkpoint). */
  readonly text?: string;
  /** The file, already parsed. */
  readonly written?: WrittenConfig;
  /** `key=value`, the last one wins. */
  readonly overrides?: readonly string[];
  /** For `${env:NAME}`; the process environment unless given. */
  readonly env?: Environment;
}

/** Without zod's compiler: each schema is parsed once, and compiling it takes longer than that saves. */
export const ONCE = { jitless: true };

/** Placeholders for strings from the environment. */
export type References = ReadonlyMap<string, string>;

/** A place, with its source line if it is in the file. */
export type Location = Place & { readonly sourceLine?: string };

export interface LoadedConfig<Output = unknown> {
  readonly config: Output;
  /** Defaults, file and overrides merged, as one would write it: printed as YAML it loads to the same config. */
  readonly resolved: unknown;
  readonly file: string;
  /** The strings from the environment and their placeholders `${env:NAME}`: they may be secrets. */
  readonly references: References;
  /** Where the value at `path` was written; for a default, the nearest enclosing mapping. */
  readonly locate: (path: Path) => Location;
}

/** Loads a config. Throws ConfigError with all problems of the file and of the overrides. */
export function loadConfig<S extends z.ZodType>(schema: S, options: LoadConfigOptions): LoadedConfig<z.output<S>> {
  const { file, overrides = [], env = process.env } = options;
  const { root: written, source } = options.written ?? parseConfigText(options.text ?? readConfigText(file), file);
  const filled = interpolate(written, env);
  const { root, faults } = applyOverrides(filled.root, schema, overrides, env);
  const problems: Problem[] = faults.map(({ text, path, message, hint }) =>
    problemAt(source, { kind: 'override', text }, path, message, hint),
  );
  // A string replaced by an override need not be interpolated.
  for (const [node, path] of walk(root, schema)) {
    const failure = filled.failures.get(node);
    if (failure !== undefined) problems.push(problemAt(source, node.place, path, failure));
  }
  const result = schema.safeParse(plain(root), { error: issueMessage, reportInput: true, ...ONCE });
  if (!result.success) {
    const found = problemsOf(result.error.issues, schema, root, source);
    problems.push(...found.filter(({ node }) => !filled.failures.has(node)).map(({ problem }) => problem));
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return {
    config: result.data,
    resolved: toConfigValue(schema, result.data),
    file,
    references: referencesIn(root, schema),
    locate: (path) => placeOf(root, schema, source, path),
  };
}

/** Free strings only: enum values are not secrets, and numbers are needed to reproduce the run. */
function referencesIn(root: TreeNode, schema: z.ZodType): References {
  const found = new Map<string, string>();
  for (const [{ value, reference }, path] of walk(root, schema)) {
    if (reference === undefined || typeof value !== 'string' || value === '') continue;
    const { view } = find(root, schema, path);
    if (view?.kind === 'leaf' && (view.schema as z.core.$ZodTypes)._zod.def.type === 'string')
      found.set(value, reference);
  }
  return found;
}

function placeOf(root: TreeNode, schema: z.core.$ZodType, source: Source, path: Path): Location {
  const found = find(root, schema, path);
  const place = found.exact ? found.node.place : (found.keyPlace ?? found.node.place);
  return place.kind === 'file' ? { ...place, sourceLine: source.lines[place.line - 1] } : place;
}

/** A problem found by a check beyond the schema, located at the value that `path` leads to. Collect several in a ConfigError. */
export function locatedProblem(loaded: LoadedConfig, path: Path, message: string, hint?: string): Problem {
  const place = loaded.locate(path);
  const where =
    place.kind === 'override'
      ? { override: place.text }
      : { line: place.line, column: place.column, sourceLine: place.sourceLine };
  return { file: loaded.file, path: formatPath(path), message, ...where, ...(hint === undefined ? {} : { hint }) };
}

/** The error of a single such problem. */
export function located(loaded: LoadedConfig, path: Path, message: string, hint?: string): ConfigError {
  return new ConfigError([locatedProblem(loaded, path, message, hint)]);
}
