import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMetrics } from '../../src/runs/index.js';
import { trained, writeExperiment } from './circle.js';
import { digest, nnHere, rows as rowsOf, tempFolder } from './helpers.js';

const folder = tempFolder();
const config = writeExperiment(folder);
const runs = ['--runs-dir', join(folder, 'runs')];

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe('nn train', () => {
  it('leaves a run directory with everything, and prints its summary as the last line of stdout', async () => {
    const { code, out, err } = await nnHere('train', config, ...runs, '--json');
    expect(code, err).toBe(0);
    const summary = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown> & { run_dir: string };
    expect(summary).toEqual(json(join(summary.run_dir, 'summary.json')));
    expect(Object.keys(summary)).toEqual(['status', 'epochs', 'steps', 'best', 'final', 'test', 'wall_time_s', 'samples_per_s', 'peak_memory_mb', 'run_dir']); // prettier-ignore
    expect(summary).toMatchObject({ status: 'completed', epochs: 3, steps: 15 });
    expect(summary.run_dir).toMatch(/runs\/circle\/\d{8}-\d{6}-[a-z0-9]{6}$/);

    const { columns, rows } = readMetrics(join(summary.run_dir, 'metrics.csv'));
    expect(columns).toEqual(['epoch', 'step', 'time_s', 'train/loss', 'train/accuracy', 'val/loss', 'val/accuracy', 'lr']); // prettier-ignore
    expect(rows.map(({ epoch, step }) => [epoch, step])).toEqual([[1, 5], [2, 10], [3, 15]]); // prettier-ignore
    expect(summary.final).toEqual({
      'train/loss': rows[2]['train/loss'],
      'train/accuracy': rows[2]['train/accuracy'],
      'val/loss': rows[2]['val/loss'],
      'val/accuracy': rows[2]['val/accuracy'],
      lr: 0.01,
    });
    expect(json(join(summary.run_dir, 'provenance.json'))).toMatchObject({
      seed: 3,
      data: [{ path: join(folder, 'circle.csv'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown }],
    });
    const log = readFileSync(join(summary.run_dir, 'log.txt'), 'utf8');
    expect(log).toMatch(/started: .*\n.*first step done, \d+ ms .*\n.*epoch 1\/3 .*\n.*epoch 2\/3 .*\n.*epoch 3\/3 /);
    expect(err.split('\n').filter((line) => line.startsWith('epoch'))).toHaveLength(3);
  });

  it('writes a config that runs as it is and gives the same weights', async () => {
    const first = await trained(config, ...runs, 'optimizer.lr=0.02', '--seed', '7');
    const again = await trained(join(first.run_dir, 'config.yaml'), ...runs);
    expect(digest(again.run_dir)).toBe(digest(first.run_dir));
    expect(rowsOf(again.run_dir)).toEqual(rowsOf(first.run_dir));
  });

  it('makes no run directory where an option is wrong', async () => {
    const unused = join(folder, 'unused');
    for (const option of [
      ['--threads', '0'],
      ['--max-time', 'soon'],
      ['--seed', 'x'],
    ]) {
      const { code, err } = await nnHere('train', config, '--runs-dir', unused, ...option);
      expect(code, err).toBe(2);
    }
    expect(existsSync(unused)).toBe(false);
  });

  it('gives the same bits with one and two threads', async () => {
    // Large enough that work is shared between threads.
    const wide = ['model.layers.0.units=256', 'train.batch_size=64'];
    const one = await trained(config, ...runs, ...wide, '--threads', '1');
    const two = await trained(config, ...runs, ...wide, '--threads', '2');
    expect(digest(two.run_dir)).toBe(digest(one.run_dir));
    expect(rowsOf(two.run_dir)).toEqual(rowsOf(one.run_dir));
    expect(two.test).toEqual(one.test);
  });

  it('prints nothing with --quiet', async () => {
    expect(await nnHere('train', config, ...runs, '--quiet')).toEqual({ code: 0, out: '', err: '' });
  });

  it('does one training and one validation batch with --fast-dev-run', async () => {
    expect(await trained(config, ...runs, '--fast-dev-run')).toMatchObject({
      status: 'completed',
      steps: 1,
      epochs: 1,
    });
  });

  it('warns of what the lints find, in the log too, and goes on', async () => {
    const { code, err, out } = await nnHere(
      'train',
      config,
      ...runs,
      '--fast-dev-run',
      '--json',
      'optimizer.lr=0.0000001',
    );
    expect(code, err).toBe(0);
    expect(err).toContain('[unusual-learning-rate]');
    const { run_dir } = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '') as { run_dir: string };
    expect(readFileSync(join(run_dir, 'log.txt'), 'utf8')).toContain('[unusual-learning-rate]');
  });

  it('names the run by --name, else by the config', async () => {
    expect((await trained(config, ...runs, '--name', 'other')).run_dir).toContain(join('runs', 'other'));
  });

  it('stops early and says why', async () => {
    const early = ['train.early_stopping={patience: 1, min_delta: 10}', 'train.max_epochs=50'];
    const { code, out, err } = await nnHere('train', config, ...runs, ...early, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ status: 'early_stopped', epochs: 2, best: { epoch: 1 } });
    expect(err).toContain('early stopped (val/loss has not improved for 1 epochs) after 2 epochs');
  });

  it('ends with 1 where the loss is not finite: the step, the layer, and the weights before it', async () => {
    const sgd = ['optimizer={sgd: {lr: 1e30}}', 'model.layers.0={dense: {units: 8}}'];
    const { code, out, err } = await nnHere('train', config, ...runs, ...sgd, '--json');
    expect(code).toBe(1);
    expect(err).toMatch(/error: step \d+ \(epoch 1\): .*layers\.\d \(dense\)/);
    const summary = JSON.parse(out) as { status: string; run_dir: string };
    expect(summary.status).toBe('failed');
    expect(err).toContain(join(summary.run_dir, 'checkpoints', 'last.safetensors'));
    expect((await nnHere('eval', join(summary.run_dir, 'checkpoints', 'last.safetensors'))).code).toBe(0);
  });

  it('ends with 1 where the last step makes a weight infinite, and names no file that is not there', async () => {
    const sgd = ['optimizer={sgd: {lr: 1e38}}', 'regularization.l2=100', 'train.max_epochs=1', 'train.batch_size=1000'];
    const { code, out, err } = await nnHere('train', config, ...runs, ...sgd, '--json');
    expect(code).toBe(1);
    expect(err).toMatch(/error: step 1 \(epoch 1\): layers\.\d\.\w+ is not finite after the update/);
    const summary = JSON.parse(out) as { status: string; run_dir: string };
    expect(summary.status).toBe('failed');
    expect(existsSync(join(summary.run_dir, 'checkpoints', 'last.safetensors'))).toBe(false);
    expect(err).toContain('there is no checkpoint');
    expect(err).not.toContain('last.safetensors');
  });

  it('ends with 1 where finite weights of the last step give figures that are not', async () => {
    const sgd = ['optimizer={sgd: {lr: 1e37}}', 'train.max_epochs=1', 'train.batch_size=1000'];
    const { code, out, err } = await nnHere('train', config, ...runs, ...sgd, '--json');
    expect(code).toBe(1);
    expect(err).toMatch(/error: step 1 \(epoch 1\): the .* is not finite after the update: the learning rate is/);
    const { status, run_dir } = JSON.parse(out) as { status: string; run_dir: string };
    expect(status).toBe('failed');
    const file = join(run_dir, 'checkpoints', 'last.safetensors');
    expect(err.includes(file)).toBe(existsSync(file));
  });
});
