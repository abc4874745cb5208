import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { meanAndSpread } from '../../src/train/index.js';
import { writeExperiment } from './circle.js';
import { digest, hasCheckpoint, hasFile, nn, nnHere, runOf, start, tempFolder, until } from './helpers.js';

const folder = tempFolder();
const configs = ['configs/smoke.yaml', 'configs/iris.yaml'];

interface Comparison {
  readonly figures: string[];
  readonly seeds: number[];
  readonly configs: {
    readonly name: string;
    readonly count: number;
    readonly figures: { mean: Record<string, number>; std?: Record<string, number> };
    readonly gain?: { mean: number; std?: number };
    readonly runs: {
      seed: number;
      fold?: number;
      status: string;
      run_dir: string;
      reused: boolean;
      figures?: Record<string, number>;
    }[];
  }[];
}

async function compared(
  runs: string,
  ...args: string[]
): Promise<{ code: number | null; err: string; result: Comparison }> {
  const { code, out, err } = await nnHere('compare', ...configs, '--runs-dir', join(folder, runs), '--json', ...args);
  return { code, err, result: JSON.parse(out) as Comparison };
}

describe('nn compare', () => {
  it('trains each config with each seed, and prints means, spreads and gains over the first', async () => {
    const { code, err, result } = await compared('a', '--seeds', '2', 'train.max_epochs=2');
    expect(code, err).toBe(0);
    expect(result).toMatchObject({ figures: ['test/accuracy', 'test/loss', 'train/accuracy'], seeds: [1, 2] });
    expect(result.configs.map(({ name, count }) => [name, count])).toEqual([['smoke', 2], ['iris', 2]]); // prettier-ignore
    const [smoke, iris] = result.configs.map(({ runs }) => runs.map(({ figures }) => figures?.['test/accuracy'] ?? NaN)); // prettier-ignore
    expect(result.configs[1].gain?.mean).toBeCloseTo((iris[0] - smoke[0] + iris[1] - smoke[1]) / 2, 12);
    expect(err).toMatch(/^config +runs +test\/accuracy +gain +test\/loss +train\/accuracy +time$/m);
    expect(err).toMatch(/^smoke +2 +0\.\d+ ± 0\.?\d* +- /m);
    expect(err).toMatch(/^iris +2 +0\.\d+ ± 0\.?\d* +[+-]?0\.?\d* ± /m);
  });

  it('gives the bits of nn train with the same seed', async () => {
    const { result } = await compared('b', '--seeds', '5,3', 'train.max_epochs=2');
    expect(result.seeds).toEqual([5, 3]);
    const { out } = await nnHere('train', configs[0], '--seed', '3', '--runs-dir', join(folder, 'c'), '--json', 'train.max_epochs=2'); // prettier-ignore
    expect(digest(result.configs[0].runs[1].run_dir)).toBe(digest((JSON.parse(out) as { run_dir: string }).run_dir));
  });

  it('takes runs that are there already, unless something is another', () => {
    // Processes of their own, as what a run was started with is known by its command line.
    const again = (...args: string[]): boolean[] => {
      const { out } = nn('compare', ...configs, '--runs-dir', join(folder, 'd'), '--json', '--seeds', '1', ...args);
      return (JSON.parse(out) as Comparison).configs.map(({ runs }) => runs[0].reused);
    };
    expect(again('train.max_epochs=2')).toEqual([false, false]);
    expect(again('train.max_epochs=2')).toEqual([true, true]);
    expect(again('train.max_epochs=3')).toEqual([false, false]);
    expect(again('train.max_epochs=2', '--backend', 'reference')).toEqual([false, false]);
    expect(again('train.max_epochs=2', '--fresh')).toEqual([false, false]);
    expect(again('train.max_epochs=2', '--backend', 'reference')).toEqual([true, true]);
    expect(again('train.max_epochs=2', '--no-winograd')).toEqual([false, false]);
    // A run of one batch has the same config and is no run of it.
    nn('train', configs[0], '--seed', '1', '--runs-dir', join(folder, 'd'), '--fast-dev-run', 'train.max_epochs=4');
    expect(again('train.max_epochs=4')).toEqual([false, false]);
  });

  it('shows the figures that are asked for, and gains in the first of them', async () => {
    const { result } = await compared('a', '--seeds', '2', '--figures', 'test/loss,train/loss', 'train.max_epochs=2');
    expect(Object.keys(result.configs[0].figures.mean)).toEqual(['test/loss', 'train/loss']);
    const [smoke, iris] = result.configs.map(({ figures }) => figures.mean['test/loss']);
    expect(result.configs[1].gain?.mean).toBeCloseTo(smoke - iris, 12);
  });

  it('goes on after a run that failed, and ends with 1', async () => {
    const { code, err, result } = await compared('e', '--seeds', '1', 'optimizer={sgd: {lr: 1e30}}');
    expect(code).toBe(1);
    expect(result.configs.map(({ count, runs }) => [count, runs[0].status])).toEqual([[0, 'failed'], [1, 'completed']]); // prettier-ignore
    expect(err).toMatch(/^smoke +0 of 1 +- +- /m);
  });

  it('stops at Ctrl-C with 130; the same command continues, in the run that was stopped, to the same bits', async () => {
    const runs = join(folder, 'f');
    const small = ['configs/mnist-mlp.yaml', 'data.limit_train=2000', 'data.limit_test=200', 'data.split.val=500', 'train.batch_size=16', 'train.checkpoint_every=50', 'train.max_epochs=6']; // prettier-ignore
    const args = ['compare', ...small, '--runs-dir', runs, '--seeds', '1'];
    const running = start(...args);
    await until(() => hasCheckpoint(runs, 'mnist-mlp'), running);
    running.child.kill('SIGINT');
    expect((await running.ended).code, running.err()).toBe(130);
    expect(running.err()).toContain('stopped after 0 of 1 runs: run the same command to continue');
    const { code, err } = nn(...args);
    expect(code, err).toBe(0);
    expect(readdirSync(join(runs, 'mnist-mlp'))).toHaveLength(1);
    nn('train', ...small, '--seed', '1', '--runs-dir', join(folder, 'h'));
    expect(digest(runOf(runs, 'mnist-mlp'))).toBe(digest(runOf(join(folder, 'h'), 'mnist-mlp')));
  });

  it.each([
    [['--seeds', 'few'], '--seeds: expected how many'],
    [['--seeds', '0'], '--seeds: expected how many'],
    [['--figures', 'test/f1'], 'has no figure "test/f1", only train/loss'],
    [['--figures', 'test/f1'], '\n  --figures names those to compare by; every config must have them'],
    [['configs/mising.yaml'], 'mising.yaml'],
  ])('%j: exits with 2', async (args, text) => {
    const { code, err } = await nnHere('compare', ...configs, ...args, '--runs-dir', join(folder, 'g'));
    expect(code).toBe(2);
    expect(err).toContain(text);
  });
});

