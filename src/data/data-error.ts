/** Location of an error in a data file, and how to fix it. */
export interface DataErrorPlace {
  readonly file: string;
  /** Part of a file without lines: `array "x"`, `row 7`. */
  readonly part?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based number of the field in its line; only with a line. */
  readonly column?: number;
  /** What the user can do about it. */
  readonly hint?: string;
}

/** A data file that cannot be used as the config asks. The message is `file:line:column: what is wrong` (`file: row 7: ...` where there are no lines); the hint is separate. */
export class DataError extends Error {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly hint?: string;

  constructor(problem: string, place: DataErrorPlace) {
    const { file, part, line, column, hint } = place;
    const where = [file, line, column].filter((part) => part !== undefined).join(':');
    super([where, part, problem].filter((text) => text !== undefined).join(': '));
    this.name = 'DataError';
    this.file = file;
    this.line = line;
    this.column = column;
    this.hint = hint;
  }

  /** The message and, on a line of its own, the hint. */
  format(): string {
    return this.hint === undefined ? this.message : `${this.message}\n  hint: ${this.hint}`;
  }
}

/** `a, b, c and 7 more`: a list shortened for a message. */
export function listed(names: readonly string[], most = 12): string {
  if (names.length <= most) return names.join(', ');
  return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}

/** `1 sample`, `3 samples`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
