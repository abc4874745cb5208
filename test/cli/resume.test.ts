import { appendFileSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Provenance, readMetrics } from '../../src/runs/index.js';
import { trained, writeCircle, writeExperiment } from './circle.js';
import { digest, nnHere, rows, tempFolder } from './helpers.js';

const folder = tempFolder();
const config = writeExperiment(folder);
const runsDir = join(folder, 'runs');
describe('nn train --resume', () => {
  it('goes on from the middle of the first epoch after --max-time', async () => {
    const whole = await trained(config, '--runs-dir', runsDir, '--name', 'whole');
    const part = await trained(config, '--runs-dir', runsDir, '--name', 'part', '--max-time', '0s');
    expect(part).toMatchObject({ steps: 1, epochs: 0, reason: 'max_time' });
    await trained('--resume', part.run_dir);
    expect(digest(part.run_dir)).toBe(digest(whole.run_dir));
    expect(rows(part.run_dir)).toEqual(rows(whole.run_dir));
  });

  it('leaves a finished run as it is, and prints its summary', async () => {
    const summary = await trained(config, '--runs-dir', runsDir, '--name', 'finished');
    const { code, out, err } = await nnHere('train', '--resume', summary.run_dir, '--json');
    expect(code).toBe(0);
    expect(err).toContain('this run is finished (completed after 3 epochs): nothing to do\n');
    expect(JSON.parse(out)).toEqual(summary);
  });

  it('refuses to go on where the data have changed', async () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    const part = await trained(writeExperiment(own), '--runs-dir', join(own, 'runs'), '--max-time', '0s');
    appendFileSync(join(own, 'circle.csv'), '0.1,0.2,inner\n');
    const { code, err } = await nnHere('train', '--resume', part.run_dir);
    expect(code).toBe(2);
    expect(err).toContain('circle.csv: has changed since the run began');
    writeCircle(join(own, 'circle.csv'), 120);
    expect((await nnHere('train', '--resume', part.run_dir)).code).toBe(0);
  });

  it('takes no option that would make it another run', async () => {
    for (const option of [['--seed', '1'], ['--name', 'x'], ['--fast-dev-run']]) {
      const { code, err } = await nnHere('train', '--resume', folder, ...option);
      expect(code).toBe(2);
      expect(err).toContain(`--resume takes no ${option[0]}`);
    }
  });

  it('goes on where the whole project has been moved', async () => {
    const before = join(folder, 'before');
    mkdirSync(before);
    const part = await trained(writeExperiment(before), '--runs-dir', join(before, 'runs'), '--max-time', '0s');
    renameSync(before, join(folder, 'after'));
    const moved = part.run_dir.replace(before, join(folder, 'after'));
    const whole = await trained('--resume', moved);
    const { out } = await nnHere('eval', join(moved, 'checkpoints', 'best.safetensors'), '--json');
    expect(JSON.parse(out)).toMatchObject({ ...whole.test });
  });

  it('goes on counting the time', async () => {
    const options = ['--runs-dir', runsDir, '--name', 'time', 'train.max_epochs=30'];
    const part = await trained(config, ...options, '--max-time', '0.05s');
    const whole = await trained('--resume', part.run_dir);
    const times = readMetrics(join(part.run_dir, 'metrics.csv')).rows.map(({ time_s }) => time_s ?? NaN);
    expect(times).toHaveLength(30);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(whole.wall_time_s).toBeGreaterThan(times[29]);
  });

  it('says where a crash came between the best and the last checkpoint, and trains on to the same bits', async () => {
    const options = ['--runs-dir', runsDir, 'train.max_epochs=6', 'optimizer.adam.lr=0.01'];
    const whole = await trained(config, ...options, '--name', 'uncut');
    const part = await trained(config, ...options, '--name', 'cut', '--max-time', '0s');
    // The last checkpoint as it was before the first epoch ended, the best as the whole run left it.
    copyFileSync(
      join(whole.run_dir, 'checkpoints/best.safetensors'),
      join(part.run_dir, 'checkpoints/best.safetensors'),
    );
    const { code, err } = await nnHere('train', '--resume', part.run_dir);
    expect(code, err).toBe(0);
    expect(err).toMatch(/the best checkpoint is of step \d+, the last of step 1: the run was cut off between the two/);
    expect(digest(part.run_dir)).toBe(digest(whole.run_dir));
    expect(rows(part.run_dir)).toEqual(rows(whole.run_dir));
  });

  it('tells a run that no checkpoint was made of how to start anew', async () => {
    const { run_dir } = await trained(config, '--runs-dir', runsDir, '--name', 'empty');
    const empty = join(folder, 'empty');
    mkdirSync(join(empty, 'checkpoints'), { recursive: true });
    copyFileSync(join(run_dir, 'config.yaml'), join(empty, 'config.yaml'));
    writeFileSync(join(empty, 'summary.json'), '{cut off');
    const { code, err } = await nnHere('train', '--resume', empty);
    expect(code).toBe(2);
    expect(err).toContain(`nn train ${join(empty, 'config.yaml')}`);
  });

  it('trains a finished run on, with the schedule of the longer run, and records it', async () => {
    const schedule = ['schedule={cosine: {}}'];
    const short = await trained(config, '--runs-dir', runsDir, '--name', 'short', ...schedule);
    const { code, err, out } = await nnHere('train', '--resume', short.run_dir, 'train.max_epochs=5', '--json');
    expect(code, err).toBe(0);
    expect(err).toContain('train.max_epochs: 3 until now, 5 from here on');
    expect(JSON.parse(out)).toMatchObject({ status: 'completed', epochs: 5 });
    const long = await trained(config, '--runs-dir', runsDir, '--name', 'long', ...schedule, 'train.max_epochs=5');
    const lr = (run: string): (number | undefined)[] => readMetrics(join(run, 'metrics.csv')).rows.map((row) => row.lr);
    expect(lr(short.run_dir).slice(3)).toEqual(lr(long.run_dir).slice(3));
    expect(lr(short.run_dir)).toHaveLength(5);
    const provenance = JSON.parse(readFileSync(join(short.run_dir, 'provenance.json'), 'utf8')) as Provenance;
    expect(provenance.resumed).toMatchObject([{ changes: [{ key: 'train.max_epochs', from: 3, to: 5 }] }]);
    // Its config is now that of the longer run.
    expect((await nnHere('train', '--resume', short.run_dir)).err).toContain(
      'completed after 5 epochs): nothing to do',
    );
    const shorter = await nnHere('train', '--resume', short.run_dir, 'train.max_epochs=2');
    expect([shorter.code, shorter.err]).toEqual([2, expect.stringContaining('5 epochs and 25 steps are done already')]);
    const other = await nnHere('train', '--resume', short.run_dir, 'optimizer.lr=1');
    expect([other.code, other.err]).toEqual([2, expect.stringContaining('--resume takes no "optimizer.lr=1"')]);
  });

  it.each([
    ['max_epochs: 3', 'max_epochs: 9', 'train.max_epochs was changed since the run began, from 3 to 9'],
    ['seed: 3', 'seed: 2', 'seed was changed since the run began'],
    ['target: side', 'target: side\n      val: extra.csv', 'the source has val files already'],
    ['units: 8', 'units: 9', 'model.layers.0.dense.units was changed since the run began, from 8 to 9'],
  ])('refuses to go on where its config was edited: %s', async (from, to, text) => {
    const part = await trained(config, '--runs-dir', runsDir, '--name', 'edited', '--max-time', '0s');
    const file = join(part.run_dir, 'config.yaml');
    const written = readFileSync(file, 'utf8');
    expect(written).toContain(from);
    writeFileSync(file, written.replace(from, to));
    const { code, err } = await nnHere('train', '--resume', part.run_dir);
    expect([code, err]).toEqual([2, expect.stringContaining(text)]);
    expect(err).not.toContain('internal error');
    writeFileSync(file, written);
    expect((await nnHere('train', '--resume', part.run_dir)).code).toBe(0);
  });

  it('says what is missing: the best weights are refused, rows of metrics are lost', async () => {
    const args = ['--runs-dir', runsDir, '--name', 'missing', 'data.split={val: 30}', 'train.max_epochs=2'];
    const { run_dir } = await trained(config, ...args);
    const best = join(run_dir, 'checkpoints', 'best.safetensors');
    renameSync(best, `${best}.away`);
    const refused = await nnHere('train', '--resume', run_dir, 'train.max_epochs=3');
    expect([refused.code, refused.err]).toEqual([2, expect.stringMatching(/best\.safetensors: is gone, and holds the best weights so far, of epoch [12]/)]); // prettier-ignore
    renameSync(`${best}.away`, best);
    rmSync(join(run_dir, 'metrics.csv'));
    const { code, err } = await nnHere('train', '--resume', run_dir, 'train.max_epochs=3');
    expect(code, err).toBe(0);
    expect(err).toContain('warning: metrics.csv has rows of 0 of the 2 epochs that are done: the others are lost');
  });
});
