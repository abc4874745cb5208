import { appendFileSync, copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMetrics } from '../../src/runs/index.js';
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
});
