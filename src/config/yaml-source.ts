/**
 * YAML 1.2 text to a tree of values that know their line and column. The `yaml` package parses; here its syntax tree is turned
 * into ours, with anchors, aliases and merge keys resolved and everything refused that a config has no use for: duplicate or
 * dangerous keys, unknown tags, aliases that multiply into a bomb, binary files.
 */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  type Node,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { ConfigError, problemAt, type Source } from './config-error.js';
import { showValue } from './expected.js';
import { FileTooLargeError, IrregularFileError, readRegularSync, readStdinSync } from './regular-file.js';
import { nearest } from './nearest.js';
import { explainSystemError } from './system-error.js';
import { FORBIDDEN_KEYS, isMapping, plain, type MappingEntry, type Place, type TreeNode } from './tree.js';

/** A problem in YAML text. */
export interface YamlFault {
  readonly place: Place;
  readonly message: string;
  readonly hint?: string;
}
export type YamlResult = { readonly root: TreeNode } | { readonly faults: readonly YamlFault[] };

/** Limit on values expanded from aliases: far more than any real config, far fewer than a bomb. */
const MOST_ALIASED_VALUES = 10_000;
/** Far deeper than any config, and far from a stack overflow. */
const DEEPEST = 200;
const TOO_DEEP = `nested more than ${DEEPEST} levels deep`;
/** A config is written by hand: a larger file is probably a data file. */
const LARGEST_FILE = 1024 * 1024;
/** Limit on anchors: the parser compares each with all before it. */
const MOST_ANCHORS = 1000;

/** Clearer messages for some parser errors. */
const SYNTAX_MESSAGES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'tabs are not allowed as indentation; use spaces',
  MULTIPLE_DOCS: 'a second YAML document starts here; a config is a single one',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping cannot start here; check the indentation, or quote a text that contains ": "',
  MULTILINE_IMPLICIT_KEY: 'expected a key with a colon (key: value) here',
  MISSING_CHAR: 'a closing quote or bracket is missing',
};

class AliasBomb extends Error {}

/** Turns the parser's nodes into ours. */
class Converter {
  readonly faults: YamlFault[] = [];
  private readonly anchors = new Map<string, Node>();
  private readonly open = new Set<Node>();
  private aliasDepth = 0;
  private aliasedValues = 0;

  constructor(private readonly placeOf: (offset: number) => Place) {}

  convert(node: Node | null, fallback: Place): TreeNode {
    if (node === null) return { place: fallback, value: null };
    const place = this.placeOfNode(node, fallback);
    if (this.aliasDepth > 0 && ++this.aliasedValues > MOST_ALIASED_VALUES) throw new AliasBomb();
    if (isAlias(node)) return this.alias(node.source, place);
    if (node.anchor !== undefined && this.aliasDepth === 0) this.anchors.set(node.anchor, node);
    if (this.open.size > DEEPEST) return this.fault(place, TOO_DEEP);
    this.open.add(node);
    try {
      if (isMap(node)) return { place, value: this.mapping(node, place) };
      if (isSeq(node)) return { place, value: node.items.map((item) => this.convert(item as Node | null, place)) };
      return { place, value: isScalar(node) ? this.scalar(node.value, place) : null };
    } finally {
      this.open.delete(node);
    }
  }

  private placeOfNode(node: Node, fallback: Place): Place {
    return node.range === null || node.range === undefined ? fallback : this.placeOf(node.range[0]);
  }

  private fault(place: Place, message: string, hint?: string): TreeNode {
    this.faults.push({ place, message, ...(hint === undefined ? {} : { hint }) });
    return { place, value: null };
  }

  private scalar(value: unknown, place: Place): string | number | boolean | null {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return value;
    this.fault(place, 'expected a text, a number, true, false or null');
    return null;
  }

  /** The aliased value, itself placed at the alias: that is what the user can change there. */
  private alias(name: string, place: Place): TreeNode {
    const target = this.anchors.get(name);
    if (target === undefined) return this.fault(place, `there is no anchor &${name} before the alias *${name}`);
    if (this.open.has(target))
      return this.fault(place, `the alias *${name} stands inside of the value that it repeats`);
    this.aliasDepth++;
    try {
      return { place, value: this.convert(target, place).value };
    } finally {
      this.aliasDepth--;
    }
  }

