import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectProvenance, gitState, writeProvenance } from '../../src/runs/provenance.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nn-provenance-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder, encoding: 'utf8' });

describe('provenance', () => {
  it('names command, seed, engine, versions, machine and data', async () => {
    const data = [{ path: 'iris.csv', sha256: 'ab' }];
    const engine = { backend: 'wasm', threads: 2, winograd: false };
    const provenance = await collectProvenance({ seed: 7, data, engine });
    expect(provenance).toMatchObject({ command: process.argv, cwd: process.cwd(), seed: 7, engine, data });
    expect(provenance).not.toHaveProperty('fast_dev_run');
    expect(provenance.versions.node).toBe(process.versions.node);
    expect(provenance.versions.nn).toMatch(/^\d+\.\d+\.\d+/);
    expect(provenance.machine.cores).toBeGreaterThan(0);
    expect(provenance.machine.memory_gb).toBeGreaterThan(0);

    const path = join(folder, 'provenance.json');
    writeProvenance(path, provenance);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(provenance);
  });
});

describe('gitState', () => {
  it('is absent outside of a repository and before the first commit', async () => {
    expect(await gitState(folder)).toBeUndefined();
    git('init', '-q');
    expect(await gitState(folder)).toBeUndefined();
  });

  it('is the commit, dirty when a tracked file has changed; new files do not count', async () => {
    git('init', '-q');
    writeFileSync(join(folder, 'a'), '1');
    git('add', 'a');
    git('commit', '-q', '-m', 'a');
    const commit = git('rev-parse', 'HEAD').trim();
    writeFileSync(join(folder, 'new'), '');
    expect(await gitState(folder)).toEqual({ commit, dirty: false });
    writeFileSync(join(folder, 'a'), '2');
    expect(await gitState(folder)).toEqual({ commit, dirty: true });
  });
});