describe('what nn compare says', () => {
  it('is which config, seed and fold is running, and that data differ', async () => {
    const args = ['--seeds', '2', 'train.max_epochs=1', '--runs-dir', join(folder, 'said')];
    const { err } = await nnHere('compare', 'configs/smoke.yaml', 'configs/spirals.yaml', ...args);
    expect(err).toContain('warning: the data of configs/spirals.yaml are not those of configs/smoke.yaml');
    expect(err).toMatch(/^\[1\/4\] smoke, seed 1: running\n\[1\/4\] smoke, seed 1: test/m);
    expect(err).toMatch(/^\[4\/4\] spirals, seed 2: running$/m);
    const again = await nnHere('compare', 'configs/smoke.yaml', 'configs/iris.yaml', ...args);
    expect(again.err).not.toMatch(/the data of/);
    expect(again.err).not.toMatch(/smoke, seed 1: running/);
  });

  it('are figures of one epoch: that whose weights were tested', async () => {
    const { out } = await nnHere('compare', 'configs/smoke.yaml', '--seeds', '2', 'train.max_epochs=30', 'optimizer.lr=0.3', '--figures', 'val/loss,train/loss', '--json', '--runs-dir', join(folder, 'epoch')); // prettier-ignore
    for (const { run_dir, figures } of (JSON.parse(out) as Comparison).configs[0].runs) {
      const { best } = JSON.parse(readFileSync(join(run_dir, 'summary.json'), 'utf8')) as {
        best: Record<string, number>;
      };
      expect(best.epoch).toBeLessThan(30);
      expect(figures).toMatchObject({ 'val/loss': best['val/loss'], 'train/loss': best['train/loss'] });
    }
  });

  it.runIf(process.platform === 'linux')('goes on with a run that was killed', async () => {
    const args = ['compare', 'configs/smoke.yaml', '--seeds', '1', 'train.max_epochs=400', '--runs-dir', join(folder, 'killed')]; // prettier-ignore
    const running = start(...args);
    await until(() => hasCheckpoint(join(folder, 'killed'), 'smoke'), running);
    running.child.kill('SIGKILL');
    await running.ended;
    const { code, err } = await nnHere(...args);
    expect(code, err).toBe(0);
    expect(readdirSync(join(folder, 'killed', 'smoke'))).toHaveLength(1);
    expect(readFileSync(join(runOf(join(folder, 'killed'), 'smoke'), 'log.txt'), 'utf8')).toContain(
      'resumed after step',
    );
  });
});

