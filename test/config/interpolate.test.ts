import { describe, expect, it } from 'vitest';
import { interpolate } from '../../src/config/interpolate.js';
import { fromPlain, plain } from '../../src/config/tree.js';

const at = { kind: 'file', line: 1, column: 1 } as const;
const fill = (value: unknown, env: Record<string, string> = {}): unknown =>
  plain(interpolate(fromPlain(value, at), env).root);
const failuresOf = (value: unknown, env: Record<string, string> = {}): string[] => [
  ...interpolate(fromPlain(value, at), env).failures.values(),
];

describe('interpolate', () => {
  it('reads a text that is only an interpolation as YAML', () => {
    const env = { LR: '1e-3', UNITS: '[1, 2]', EMPTY: '' };
    expect(fill({ lr: '${env:LR}', units: ['${env:UNITS}'], none: '${env:EMPTY}' }, env)).toEqual({
      lr: 0.001,
      units: [[1, 2]],
      none: null,
    });
  });

  it('fills in parts of a text as they are', () => {
    expect(fill('runs/${env:USER}-${env:RUN,1}', { USER: 'ada' })).toBe('runs/ada-1');
  });

  it('takes the default where the variable is not set, which may be empty or hold commas', () => {
    expect(fill(['${env:A,7}', '${env:A, x, y}', 'a${env:A,}b'])).toEqual([7, 'x, y', 'ab']);
  });

  it('does not fill in what it has filled in', () => {
    expect(fill('${env:A}', { A: "'${env:B}'" })).toBe('${env:B}');
  });

  it('says what is wrong', () => {
    expect(failuresOf('${env:A}')).toEqual(['the environment variable A is not set; set it or write ${env:A,default}']);
    expect(failuresOf('x${USER}')).toEqual(['cannot interpolate "${USER}"; write ${env:NAME} or ${env:NAME,default}']);
    expect(failuresOf('${env:A}', { A: '[1' })).toEqual([
      'the value "[1" of "${env:A}" is not valid YAML: a closing quote or bracket is missing',
    ]);
    expect(failuresOf('${env:A}', { A: '{__proto__: 1}' })[0]).toContain('the key "__proto__" is not allowed');
  });
});
