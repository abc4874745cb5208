// The JSON header of a safetensors file: JSON.parse and zod, after a scan that bounds what parsing can cost.
import * as z from 'zod';

/** Far above any real file; they bound the memory that a hostile header of the largest size can claim. */
const maxKeys = 100_000;
const maxRank = 32;
/** The header, a tensor in it, and the tensor's shape. */
const maxDepth = 3;

const wholeNumber = z.int('expected a whole number from 0 to 2^53 - 1').nonnegative();
const entrySchema = z
  .strictObject({
    dtype: z.string(),
    shape: z.array(wholeNumber).max(maxRank, `there are more than ${maxRank} numbers in a list`),
    data_offsets: z.tuple([wholeNumber, wholeNumber], 'expected two data_offsets'),
  })
  .transform(({ dtype, shape, data_offsets: [begin, end] }) => ({ dtype, shape, begin, end }));

/** A tensor's entry in the header: its form is checked, its numbers are not yet compared with the file. */
export type HeaderEntry = Readonly<z.output<typeof entrySchema>>;

export interface Header {
  readonly metadata: Map<string, string>;
  readonly entries: Map<string, HeaderEntry>;
}

/** What is wrong with a header's text; `parseHeader` throws nothing else. */
export class HeaderSyntaxError extends Error {}

/** Parses the header's JSON text. Throws `HeaderSyntaxError`. */
export function parseHeader(text: string): Header {
  const keysInText = scan(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new HeaderSyntaxError(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const members = Object.entries(objectOf(json, 'the header'));
  const objects = members.map(([name, value]) => objectOf(value, quote(name)));
  // JSON.parse keeps the last of equal keys, where another reader may keep the first.
  const keys = objects.reduce((sum, object) => sum + Object.keys(object).length, members.length);
  if (keys !== keysInText) throw new HeaderSyntaxError('a key appears twice');

  const metadata = new Map<string, string>();
  const entries = new Map<string, HeaderEntry>();
  members.forEach(([name], i) => {
    if (name !== '__metadata__') return entries.set(name, entryOf(name, objects[i]));
    for (const [key, value] of Object.entries(objects[i])) {
      if (typeof value !== 'string') throw new HeaderSyntaxError(`the metadata ${quote(key)} is not a string`);
      metadata.set(key, value);
    }
  });
  return { metadata, entries };
}

/**
 * The number of keys in `text`. Refuses what JSON.parse would spend memory on or take for another number than is written: deep
 * nesting, more keys than a header has, and outside of strings anything but digits and punctuation.
 */
function scan(text: string): number {
  let [depth, keys] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
      if (at >= text.length) throw new HeaderSyntaxError('a string does not end');
    } else if (character === ':') {
      if (++keys > maxKeys) throw new HeaderSyntaxError(`there are more than ${maxKeys} keys`);
    } else if (character === '{' || character === '[') {
      if (++depth > maxDepth) throw new HeaderSyntaxError(`it is nested at character ${at}, deeper than any header`);
    } else if (character === '}' || character === ']') depth--;
    else if (!/[0-9, \t\n\r]/.test(character)) {
      const problem = `expected a string, or a whole number from 0 to 2^53 - 1, at character ${at} of the header`;
      throw new HeaderSyntaxError(problem);
    }
  }
  return keys;
}

function objectOf(value: unknown, name: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new HeaderSyntaxError(`${name} is not an object`);
}

function entryOf(name: string, value: object): HeaderEntry {
  const parsed = entrySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0];
  throw new HeaderSyntaxError(`tensor ${quote(name)}: ${[...path, message].join(': ')}`);
}

/** A name from the file for a message: quoted, with no control characters, of bounded length. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}
