import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/index.js';
import { experimentSchema } from '../../src/train/index.js';

const folder = mkdtempSync(join(tmpdir(), 'nn-bombs-'));
afterAll(() => rmSync(folder, { recursive: true }));

const head = 'task: classification\ndata: {source: {csv: {path: a.csv, target: k}}}\n';
const dense = '{dense: {units: 3}}';
const repeated = (times: number, layer: string): string => `{sequential: {repeat: ${times}, layers: [${layer}]}}`;

/** What is wrong with the config, and the seconds it took to say so. */
function refusal(text: string, overrides: string[] = []): { message: string; seconds: number } {
  const began = performance.now();
  try {
    loadConfig(experimentSchema, { file: 'c.yaml', text, overrides, env: {} });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { message: error.format(), seconds: (performance.now() - began) / 1000 };
  }
  return { message: '', seconds: (performance.now() - began) / 1000 };
}

describe('a config that would take for ever', () => {
  it.each([
    ['open brackets', `a: ${'['.repeat(500_000)}`, 'nested more than 200 levels deep'],
    ['open braces', `a: ${'{b: '.repeat(200_000)}`, 'nested more than 200 levels deep'],
    ['items within items', '- '.repeat(500_000), 'nested more than 200 levels deep'],
    ['keys within keys', '? '.repeat(500_000), 'nested more than 200 levels deep'],
    ['deep blocks', Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:\n`).join(''), 'nested more than 200 levels deep'],
    ['anchors', `a:\n${Array.from({ length: 60_000 }, (_, i) => `  - &a${i} x\n`).join('')}`, 'more than 1000 anchors'],
    ['a billion copies', `${head}model: {layers: [${repeated(1e9, dense)}]}`, 'expected an integer from 1 to 1000, got 1000000000'],
    ['copies of copies', `${head}model: {layers: [${repeated(1000, repeated(1000, dense))}]}`, 'hold 1,000,000 layers; at most 2,000 can be trained'],
    ['many unknown keys', Array.from({ length: 5000 }, (_, i) => `k${i}: 1\n`).join(''), 'more like these'],
  ])('%s: is refused at once, by a limit that the message names', (_, text, expected) => {
    const { message, seconds } = refusal(text);
    expect(message).toContain(expected);
    expect(message.length).toBeLessThan(50_000);
    expect(seconds).toBeLessThan(3);
  }); // prettier-ignore

  it('as the value of an override too', () => {
    const { message, seconds } = refusal(`${head}model: {layers: [${dense}]}`, [`name=${'['.repeat(100_000)}`]);
    expect(message).toContain('nested more than 200 levels deep');
    expect(message.length).toBeLessThan(1000);
    expect(seconds).toBeLessThan(3);
  });

  it('unclosed interpolations take no time', () => {
    const { message, seconds } = refusal(`${head}name: "${'${env:'.repeat(100_000)}"\nmodel: {layers: [${dense}]}`);
    expect(message.length).toBeLessThan(1000);
    expect(seconds).toBeLessThan(2);
  });

  it('by its size, which the message names', () => {
    const file = join(folder, 'large.yaml');
    writeFileSync(file, `${head}# ${'x'.repeat(2 ** 20)}\n`);
    expect(() => loadConfig(experimentSchema, { file })).toThrow('is 1.0 MiB large; a config is a YAML text of at most 1 MiB'); // prettier-ignore
  });

  it('is not one that nests as deep as people write, or has brackets in its texts', () => {
    const nested = `${'{sequential: {layers: ['.repeat(40)}${dense}${']}}'.repeat(40)}`;
    const text = `${head}# ${'[{'.repeat(500)}\nname: "a"\nmodel: {layers: [${nested}]}\n`;
    expect(refusal(text).message).toBe('');
    expect(refusal(text.replace('"a"', `"${'['.repeat(300)}"`)).message).toMatch(/name: expected letters/);
  });
});

describe('a table given as a config', () => {
  it('is said to be one, and not printed', () => {
    const csv = Array.from({ length: 2000 }, (_, i) => `${i},${i / 7},x`).join('\n');
    const { message } = refusal(csv);
    expect(message).toContain('expected a mapping of keys, got "0,0,x');
    expect(message).toContain('this is a table; a config names it in data.source');
    expect(message.length).toBeLessThan(500);
  });
});
