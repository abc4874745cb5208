/**
 * The error for an invalid config: all problems at once, each with its place, the source line
 * and the likely fix. Only the command line prints it and chooses the exit code.
 */
import { formatPath, type Path, type Place } from './tree.js';

/** One problem in a config. */
export interface Problem {
  /** The config file as the user named it. */
  readonly file: string;
  /** 1-based; absent for the whole file or an override. */
  readonly line?: number;
  readonly column?: number;
  /** The override (`optimizer.lr=abc`) that set the invalid value. */
  readonly override?: string;
  /** `model.layers[2].units`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly sourceLine?: string;
  /** The likely fix, such as `did you mean "units"?`. */
  readonly hint?: string;
}

/** The text that the places of a tree refer to. */
export interface Source {
  readonly file: string;
  readonly lines: readonly string[];
}

/** A problem at `place` of `source`. */
export function problemAt(
  source: Source,
  place: Place | undefined,
  path: Path,
  message: string,
  hint?: string,
): Problem {
  const problem = { file: source.file, path: formatPath(path), message, ...(hint === undefined ? {} : { hint }) };
  if (place === undefined) return problem;
  if (place.kind === 'override') return { ...problem, override: place.text };
  return { ...problem, line: place.line, column: place.column, sourceLine: source.lines[place.line - 1] };
}

/** Wider source lines are cut around the caret. */
const WIDEST_SOURCE = 110;

function excerpt(sourceLine: string, line: number, column: number): string {
  let start = 0;
  let text = sourceLine.trimEnd().replace(/\p{Cc}/gu, ' ');
  if (text.length > WIDEST_SOURCE) {
    start = Math.max(0, Math.min(column - 1 - Math.floor(WIDEST_SOURCE / 2), text.length - WIDEST_SOURCE));
    text = text.slice(start, start + WIDEST_SOURCE);
  }
  const number = String(line).padStart(5);
  return `${number} | ${text}\n${' '.repeat(number.length)} | ${' '.repeat(Math.max(0, column - 1 - start))}^`;
}

/** The text, or its first `length` characters and dots. */
const shortened = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length)}...` : text;

/**
 * One problem as text: `path.yaml:12:5: model.layers[2].units: message; hint`, the source line and a caret. `kind`, such as
 * `warning`, follows the place, as in compiler output.
 */
export function formatProblem(problem: Problem, kind?: string): string {
  const { file, line, column, sourceLine, hint } = problem;
  // User input may be arbitrarily long.
  const [path, message] = [shortened(problem.path, 200), shortened(problem.message, 2000)];
  const override = problem.override === undefined ? undefined : shortened(problem.override, 200);
  const where =
    override !== undefined ? `override "${override}"` : line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  const head = `${where}: ${kind === undefined ? '' : `${kind}: `}${path === '' ? '' : `${path}: `}${message}${hint === undefined ? '' : `; ${hint}`}`;
  const quotable = line !== undefined && sourceLine !== undefined && sourceLine.trim() !== '';
  return quotable ? `${head}\n${excerpt(sourceLine, line, column ?? 1)}` : head;
}

/** By line and column; the file as a whole first, overrides last. */
export function inOrder<P extends Omit<Problem, 'hint'>>(problems: readonly P[]): P[] {
  const rank = (problem: P): number => (problem.override !== undefined ? Infinity : (problem.line ?? 0));
  return [...problems].sort((a, b) => {
    const [first, second] = [rank(a), rank(b)];
    return first === second ? (a.column ?? 0) - (b.column ?? 0) : first < second ? -1 : 1;
  });
}

/** Further problems are only counted. */
const MOST_SHOWN = 100;

/** A config that cannot be used. `problems` is never empty and sorted by line. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const sorted = inOrder(problems);
    const more = sorted.length > MOST_SHOWN ? [`and ${sorted.length - MOST_SHOWN} more like these`] : [];
    super([...sorted.slice(0, MOST_SHOWN).map((problem) => formatProblem(problem)), ...more].join('\n'));
    this.name = 'ConfigError';
    this.problems = sorted;
  }

  /** All problems as text. */
  format(): string {
    return this.message;
  }
}
