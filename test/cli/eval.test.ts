import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readMetrics, type Summary } from '../../src/runs/index.js';
import { trained, writeCircle, writeExperiment } from './circle.js';
import { nnHere, tempFolder } from './helpers.js';

const folder = tempFolder();
const config = writeExperiment(folder);
const runs = ['--runs-dir', join(folder, 'runs')];
const evaluated = async (...args: string[]): Promise<unknown> => {
  const { code, out, err } = await nnHere('eval', ...args, '--json');
  expect(code, err).toBe(0);
  return JSON.parse(out);
};

describe('nn eval', () => {
  let summary: Summary;
  let best = '';
  beforeAll(async () => {
    summary = await trained(config, ...runs, 'metrics=[accuracy, log_loss]', 'data.preprocess=[standardize]');
    best = join(summary.run_dir, 'checkpoints', 'best.safetensors');
  });

  it('gives the very figures of summary.json, from the checkpoint alone', async () => {
    expect(await evaluated(best)).toEqual({ split: 'test', samples: 24, ...summary.test });
  });

  it('gives the very validation figures of the best epoch', async () => {
    const { loss, accuracy } = (await evaluated(best, '--split', 'val')) as Record<string, number>;
    expect(summary.best).toMatchObject({ 'val/loss': loss, 'val/accuracy': accuracy });
  });

  it('gives the same bits with one thread, and nearly the same on the reference backend', async () => {
    expect(await evaluated(best, '--threads', '1')).toEqual({ split: 'test', samples: 24, ...summary.test });
    const { loss } = (await evaluated(best, '--backend', 'reference')) as { loss: number };
    expect(loss).toBeCloseTo(summary.test?.loss ?? NaN, 5);
  });

  it('takes no config for a checkpoint', async () => {
    const { code, err } = await nnHere('eval', config);
    expect(code).toBe(1);
    expect(err).toContain(`${config}: is a config, not a checkpoint\n  train it first (nn train ${config})`);
  });

  it('prints the figures for people on stdout', async () => {
    const { code, out, err } = await nnHere('eval', best);
    expect(code).toBe(0);
    // A checkpoint can name any file, so it is said before it is opened.
    expect(err).toBe(`data: ${join(folder, 'circle.csv')}\n`);
    expect(out).toMatch(/^24 test samples: loss \S+ {2}accuracy \S+ {2}log_loss \S+\n$/);
  });

  it('prints tables and gives them in JSON, as the summary of the run has them', async () => {
    const tables = ['metrics=[accuracy, roc_auc, confusion_matrix]', '--name', 'tables'];
    const run = await trained(config, ...runs, ...tables);
    const path = join(run.run_dir, 'checkpoints', 'best.safetensors');
    const measured = (await evaluated(path)) as { accuracy: number; reports: typeof run.reports };
    expect(measured).toEqual({ split: 'test', samples: 24, ...run.test, reports: run.reports });
    const { rows, columns, values } = measured.reports?.confusion_matrix ?? { rows: [], columns: [], values: [[]] };
    expect([rows, columns]).toEqual([['inner', 'outer'], ['inner', 'outer']]); // prettier-ignore
    expect(values.flat().reduce((a, b) => a + b)).toBe(24);
    expect((values[0][0] + values[1][1]) / 24).toBeCloseTo(measured.accuracy, 6);
    const { out } = await nnHere('eval', path);
    expect(out).toMatch(/\nconfusion matrix:\n {9}inner {2}outer\n {2}inner +\d+ +\d+\n {2}outer +\d+ +\d+\n$/);
    const { columns: csv } = readMetrics(join(run.run_dir, 'metrics.csv'));
    expect(csv).toContain('val/roc_auc');
    expect(csv.join()).not.toContain('confusion_matrix');
  });

  it('measures other data, treated as the training data were', async () => {
    writeCircle(join(folder, 'new.csv'), 50);
    expect(await evaluated(best, `data.source.test=${join(folder, 'new.csv')}`, 'data.split={val: 0.2}')).toMatchObject(
      { samples: 50 },
    );
  });

  it('refuses to change what was trained', async () => {
    const { code, err } = await nnHere('eval', best, 'model.layers.0.units=3');
    expect(code).toBe(2);
    expect(err).toContain('eval takes overrides of data.* only');
  });

  it('says how to give a split that the experiment has not', async () => {
    const { run_dir } = await trained(config, ...runs, 'data.split={val: 0.2}', '--name', 'without-test');
    const { code, err } = await nnHere('eval', join(run_dir, 'checkpoints', 'best.safetensors'));
    expect(code).toBe(2);
    expect(err).toContain('has no test split');
  });
});