  private mapping(map: YAMLMap, place: Place): Map<string, MappingEntry> {
    const own = new Map<string, MappingEntry>();
    const merged = new Map<string, MappingEntry>();
    for (const { key, value } of map.items as { key: Node | null; value: Node | null }[]) {
      const keyPlace = key === null ? place : this.placeOfNode(key, place);
      const name = this.keyName(key, keyPlace);
      if (name === undefined) continue;
      const node =
        isScalar(value) && value.value === null && value.source === ''
          ? { place: keyPlace, value: null }
          : this.convert(value, keyPlace);
      if (name === '<<') {
        // An earlier merge wins over a later one, as in a list of mappings to merge.
        for (const [inherited, entry] of this.mergeEntries(node)) {
          if (!merged.has(inherited)) merged.set(inherited, entry);
        }
        continue;
      }
      const earlier = own.get(name);
      if (earlier === undefined) own.set(name, { keyPlace, node });
      else this.fault(keyPlace, `duplicate key "${name}"${onLine(earlier.keyPlace)}`);
    }
    for (const [inherited, entry] of merged) if (!own.has(inherited)) own.set(inherited, entry);
    return own;
  }

  private keyName(key: Node | null, place: Place): string | undefined {
    const value = isScalar(key) ? key.value : null;
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      this.fault(place, 'a key must be a plain name');
      return undefined;
    }
    const name = String(value);
    if (FORBIDDEN_KEYS.has(name)) {
      this.fault(place, `the key "${name}" is not allowed`);
      return undefined;
    }
    return name;
  }

  private mergeEntries(node: TreeNode): (readonly [string, MappingEntry])[] {
    const { value, place } = node;
    if (isMapping(value)) return [...value];
    if (Array.isArray(value)) return (value as readonly TreeNode[]).flatMap((item) => this.mergeEntries(item));
    this.fault(place, 'a merge key "<<" needs a mapping, or a list of mappings');
    return [];
  }
}

/** Finds input that would take the parser minutes or overflow its stack, from its tokens, before parsing. */
function bombIn(text: string): { readonly offset: number; readonly message: string } | undefined {
  let [offset, depth, anchors] = [0, 0, 0];
  // Opened in this line: `- - -` and `? ? ?` nest as brackets do.
  let indicators = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth = Math.max(0, depth - 1);
    else if (token === '-' || token === '?') indicators++;
    else if (token === '\n' || token === '\r\n') indicators = 0;
    else if (token.startsWith('&')) anchors++;
    if (depth + indicators > DEEPEST) return { offset, message: TOO_DEEP };
    if (anchors > MOST_ANCHORS) return { offset, message: `more than ${MOST_ANCHORS} anchors` };
    // The lexer's own markers: start of a document or plain scalar.
    if (token !== '\u0002' && token !== '\u001F') offset += token.length;
  }
  return undefined;
}

const onLine = (place: Place): string => (place.kind === 'file' ? `, already on line ${place.line}` : '');

function syntaxFault(error: YAMLError, text: string, placeOf: (offset: number) => Place): YamlFault {
  const [start, end] = error.pos;
  const place = placeOf(start);
  // Between brackets a plain text ends at the brace of an interpolation.
  if (text.startsWith('${', start - 1)) {
    return { place: placeOf(start - 1), message: 'between brackets, an interpolation needs quotes: "${env:NAME}"' };
  }
  if (error.code === 'UNEXPECTED_TOKEN') {
    const token = text.slice(start, Math.min(end, start + 20)).trim();
    const what = token === '' ? 'something is missing here' : `unexpected ${JSON.stringify(token)}`;
    return { place, message: `${what}; check the indentation, brackets and quotes before it` };
  }
  const open = /^Flow (map|sequence) in/.exec(error.message);
  if (open !== null) {
    const [bracket, closing] = open[1] === 'map' ? ['{', '}'] : ['[', ']'];
    return {
      place,
      message: `a "${bracket}" is not closed by "${closing}" before this, or its lines are not indented`,
    };
  }
  if (/call stack/.test(error.message)) return { place, message: TOO_DEEP };
  const own = error.message.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase());
  return { place, message: SYNTAX_MESSAGES[error.code] ?? own };
}

/** One fault per line, without unexpected tokens that merely follow from an earlier fault. */
function withoutEchoes(errors: readonly YAMLError[], placeOf: (offset: number) => Place): YAMLError[] {
  const seen = new Set<number>();
  return errors.filter(({ code, pos }, i) => {
    if (i > 0 && code === 'UNEXPECTED_TOKEN') return false;
    const place = placeOf(pos[0]);
    const line = place.kind === 'file' ? place.line : 0;
    return !seen.has(line) && seen.add(line);
  });
}

/**
 * Reads one YAML value. Places are those of `text`, or all `at` where that is given (the value of an override or of an
 * environment variable). Empty text is null.
 */
