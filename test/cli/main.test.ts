import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadCheckpoint, type Summary } from '../../src/runs/index.js';

const folder = mkdtempSync(join(tmpdir(), 'nn-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function nn(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli/main.js', ...args], { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

function trained(...args: string[]): Summary {
  const { out, err, code } = nn('train', 'configs/smoke.yaml', '--runs-dir', folder, '--json', ...args);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Summary;
}

/** sha256 of all tensors of a run's last checkpoint. */
function digest(runDir: string): string {
  const hash = createHash('sha256');
  const { tensors } = loadCheckpoint(join(runDir, 'checkpoints', 'last.safetensors'));
  for (const [name, { values }] of tensors)
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest('hex');
}

describe('nn', () => {
  it('evaluates a checkpoint to the very figures of summary.json', () => {
    const summary = trained();
    const { out } = nn('eval', join(summary.run_dir, 'checkpoints', 'best.safetensors'), '--json');
    const { split, samples, ...figures } = JSON.parse(out) as Record<string, unknown>;
    expect({ split, samples }).toEqual({ split: 'test', samples: 30 });
    expect(figures).toEqual(summary.test);
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
    const rows = (dir: string): string[] =>
      readFileSync(join(dir, 'metrics.csv'), 'utf8').split('\n').map((line) => line.split(',').filter((_, i) => i !== 2).join()); // prettier-ignore
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
    [['train', 'configs/smoke.yaml', '--threads', '0'], 2, 'positive integer'],
    [['eval', 'missing.safetensors'], 1, 'missing.safetensors'],
    [['unknown'], 2, 'unknown'],
  ])('%j exits with %d and says so without a stack trace', (args, code, text) => {
    const result = nn(...args, ...(args[0] === 'train' ? ['--runs-dir', folder] : []));
    expect(result.code).toBe(code);
    expect(result.err).toContain(text);
    expect(result.err).not.toMatch(/\n\s+at /);
  });

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
    const { code, err } = nn('overfit-batch', 'configs/smoke.yaml', override);
    expect(code).toBe(3);
    expect(err).toContain(text);
  });

  it('prints the JSON Schema that the configs point to', () => {
    expect(JSON.parse(nn('schema').out)).toEqual(JSON.parse(readFileSync('configs/schema.json', 'utf8')));
  });
});
