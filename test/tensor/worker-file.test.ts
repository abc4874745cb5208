import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { workerFile } from '../../src/tensor/worker-file.js';

describe('workerFile', () => {
  it.each([
    ['/nn/src/tensor/worker-file.ts', '/nn/dist/data/thread.js'],
    ['/nn/dist/tensor/worker-file.js', '/nn/dist/data/thread.js'],
    ['/nn/dist/bin/session-x7.js', '/nn/dist/bin/data/thread.js'],
  ])('from %s finds %s', (here, expected) => {
    expect(workerFile('data/thread', `file://${here}`).pathname).toBe(expected);
  });

  it('is in the build and in the bundle for every module of a thread', () => {
    const folder = new URL('../../src/tensor/wasm/', import.meta.url);
    const modules = readdirSync(folder).filter((name) => name.endsWith('-thread.ts'));
    expect(modules).not.toEqual([]);
    for (const module of modules.map((name) => `tensor/wasm/${name.slice(0, -3)}`)) {
      expect(existsSync(workerFile(module)), module).toBe(true);
      expect(existsSync(new URL(`../../dist/bin/${module}.js`, import.meta.url)), module).toBe(true);
    }
  });
});