export function readYaml(text: string, at?: Place): YamlResult {
  const lineCounter = new LineCounter();
  const placeOf = (offset: number): Place => {
    if (at !== undefined) return at;
    const { line, col } = lineCounter.linePos(offset);
    return { kind: 'file', line: Math.max(1, line), column: Math.max(1, col) };
  };
  const bomb = bombIn(text);
  if (bomb !== undefined) {
    const before = text.slice(0, bomb.offset).split('\n');
    const place = at ?? { kind: 'file', line: before.length, column: before[before.length - 1].length + 1 };
    return { faults: [{ place, message: bomb.message }] };
  }
  let document;
  try {
    // Duplicate keys are found by the converter, in linear time and with the line of the first.
    document = parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      uniqueKeys: false,
      version: '1.2',
      stringKeys: false,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { faults: [{ place: placeOf(0), message: TOO_DEEP }] };
  }
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0)
    return { faults: withoutEchoes(syntax, placeOf).map((error) => syntaxFault(error, text, placeOf)) };
  const converter = new Converter(placeOf);
  try {
    const root = converter.convert(document.contents, placeOf(0));
    return converter.faults.length > 0 ? { faults: converter.faults } : { root };
  } catch (error) {
    if (!(error instanceof AliasBomb)) throw error;
    const message = `aliases repeat more than ${MOST_ALIASED_VALUES} values in all`;
    return { faults: [{ place: placeOf(0), message }] };
  }
}

let fromStdin: Buffer | undefined;
/** What comes in on stdin, which can be read only once. */
const readStdin = (): Buffer => (fromStdin ??= readStdinSync(LARGEST_FILE));

/** A hint with the most similar config name in the file's folder. */
function similarConfig(file: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(dirname(file)).filter((name) => /\.ya?ml$/.test(name));
  } catch {
    return `there is no folder ${dirname(file)}`;
  }
  const bare = (name: string): string => basename(name).replace(/\.ya?ml$/, '');
  const similar = nearest(bare(file), names.map(bare));
  const found = names.find((name) => bare(name) === similar);
  return found && `did you mean "${join(dirname(file), found)}"?`;
}

/** The text of a config file, or of stdin where the file is `-`. Throws ConfigError if it cannot be read or is not UTF-8 text. */
export function readConfigText(file: string): string {
  const refuse = (message: string, hint?: string): ConfigError =>
    new ConfigError([{ file, path: '', message, ...(hint === undefined ? {} : { hint }) }]);
  const tooLarge = (size: string): ConfigError =>
    refuse(`is ${size} large; a config is a YAML text of at most ${LARGEST_FILE / 2 ** 20} MiB`);
  let bytes: Buffer;
  try {
    bytes = file === '-' ? readStdin() : readRegularSync(file, LARGEST_FILE);
  } catch (error) {
    if (error instanceof IrregularFileError)
      throw refuse(`is ${error.kind}, not a file`, '- reads the config from stdin');
    if (error instanceof FileTooLargeError) throw tooLarge(`${(error.size / 2 ** 20).toFixed(1)} MiB`);
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw refuse('no such file', similarConfig(file));
    if (code === 'EISDIR') throw refuse('is a directory, not a config file');
    if (code === 'EACCES') throw refuse('cannot be read: permission denied');
    const { problem, hint } = explainSystemError(error);
    throw refuse(`cannot be read: ${problem}`, hint);
  }
  if (bytes.length > LARGEST_FILE) throw tooLarge('too');
  if (bytes.includes(0)) throw refuse('is a binary file (or not UTF-8); a config is a YAML text');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('is not valid UTF-8; a config is a YAML text in UTF-8');
  }
}

/** Whether the first lines have the same number of commas, semicolons or tabs, as those of a CSV file do. */
function looksLikeTable(text: string): boolean {
  const lines = text.slice(0, 10_000).split('\n').slice(0, 3);
  return [',', ';', '\t'].some((separator) => {
    const [first, ...others] = lines.map((line) => line.split(separator).length);
    return first > 1 && others.length > 0 && others.every((count) => count === first);
  });
}

/** A config as written. */
export interface WrittenConfig {
  readonly root: TreeNode;
  readonly source: Source;
}

/** Parses the text of a config: one mapping of keys. Throws ConfigError with every fault found. */
export function parseConfigText(text: string, file: string): WrittenConfig {
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const source: Source = { file, lines: content.split(/\r\n|\n|\r/) };
  if (content.includes('\0'))
    throw new ConfigError([{ file, path: '', message: 'is a binary file; a config is a YAML text' }]);
  const result = readYaml(content);
  if ('faults' in result) {
    throw new ConfigError(result.faults.map(({ place, message, hint }) => problemAt(source, place, [], message, hint)));
  }
  const { root } = result;
  if (root.value === null)
    throw new ConfigError([{ file, path: '', message: 'the file is empty; expected a mapping of keys' }]);
  if (!isMapping(root.value)) {
    const message = `expected a mapping of keys, got ${showValue(plain(root))}`;
    const hint = looksLikeTable(content) ? 'this is a table; a config names it in data.source' : undefined;
    throw new ConfigError([problemAt(source, root.place, [], message, hint)]);
  }
  return { root, source };
}
