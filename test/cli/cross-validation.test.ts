import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadData } from '../../src/data/index.js';
import { loadCheckpoint, type CrossValidationSummary } from '../../src/runs/index.js';
import { experimentSchema, meanAndSpread } from '../../src/train/index.js';
import { writeExperiment } from './circle.js';
import { digest, nnHere, rows, runOf, start, tempFolder, until } from './helpers.js';

const folder = tempFolder();
const config = writeExperiment(folder);
const runsDir = join(folder, 'runs');
const folds = ['data.folds=4', 'data.split={stratify: true}', 'data.preprocess=[standardize]'];

async function crossValidated(...args: readonly string[]): Promise<{ summary: CrossValidationSummary; err: string }> {
  const { code, out, err } = await nnHere('train', ...args, '--json');
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`);
  return { summary: JSON.parse(out) as CrossValidationSummary, err };
}
const foldsOf = (run: string): string[] => [1, 2, 3, 4].map((fold) => join(run, 'folds', String(fold)));
const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe('nn train with data.folds', () => {
  it('trains every fold in a run directory of its own and reports mean and spread of the figures', async () => {
    const { summary, err } = await crossValidated(config, ...folds, '--runs-dir', runsDir, '--name', 'whole');
    expect(readdirSync(summary.run_dir).sort()).toEqual(['config.yaml', 'folds', 'log.txt', 'provenance.json', 'summary.json']); // prettier-ignore
    expect(summary).toEqual(json(join(summary.run_dir, 'summary.json')));
    expect(summary).toMatchObject({ status: 'completed', epochs: 12 });
    expect(summary.folds).toEqual(foldsOf(summary.run_dir).map((path) => json(join(path, 'summary.json'))));
    const { mean, std } = meanAndSpread(summary.folds.map(({ test }) => test ?? {}));
    expect([summary.test, summary.test_std]).toEqual([mean, std]);
    for (const path of foldsOf(summary.run_dir)) {
      expect(readdirSync(path).sort()).toEqual(['checkpoints', 'config.yaml', 'log.txt', 'metrics.csv', 'provenance.json', 'summary.json']); // prettier-ignore
    }
    expect(err).toContain('whole: 42 parameters; 4 folds, in the first 90 training, 30 test samples');
    expect(err).toMatch(/fold 3\/4 {2}epoch 2\/3 {2}train\/loss/);
    expect(err).toMatch(
      /4 folds, mean ± standard deviation: test\/loss [\d.]+ ± [\d.]+ {2}test\/accuracy [\d.]+ ± [\d.]+/,
    );
  });

  it('reports the share of zero weights over the folds, and of each of them, as eval does', async () => {
    const sparse = ['regularization.weights={proximal_l1: {strength: 1}}', 'optimizer={sgd: {lr: 0.05}}'];
    const { summary, err } = await crossValidated(config, ...folds, ...sparse, '--runs-dir', runsDir, '--name', 'sparse'); // prettier-ignore
    const shares = summary.folds.map(({ sparsity }) => sparsity ?? {});
    expect(summary.sparsity).toEqual(meanAndSpread(shares).mean);
    expect(summary.sparsity?.total).toBeGreaterThan(0);
    expect(err.match(/weights that are exactly 0: [\d.]+ % \(layers\.0\.weight [\d.]+ %, layers\.2\.weight /g)).toHaveLength(5); // prettier-ignore
    const [path] = foldsOf(summary.run_dir);
    const { out, err: said } = await nnHere('eval', join(path, 'checkpoints', 'best.safetensors'), '--json');
    expect((JSON.parse(out) as { sparsity: object }).sparsity).toEqual(shares[0]);
    expect(said).toContain('weights that are exactly 0: ');
  });

  it('keeps what each fold needs in its checkpoint: eval measures the fold held out', async () => {
    const { summary } = await crossValidated(config, ...folds, '--runs-dir', runsDir, '--name', 'eval');
    for (const [i, path] of foldsOf(summary.run_dir).entries()) {
      const { out } = await nnHere('eval', join(path, 'checkpoints', 'last.safetensors'), '--json');
      expect(JSON.parse(out)).toEqual({ split: 'test', samples: 30, ...summary.folds[i].test });
    }
  });

  it('fits the preprocessing on the training part of each fold alone', async () => {
    const { summary } = await crossValidated(config, ...folds, '--runs-dir', runsDir, '--name', 'fit');
    const source = { csv: { path: join(folder, 'circle.csv'), target: 'side' } };
    for (const [i, path] of foldsOf(summary.run_dir).entries()) {
      const { preprocessing } = loadCheckpoint(join(path, 'checkpoints', 'last.safetensors')).meta;
      const { data } = experimentSchema.parse({
        task: 'classification',
        data: { source, folds: 4, fold: i + 1, split: { stratify: true } },
        model: { layers: ['flatten'] },
      });
      const { train } = await loadData(data, { target: 'classes', seed: 3, baseDir: folder });
      const x = Array.from({ length: train.size }, (_, row) => Number(train.fields.features.values[2 * row]));
      const mean = x.reduce((a, b) => a + b, 0) / x.length;
      const std = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length);
      const { affine } = preprocessing as unknown as { affine: { scale: number[]; shift: number[] } };
      expect(affine.scale[0]).toBeCloseTo(1 / std, 5);
      expect(affine.shift[0]).toBeCloseTo(-mean / std, 5);
    }
  });

  it('trains one fold alone with data.fold, to the same bits', async () => {
    const { summary } = await crossValidated(config, ...folds, '--runs-dir', runsDir, '--name', 'all');
    const one = await nnHere(
      'train',
      config,
      ...folds,
      'data.fold=3',
      '--runs-dir',
      runsDir,
      '--name',
      'one',
      '--json',
    );
    expect(digest(runOf(runsDir, 'one'))).toBe(digest(join(summary.run_dir, 'folds', '3')));
    expect(JSON.parse(one.out)).toMatchObject({ test: summary.folds[2].test });
  });

  it('gives the same bits with one and two threads', async () => {
    const wide = [...folds, 'model.layers.0.units=256', 'train.batch_size=64', '--runs-dir', runsDir];
    const one = (await crossValidated(config, ...wide, '--threads', '1')).summary;
    const two = (await crossValidated(config, ...wide, '--threads', '2')).summary;
    expect(foldsOf(two.run_dir).map(digest)).toEqual(foldsOf(one.run_dir).map(digest));
    expect([two.test, two.test_std]).toEqual([one.test, one.test_std]);
  });

  it('goes on after --max-time with the folds that are left, and with the one that was stopped', async () => {
    const { summary: whole } = await crossValidated(config, ...folds, '--runs-dir', runsDir, '--name', 'unstopped');
    const part = await crossValidated(config, ...folds, '--runs-dir', runsDir, '--name', 'part', '--max-time', '0s');
    expect(part.summary).toMatchObject({ reason: 'max_time', steps: 1 });
    expect(part.err).toContain(`resume with: nn train --resume ${part.summary.run_dir}\n`);
    const resumed = (await crossValidated('--resume', part.summary.run_dir)).summary;
    expect(foldsOf(resumed.run_dir).map(digest)).toEqual(foldsOf(whole.run_dir).map(digest));
    expect(foldsOf(resumed.run_dir).map(rows)).toEqual(foldsOf(whole.run_dir).map(rows));
    expect([resumed.test, resumed.test_std]).toEqual([whole.test, whole.test_std]);
    const again = await crossValidated('--resume', part.summary.run_dir);
    expect(again.summary.test).toEqual(whole.test);
    expect(again.err).toContain('fold 4/4  is finished (completed after 3 epochs)');
    // A fold that was stopped before its first checkpoint begins anew.
    rmSync(join(resumed.run_dir, 'folds', '2', 'checkpoints'), { recursive: true });
    rmSync(join(resumed.run_dir, 'folds', '2', 'summary.json'));
    const restarted = (await crossValidated('--resume', part.summary.run_dir)).summary;
    expect(foldsOf(restarted.run_dir).map(rows)).toEqual(foldsOf(whole.run_dir).map(rows));
  });

  it('says what is wrong with folds', async () => {
    const { code, err } = await nnHere('train', config, 'data.folds=4', 'data.fold=5', '--runs-dir', runsDir);
    expect(code).toBe(2);
    expect(err).toContain('data.split.test: each of the data.folds is the test split in turn');
    expect(err).toContain('override "data.fold=5": data.fold: there are only 4 folds');
  });
});

describe('a cross-validation that gets SIGINT', () => {
  it('stops in its fold with 130 and goes on to the bits of one that was not stopped', async () => {
    const args = [config, ...folds, 'train.max_epochs=40', 'train.checkpoint_every=20', '--runs-dir', runsDir];
    const running = start('train', ...args, '--name', 'interrupted');
    await until(() => running.err().includes('fold 2/4  epoch 1/'), running);
    running.child.kill('SIGINT');
    expect(await running.ended).toEqual({ code: 130, signal: null });
    const run = runOf(runsDir, 'interrupted');
    expect(running.err()).toContain(`resume with: nn train --resume ${run}`);
    expect(json(join(run, 'summary.json'))).toMatchObject({ status: 'interrupted' });
    const { summary } = await crossValidated('--resume', run);
    const { summary: whole } = await crossValidated(...args, '--name', 'not-interrupted');
    expect(foldsOf(run).map(digest)).toEqual(foldsOf(whole.run_dir).map(digest));
    expect(summary.test).toEqual(whole.test);
  });
});
