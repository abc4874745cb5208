import { appendFileSync, mkdirSync } from 'node:fs';
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
    expect(err).toContain('eval takes overrides of data.* and metrics only');
  });

  it('measures all of another file, in the plain ways', async () => {
    const file = join(folder, 'new.csv');
    writeCircle(file, 50);
    const whole = await evaluated(best, '--data', file);
    expect(whole).toMatchObject({ split: 'test', samples: 50 });
    expect(await evaluated(best, `data.source.csv.test=${file}`)).toEqual(whole);
    const { code, err } = await nnHere('eval', best, '--data', file, '--split', 'val');
    expect([code, err]).toEqual([2, 'error: --data is measured whole: leave out --split\n']);
  });

  it('takes a run directory for its best checkpoint, and other metrics', async () => {
    expect(await evaluated(summary.run_dir)).toEqual(await evaluated(best));
    const measured = await evaluated(summary.run_dir, 'metrics=[balanced_accuracy, confusion_matrix]');
    expect(measured).toMatchObject({ loss: summary.test?.loss, reports: { confusion_matrix: { rows: ['inner', 'outer'] } } }); // prettier-ignore
    expect(Object.keys(measured as object)).toContain('balanced_accuracy');
    const { code, err } = await nnHere('eval', folder);
    expect([code, err]).toEqual([1, expect.stringContaining('is a folder without checkpoints/best.safetensors')]);
  });

  it('takes the directory of a cross-validation for all of its folds', async () => {
    const run = await trained(config, ...runs, 'data.folds=3', 'data.split={}', '--name', 'folded');
    const { folds, ...mean } = (await evaluated(run.run_dir)) as { folds: object[]; loss: number };
    expect(folds).toHaveLength(3);
    expect(mean.loss).toBeCloseTo(run.test?.loss ?? NaN, 12);
    const { out } = await nnHere('eval', run.run_dir);
    expect(out).toMatch(
      /^fold 1: \d+ test samples: .*\nfold 2: .*\nfold 3: .*\n3 folds, mean ± standard deviation: loss /,
    );
  });

  it('needs no validation split where training monitored one', async () => {
    const stopping = ['train.early_stopping={patience: 3}', '--name', 'stopping'];
    const { run_dir } = await trained(config, ...runs, ...stopping);
    expect(await evaluated(run_dir, 'data.split={test: 0.2}')).toMatchObject({ split: 'test' });
  });

  it('refuses a split of data that have changed: it would test samples that were trained on', async () => {
    const own = join(folder, 'grown');
    mkdirSync(own);
    const grown = writeExperiment(own);
    const { run_dir } = await trained(grown, ...runs, '--name', 'grown');
    appendFileSync(join(own, 'circle.csv'), '0.1,0.2,inner\n');
    const { code, err } = await nnHere('eval', run_dir);
    expect(code).toBe(2);
    expect(err).toContain(
      'has changed since training, so its test split is another, with samples that were trained on',
    );
    expect(await evaluated(run_dir, '--data', join(own, 'circle.csv'))).toMatchObject({ split: 'test', samples: 121 });
  });

  it('says how to give a split that the experiment has not', async () => {
    const { run_dir } = await trained(config, ...runs, 'data.split={val: 0.2}', '--name', 'without-test');
    const { code, err } = await nnHere('eval', join(run_dir, 'checkpoints', 'best.safetensors'));
    expect(code).toBe(2);
    expect(err).toContain('has no test split');
  });
});
