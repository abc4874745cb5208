import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint, type Provenance } from '../../src/runs/index.js';
import { trained, writeExperiment } from './circle.js';
import { digest, nnHere, rows, tempFolder } from './helpers.js';

const folder = tempFolder();
const config = writeExperiment(folder);
const runs = ['--runs-dir', join(folder, 'runs')];
const batchNorm = 'model.layers.1=batch_norm';

/** The values of a run's last checkpoint. */
const weightsOf = (runDir: string, kind = 'last'): Map<string, number[]> =>
  new Map([...loadCheckpoint(join(runDir, 'checkpoints', `${kind}.safetensors`)).tensors].map(([name, { values }]) => [name, Array.from(values, Number)])); // prettier-ignore

/** A rate of 0 and no momentum leave initial weights as they are. */
const still = ['optimizer={sgd: {lr: 0}}', 'train.max_epochs=1'];

describe('init.checkpoint', () => {
  let base = '';
  let best = '';
  beforeAll(async () => {
    base = (await trained(config, ...runs, batchNorm)).run_dir;
    best = join(base, 'checkpoints', 'best.safetensors');
  });

  it('begins with the weights and running statistics of another run, and says so', async () => {
    const from = `init.checkpoint=${best}`;
    const { code, err } = await nnHere('train', config, ...runs, batchNorm, from, ...still, '--name', 'begun');
    expect(code, err).toBe(0);
    expect(err).toContain(`begins with 8 tensors of ${best}`);
    const copy = await trained(config, ...runs, batchNorm, from, ...still);
    const [before, after] = [weightsOf(base, 'best'), weightsOf(copy.run_dir)];
    for (const name of ['layers.0.weight', 'layers.1.weight', 'layers.2.bias']) expect(after.get(name)).toEqual(before.get(name)); // prettier-ignore
    // Five steps move the statistics on from where they were.
    const far = (mean: readonly number[] = []): number => Math.max(...mean.map((x, i) => Math.abs(x - (before.get('layers.1.running_mean')?.[i] ?? NaN)))); // prettier-ignore
    expect(far(after.get('layers.1.running_mean'))).toBeLessThan(0.2);
    expect(far(before.get('layers.1.running_mean')?.map(() => 0))).toBeGreaterThan(0.2);
    const { data } = JSON.parse(readFileSync(join(copy.run_dir, 'provenance.json'), 'utf8')) as Provenance;
    expect(data.map(({ path }) => path)).toEqual([join(folder, 'circle.csv'), best]);
  });

  it('takes some weights by name and draws the others', async () => {
    const some = `init.checkpoint={path: ${best}, parameters: ["layers.0.*"]}`;
    const fine = await trained(config, ...runs, batchNorm, some, ...still);
    const drawn = await trained(config, ...runs, batchNorm, ...still);
    const [before, after, usual] = [weightsOf(base, 'best'), weightsOf(fine.run_dir), weightsOf(drawn.run_dir)];
    expect(after.get('layers.0.weight')).toEqual(before.get('layers.0.weight'));
    expect(after.get('layers.2.weight')).toEqual(usual.get('layers.2.weight'));
    expect(usual.get('layers.0.weight')).not.toEqual(before.get('layers.0.weight'));
  });

  it('takes averaged weights where there are some', async () => {
    const averaged = await trained(config, ...runs, 'train.weight_average={decay: 0.9}');
    const path = join(averaged.run_dir, 'checkpoints', 'last.safetensors');
    const begun = await trained(config, ...runs, `init.checkpoint=${path}`, ...still);
    const [before, after] = [weightsOf(averaged.run_dir), weightsOf(begun.run_dir)];
    expect(after.get('layers.0.weight')).toEqual(before.get('average.layers.0.weight'));
    expect(after.get('layers.0.weight')).not.toEqual(before.get('layers.0.weight'));
  });

  it('leaves a config that runs as it is, and a run that goes on without the checkpoint', async () => {
    const from = `init.checkpoint=${best}`;
    const whole = await trained(config, ...runs, batchNorm, from);
    const again = await trained(join(whole.run_dir, 'config.yaml'), ...runs);
    expect(digest(again.run_dir)).toBe(digest(whole.run_dir));
    const half = await trained(config, ...runs, batchNorm, from, '--max-time', '0s', '--name', 'half');
    const { code, err } = await nnHere('train', '--resume', half.run_dir);
    expect(code, err).toBe(0);
    expect(digest(half.run_dir)).toBe(digest(whole.run_dir));
    expect(rows(half.run_dir)).toEqual(rows(whole.run_dir));
  });

  it.each([
    [
      'a file that is not there',
      () => 'nowhere.safetensors',
      /init\.checkpoint: .*nowhere\.safetensors: .*(no such|not exist|there is no)/i,
    ],
    ['a run directory', () => base, /init\.checkpoint: .* is a folder; did you mean .*best\.safetensors\?/],
    ['what is no checkpoint', () => join(folder, 'circle.csv'), /init\.checkpoint: .*circle\.csv: /],
  ])('refuses %s', async (_, path, message) => {
    const { code, err } = await nnHere('check', config, `init.checkpoint=${path()}`);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('names layer and shapes where a weight has another shape, and what is missing or left over', async () => {
    const wide = await nnHere('check', config, batchNorm, `init.checkpoint=${best}`, 'model.layers.0.units=16');
    expect(wide.code).toBe(2);
    expect(wide.err).toContain("layers.0 (dense) needs layers.0.weight as [2, 16], but the checkpoint's is [2, 8]; init.checkpoint.parameters says"); // prettier-ignore
    expect(wide.err).toContain("layers.1 (batch_norm) needs layers.1.running_mean as [16], but the checkpoint's is [8]"); // prettier-ignore
    const plain = await nnHere('check', config, `init.checkpoint=${best}`);
    expect(plain.code).toBe(2);
    expect(plain.err).toContain('the network has no layers.1.bias, layers.1.running_mean, layers.1.running_var, layers.1.weight, which the checkpoint holds'); // prettier-ignore
    const more = await nnHere('check', config, batchNorm, `init.checkpoint=${best}`, 'model.layers.2={sequential: {layers: [{dense: {units: 2}}]}}'); // prettier-ignore
    expect(more.err).toContain('the checkpoint has no layers.2.0.weight, layers.2.0.bias; ');
    const idle = await nnHere('check', config, batchNorm, `init.checkpoint={path: ${best}, parameters: [layer.*]}`);
    expect(idle.err).toContain(
      'init.checkpoint.parameters[0]: no weight is called "layer.*": there are layers.0.weight',
    );
    expect((await nnHere('check', config, 'init.checkpoint=7')).err).toMatch(/init\.checkpoint: expected /);
  });
});
