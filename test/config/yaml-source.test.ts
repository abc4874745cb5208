import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.js';
import { plain } from '../../src/config/tree.js';
import { parseConfigText } from '../../src/config/yaml-source.js';

const parse = (text: string): unknown => plain(parseConfigText(text, 'a.yaml').root);

function errorsOf(text: string): string[] {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map(({ line, column, message }) =>
        line === undefined ? message : `${line}:${column} ${message}`,
      );
    }
    throw error;
  }
  return [];
}

const bomb = ['a0: &a0 [1,1,1,1,1,1,1,1,1,1]']
  .concat(Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(',')}]`))
  .join('\n');

describe('YAML', () => {
  it('has anchors, aliases and merge keys, of which the own key wins and then the earlier merge', () => {
    expect(parse('base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nuse: {<<: [*b, *o], x: 5}\nsame: *b\n')).toEqual({
      base: { x: 1, y: 2 },
      other: { y: 3, z: 4 },
      use: { x: 5, y: 2, z: 4 },
      same: { x: 1, y: 2 },
    });
  });

  it('takes the nearest anchor before an alias', () => {
    expect(parse('a: &x 1\nb: *x\nc: &x 2\nd: *x\n')).toEqual({ a: 1, b: 1, c: 2, d: 2 });
  });

  it('reads YAML 1.2 scalars', () => {
    expect(parse('a: 1e-3\nb: yes\nc: 0x10\nd: ~\ne: "1"\n')).toEqual({ a: 0.001, b: 'yes', c: 16, d: null, e: '1' });
  });

  it('locates an aliased value at its alias', () => {
    const { root } = parseConfigText('a: &x 1\nb: *x\n', 'a.yaml');
    const entry =
      root.value instanceof Map ? (root.value as ReadonlyMap<string, { node: unknown }>).get('b') : undefined;
    expect(entry?.node).toEqual({ place: { kind: 'file', line: 2, column: 4 }, value: 1 });
  });

  it.each([
    ['tabs', 'a:\n\tb: 1\n', ['2:1 tabs are not allowed as indentation; use spaces']],
    [
      'duplicate keys, all of them',
      'a: 1\na: 2\nb: {c: 1, c: 2}\n',
      ['2:1 duplicate key "a", already on line 1', '3:11 duplicate key "c", already on line 3'],
    ],
    ['__proto__', 'a: {__proto__: {x: 1}}\n', ['1:5 the key "__proto__" is not allowed']],
    ['constructor', 'constructor: 1\n', ['1:1 the key "constructor" is not allowed']],
    ['prototype', 'a:\n  - prototype: 1\n', ['2:5 the key "prototype" is not allowed']],
    ['two documents', 'a: 1\n---\nb: 2\n', ['2:1 a second YAML document starts here; a config is a single one']],
    ['an open bracket', 'a: [1, 2\n', ['2:1 a "[" is not closed by "]" before this, or its lines are not indented']],
    ['an open quote', 'a: "foo\n', ['2:1 a closing quote or bracket is missing']],
    [
      'wrong indentation',
      'a: 1\n b: 2\n',
      ['1:4 a mapping cannot start here; check the indentation, or quote a text that contains ": "'],
    ],
    ['a list among keys', 'a: 1\n- b\n', ['2:1 expected a key with a colon (key: value) here']],
    ['a bracket too many', '{a: 1}}\n', ['1:7 unexpected "}"; check the indentation, brackets and quotes before it']],
    [
      'an interpolation between braces',
      'a: {lr: ${env:LR,0.1}}\n',
      ['1:9 between brackets, an interpolation needs quotes: "${env:NAME}"'],
    ],
    [
      'an interpolation between brackets',
      'a: [${env:LR}, 2]\n',
      ['1:5 between brackets, an interpolation needs quotes: "${env:NAME}"'],
    ],
    ['an unknown alias', 'a: *x\n', ['1:4 there is no anchor &x before the alias *x']],
    ['an alias within itself', 'a: &x [1, *x]\n', ['1:11 the alias *x stands inside of the value that it repeats']],
    ['an alias bomb', bomb, ['1:1 aliases repeat more than 10000 values in all']],
    ['a merge of a number', 'a: {<<: 3}\n', ['1:9 a merge key "<<" needs a mapping, or a list of mappings']],
    ['an unknown tag', 'a: !!js/function x\n', ['1:4 unresolved tag: tag:yaml.org,2002:js/function']],
    ['a key that is a list', '? [1, 2]\n: 3\n', ['1:3 a key must be a plain name']],
    ['a key that is null', '~: 3\n', ['1:1 a key must be a plain name']],
    ['a list', '- a\n- b\n', ['1:1 expected a mapping of keys, got a list of 2']],
    ['a bare text', 'hello\n', ['1:1 expected a mapping of keys, got "hello"']],
    ['a NUL character', 'a: \0\n', ['is a binary file; a config is a YAML text']],
    ['absurd nesting', `a: ${'['.repeat(300)}${']'.repeat(300)}\n`, ['1:204 nested more than 200 levels deep']],
  ])('refuses %s', (_, text, messages) => {
    expect(errorsOf(text)).toEqual(messages);
  });

  it.each([5_000, 100_000])('survives %d open brackets', (depth) => {
    expect(errorsOf(`a: ${'['.repeat(depth)}\n`).length).toBeGreaterThan(0);
  });
});
