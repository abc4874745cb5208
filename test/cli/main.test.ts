import { spawnSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Summary } from '../../src/runs/index.js';
import { digest, nn, rows, tempFolder } from './helpers.js';

const folder = tempFolder();

function trained(...args: string[]): Summary {
  const { out, err, code } = nn('train', 'configs/smoke.yaml', '--runs-dir', folder, '--json', ...args);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Summary;
}

describe('nn', () => {
  it('evaluates a checkpoint to the very figures of summary.json', () => {
    const summary = trained();
    const { out } = nn('eval', join(summary.run_dir, 'checkpoints', 'best.safetensors'), '--json');
    const { split, samples, ...figures } = JSON.parse(out) as Record<string, unknown>;
    expect({ split, samples }).toEqual({ split: 'test', samples: 30 });
    expect(figures).toEqual(summary.test);
  });

  it('takes a config from stdin, with file names relative to the working directory', () => {
    const input = readFileSync('configs/smoke.yaml', 'utf8')
      .replace('../datasets', 'datasets')
      .replace(/^name:.*\n/m, '');
    const run = (...args: string[]) => spawnSync(process.execPath, ['dist/bin/nn.js', ...args], { encoding: 'utf8', input }); // prettier-ignore
    const { stdout, stderr } = run('train', '-', '--runs-dir', folder, '--json');
    const { run_dir, test } = JSON.parse(stdout) as Summary;
    expect(run_dir, stderr).toContain(join(folder, 'stdin'));
    expect(test).toEqual(trained().test);
    expect(run('check', '-', 'model.layers.0.dense.unit=3').stderr).toContain('did you mean "units"?');
    expect(run('compare', '-', '--seeds', '2', '--runs-dir', folder).stdout).toMatch(/^stdin +2 /m);
  });

  it('writes the same tensors with one and two threads', () => {
    expect(digest(trained('--threads', '1').run_dir)).toBe(digest(trained('--threads', '2').run_dir));
  });

  it('resumes from the middle of an epoch to the same tensors and metrics rows', () => {
    const whole = trained('train.checkpoint_every=1');
    const part = trained('train.checkpoint_every=1', '--max-time', '0s');
    expect(part.steps).toBeLessThan(whole.steps);
    const { code, err } = nn('train', '--resume', part.run_dir);
    expect(code, err).toBe(0);
    expect(digest(part.run_dir)).toBe(digest(whole.run_dir));
    expect(rows(part.run_dir)).toEqual(rows(whole.run_dir));
  });

  it.each([
    [['train', 'configs/smoke.yaml', 'optimizer.lr=abc'], 2, 'optimizer.lr'],
    [['train', 'configs/missing.yaml'], 2, 'configs/missing.yaml'],
    [['train', 'configs/smoke.yaml', 'model.layers.0.unit=3'], 2, 'units'],
    [['train', 'configs/smoke.yaml', 'data.source.path=nothing.csv'], 2, 'nothing.csv'],
    [['train', 'configs/smoke.yaml', 'model.layers.1.units=7'], 2, '7'],
    [['train'], 2, '--resume'],
    [['train', 'configs/smoke.yaml', '--max-time', 'soon'], 2, '90s'],
    [['train', 'configs/smoke.yaml', '--threads', '0'], 2, 'from 1 to 256'],
    [['eval', 'missing.safetensors'], 1, 'missing.safetensors'],
    [['unknown'], 2, 'unknown'],
  ])('%j exits with %d and says so without a stack trace', (args, code, text) => {
    const result = nn(...args, ...(args[0] === 'train' ? ['--runs-dir', folder] : []));
    expect(result.code).toBe(code);
    expect(result.err).toContain(text);
    expect(result.err).not.toMatch(/\n\s+at /);
  });

  it.each(['2000000000', '100000000000000'])(
    'says how much memory a layer of %s units would need, before it starts',
    (units) => {
      const { code, err } = nn('train', 'configs/smoke.yaml', `model.layers.0.units=${units}`, '--runs-dir', folder);
      expect(code).toBe(2);
      expect(err).toMatch(/needs \d+ MiB on top of the \d+ MiB in use, more than the 4 GiB/);
    },
  );

  it('refuses a truncated checkpoint', () => {
    const path = join(trained().run_dir, 'checkpoints', 'best.safetensors');
    truncateSync(path, 200);
    const { code, err } = nn('eval', path);
    expect(code).toBe(1);
    expect(err).toContain('best.safetensors');
  });

  it.each([
    ['optimizer.lr=0', 'learning rate'],
    ['optimizer.lr=1000000', 'learning rate'],
    ['init.weights={constant: {value: 0.1}}', 'identical'],
  ])('overfit-batch with %s exits with 3 and names the cause', (override, text) => {
    const { code, out } = nn('overfit-batch', 'configs/smoke.yaml', override);
    expect(code).toBe(3);
    expect(out).toContain(text);
  });

  it('prints its help and exits with 2 without arguments', () => {
    const { code, out, err } = nn();
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Usage: nn');
  });

  it('ends quietly when nobody reads its output any more', () => {
    const { stdout, stderr } = spawnSync('sh', ['-c', `"${process.execPath}" dist/bin/nn.js schema | head -c 1`], {
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: '{', stderr: '' });
  });

  it('prints its help without loading the config machinery', () => {
    // With a loader that refuses zod, --help must not ask for it.
    const refuse = join(folder, 'refuse-zod.cjs');
    writeFileSync(
      refuse,
      `const loader = require('node:module');
      const resolve = loader._resolveFilename;
      loader._resolveFilename = (name, ...rest) => {
        if (name.includes('zod')) throw new Error('zod was loaded');
        return resolve(name, ...rest);
      };`,
    );
    const args = (command: string): string[] => ['--require', refuse, 'dist/bin/nn.js', command];
    expect(spawnSync(process.execPath, args('--help'), { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    expect(spawnSync(process.execPath, args('schema'), { encoding: 'utf8' }).stderr).toContain('zod was loaded');
  });

  it('prints the JSON Schema that the configs point to', () => {
    expect(JSON.parse(nn('schema').out)).toEqual(JSON.parse(readFileSync('configs/schema.json', 'utf8')));
  });
});