describe('nn compare of cross-validated configs', () => {
  const circle = writeExperiment(folder);
  const folds = ['data.folds=3', 'data.split={stratify: true}'];
  /** The circle with and without hidden units, from files that differ in one line. */
  const linear = join(folder, 'linear.yaml');
  const text = readFileSync(circle, 'utf8').replace('name: circle', 'name: linear').replace('units: 8, activation: relu', 'units: 8'); // prettier-ignore
  writeFileSync(linear, text);
  const compare = async (runs: string, ...args: string[]): Promise<{ err: string; result: Comparison }> => {
    const { code, out, err } = await nnHere('compare', ...args, ...folds, '--runs-dir', join(folder, runs), '--json');
    expect(code, err).toBe(0);
    return { err, result: JSON.parse(out) as Comparison };
  };

  it('gives mean and spread over the folds, and gains fold by fold', async () => {
    const { err, result } = await compare('k', circle, linear);
    expect(result.seeds).toEqual([1]);
    expect(result.configs.map(({ name, count }) => [name, count])).toEqual([['circle', 3], ['linear', 3]]); // prettier-ignore
    const [ours, theirs] = result.configs.map(({ runs }) => runs.map(({ figures }) => figures?.['test/accuracy'] ?? NaN)); // prettier-ignore
    expect(result.configs[0].figures.mean['test/accuracy']).toBeCloseTo(ours.reduce((a, b) => a + b) / 3, 12);
    const { mean, std } = meanAndSpread(ours.map((accuracy, i) => ({ gain: theirs[i] - accuracy })));
    expect(result.configs[1].gain).toEqual({ mean: mean.gain, std: std?.gain });
    expect(err).toMatch(/^\[6\/6\] linear, seed 1, 3 of 3 folds: test\/accuracy [\d.]+ ± /m);
  });

  it('has the runs of nn train with the same seed, and takes a cross-validation that is there', async () => {
    const runsDir = join(folder, 'l');
    const { out } = await nnHere('train', circle, ...folds, '--seed', '2', '--runs-dir', runsDir, '--json');
    const { test, run_dir } = JSON.parse(out) as { test: Record<string, number>; run_dir: string };
    const { result } = await compare('l', circle, '--seeds', '1,2');
    expect(result.configs[0].runs.map(({ seed, fold, reused }) => [seed, fold, reused])).toEqual(
      [[1, 1, false], [1, 2, false], [1, 3, false], [2, 1, true], [2, 2, true], [2, 3, true]]); // prettier-ignore
    const second = result.configs[0].runs.slice(3);
    expect(second[0].run_dir).toBe(join(run_dir, 'folds', '1'));
    expect(second.reduce((sum, { figures }) => sum + (figures?.['test/loss'] ?? NaN), 0) / 3).toBeCloseTo(
      test.loss,
      12,
    );
  });

  it('goes on after Ctrl-C in a fold, to the figures of a comparison that was not stopped', async () => {
    const long = ['train.max_epochs=200', 'train.checkpoint_every=20', '--seeds', '1'];
    const running = start('compare', circle, ...folds, ...long, '--runs-dir', join(folder, 'm'));
    await until(() => hasFile(join(folder, 'm'), 'circle', 'folds', '2', 'metrics.csv'), running); // prettier-ignore
    running.child.kill('SIGINT');
    expect((await running.ended).code, running.err()).toBe(130);
    // The second fold may have ended by then.
    expect(running.out()).toMatch(/^circle +[12] .*$/m);
    expect(running.err()).toMatch(/^stopped after [12] of 3 runs: run the same command to continue$/m);
    const { result } = await compare('m', circle, ...long);
    expect(readdirSync(join(folder, 'm', 'circle'))).toHaveLength(1);
    const whole = await compare('n', circle, ...long);
    expect(result.configs[0].figures).toEqual(whole.result.configs[0].figures);
  });

  it('counts the folds that ended before one failed, and ends with 1', async () => {
    const { code, out } = await nnHere('compare', circle, ...folds, 'optimizer={sgd: {lr: 1e30}}', '--seeds', '1', '--runs-dir', join(folder, 'o'), '--json'); // prettier-ignore
    expect(code).toBe(1);
    const { configs } = JSON.parse(out) as Comparison;
    expect(configs[0].runs.map(({ status }) => status)).toEqual(['failed']);
  });
});
