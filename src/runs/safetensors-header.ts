// The JSON header of a safetensors file, read by a parser for exactly its grammar. A general JSON parser lets
// duplicate keys pass, and builds whatever a hostile header nests before anyone can look at it.

/** A tensor's entry in the header, as written there: nothing is checked yet but its form. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Map<string, string>;
  readonly entries: Map<string, HeaderEntry>;
}

/** What is wrong with a header's text; `parseHeader` throws nothing else. */
export class HeaderSyntaxError extends Error {}

/** Far above any real file; they bound the memory that a hostile header of the largest size can claim. */
const maxKeys = 100_000;
const maxRank = 32;

const blank = /[ \t\n\r]*/y;
const integer = /(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y;

/** Parses the header's JSON text. Throws `HeaderSyntaxError`. */
export function parseHeader(text: string): Header {
  return new HeaderParser(text).parse();
}

class HeaderParser {
  private position = 0;
  private keys = 0;

  constructor(private readonly text: string) {}

  parse(): Header {
    const metadata = new Map<string, string>();
    const entries = new Map<string, HeaderEntry>();
    let metadataSeen = false;
    this.object((name) => {
      if (name === '__metadata__') {
        if (metadataSeen) this.fail('the key "__metadata__" appears twice');
        metadataSeen = true;
        this.object((key) => this.insert(metadata, key, () => this.string()));
      } else {
        this.insert(entries, name, () => this.entry(name));
      }
    });
    this.skipBlank();
    if (this.position < this.text.length) this.fail('there is text after the closing brace');
    return { metadata, entries };
  }

  private entry(name: string): HeaderEntry {
    const fields: { dtype?: string; shape?: number[]; data_offsets?: number[] } = {};
    this.object((key) => {
      if (key !== 'dtype' && key !== 'shape' && key !== 'data_offsets') {
        this.fail(`tensor ${quote(name)} has an unknown field ${quote(key)}`);
      }
      if (fields[key] !== undefined) this.fail(`tensor ${quote(name)} has the field "${key}" twice`);
      if (key === 'dtype') fields.dtype = this.string();
      else fields[key] = this.integers(key === 'shape' ? maxRank : 2);
    });
    const { dtype, shape, data_offsets: offsets } = fields;
    if (dtype === undefined || shape === undefined || offsets === undefined || offsets.length !== 2) {
      this.fail(`tensor ${quote(name)} needs dtype, shape and two data_offsets`);
    }
    return { dtype, shape, begin: offsets[0], end: offsets[1] };
  }

  private insert<Value>(map: Map<string, Value>, key: string, value: () => Value): void {
    if (map.has(key)) this.fail(`the key ${quote(key)} appears twice`);
    if (++this.keys > maxKeys) this.fail(`there are more than ${maxKeys} keys`);
    map.set(key, value());
  }

  private object(member: (key: string) => void): void {
    this.expect('{');
    if (this.accept('}')) return;
    do {
      const key = this.string();
      this.expect(':');
      member(key);
    } while (this.accept(','));
    this.expect('}');
  }

  private integers(most: number): number[] {
    const values: number[] = [];
    this.expect('[');
    if (this.accept(']')) return values;
    do {
      if (values.length === most) this.fail(`there are more than ${most} numbers in a list`);
      values.push(this.integer());
    } while (this.accept(','));
    this.expect(']');
    return values;
  }

  private integer(): number {
    this.skipBlank();
    integer.lastIndex = this.position;
    const digits = integer.exec(this.text)?.[0];
    if (digits === undefined || !Number.isSafeInteger(Number(digits))) {
      return this.fail('expected a whole number from 0 to 2^53 - 1');
    }
    this.position += digits.length;
    return Number(digits);
  }

  private string(): string {
    this.skipBlank();
    const start = this.position;
    if (this.text[start] !== '"') this.fail('expected a string');
    let end = this.text.indexOf('"', start + 1);
    while (end >= 0 && this.isEscaped(end)) end = this.text.indexOf('"', end + 1);
    if (end < 0) this.fail('a string does not end');
    this.position = end + 1;
    try {
      // A quoted text is a whole JSON value, so that its escapes and forbidden characters are JSON.parse's matter.
      return String(JSON.parse(this.text.slice(start, end + 1)));
    } catch {
      this.position = start;
      return this.fail('a string holds a bad escape or a control character');
    }
  }

  /** A quote is escaped by an odd number of backslashes before it. */
  private isEscaped(at: number): boolean {
    let first = at;
    while (this.text[first - 1] === '\\') first--;
    return (at - first) % 2 === 1;
  }

  private accept(character: string): boolean {
    this.skipBlank();
    if (this.text[this.position] !== character) return false;
    this.position++;
    return true;
  }

  private expect(character: string): void {
    if (!this.accept(character)) this.fail(`expected "${character}"`);
  }

  private skipBlank(): void {
    blank.lastIndex = this.position;
    blank.exec(this.text);
    this.position = blank.lastIndex;
  }

  private fail(problem: string): never {
    throw new HeaderSyntaxError(`${problem}, at character ${this.position} of the header`);
  }
}

/** A name from the file for a message: quoted, with no control characters, of bounded length. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}
