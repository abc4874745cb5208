import { describe, expect, it } from 'vitest';
import { ConfigError, formatProblem } from '../../src/config/config-error.js';

describe('ConfigError', () => {
  it('prints each problem with place, path, message, hint, source line and caret', () => {
    const problem = {
      file: 'path.yaml',
      line: 12,
      column: 7,
      path: 'model.layers[2]',
      message: 'unknown key "unit"',
      sourceLine: '\t\t- dense: {unit: 3}',
      hint: 'did you mean "units"?',
    };
    expect(formatProblem(problem)).toBe(
      [
        'path.yaml:12:7: model.layers[2]: unknown key "unit"; did you mean "units"?',
        '   12 |   - dense: {unit: 3}',
        '      |       ^',
      ].join('\n'),
    );
  });

  it('sorts by line and column, the whole file first and overrides last', () => {
    const at = (line: number, column: number) => ({ file: 'f', line, column, path: '', message: `${line}:${column}` });
    const error = new ConfigError([
      { file: 'f', override: 'a=1', path: 'a', message: 'override' },
      at(3, 1),
      at(2, 9),
      at(2, 1),
      { file: 'f', path: '', message: 'file' },
    ]);
    expect(error.problems.map(({ message }) => message)).toEqual(['file', '2:1', '2:9', '3:1', 'override']);
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe(error.format());
  });

  it('cuts long source lines around the caret', () => {
    const sourceLine = `${'a'.repeat(500)}X${'b'.repeat(500)}`;
    const [, source, caret] = formatProblem({
      file: 'f',
      line: 1,
      column: 501,
      path: '',
      message: 'm',
      sourceLine,
    }).split('\n');
    expect(source.length).toBeLessThan(130);
    expect(source[caret.indexOf('^')]).toBe('X');
  });
});
