/** The tasks beside one class and numbers, from a config to `nn eval`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/runs/index.js';
import { hostRandom } from '../../src/tensor/index.js';
import { trained } from './circle.js';
import { nnHere, tempFolder } from './helpers.js';

const folder = tempFolder();
const runs = ['--runs-dir', join(folder, 'runs')];

/** Points of the plane, with two labels: right of the middle, and above it. */
function writePoints(): void {
  const random = hostRandom(4, 'points');
  const lines = Array.from({ length: 200 }, () => {
    const [x, y] = [random.normal(), random.normal()];
    return `${x.toFixed(4)},${y.toFixed(4)},${x > 0 ? 1 : 0},${y > 0 ? 1 : 0}`;
  });
  writeFileSync(join(folder, 'points.csv'), `x,y,right,above\n${lines.join('\n')}\n`);
}

const config = (parts: string): string => `seed: 1
${parts}
optimizer: {adam: {lr: 0.05}}
train: {max_epochs: 12, batch_size: 16}
`;

describe('task: multilabel', () => {
  it('learns several yes-or-no labels, and keeps their names in the checkpoint', async () => {
    writePoints();
    const path = join(folder, 'labels.yaml');
    writeFileSync(
      path,
      config(`task: multilabel
data:
  source: {csv: {path: points.csv, target: [right, above]}}
  split: {test: 0.2}
model: {layers: [dense: {units: 2}]}
metrics: [accuracy, f1]`),
    );
    const summary = await trained(path, ...runs);
    expect(summary.test?.accuracy).toBeGreaterThan(0.95);
    expect(summary.test?.f1).toBeGreaterThan(0.95);
    const checkpoint = join(summary.run_dir, 'checkpoints', 'last.safetensors');
    expect(loadCheckpoint(checkpoint).meta.classes).toEqual(['right', 'above']);
    const { out } = await nnHere('eval', checkpoint, '--json');
    expect(JSON.parse(out)).toMatchObject({ samples: 40, ...summary.test });
    expect((await nnHere('check', path)).out).toContain('multilabel, 2 labels');
  });

  it('says so where classification has several target columns', async () => {
    writePoints();
    const path = join(folder, 'classes.yaml');
    writeFileSync(
      path,
      config(`task: classification
data: {source: {csv: {path: points.csv, target: [right, above]}}}
model: {layers: [dense: {units: 2}]}`),
    );
    const { code, err } = await nnHere('check', path);
    expect(code).toBe(2);
    expect(err).toContain('for several yes-or-no labels set task: multilabel');
  });
});

describe('task: reconstruction', () => {
  it('trains an autoencoder with tied weights, evaluates it and shares its table', async () => {
    const run = ['configs/digits-autoencoder.yaml', 'train.max_epochs=3', ...runs];
    const summary = await trained(...run);
    expect(Object.keys(summary.test ?? {})).toEqual(['loss', 'rmse', 'r2']);
    const { out } = await nnHere('eval', join(summary.run_dir, 'checkpoints', 'best.safetensors'), '--json');
    expect(JSON.parse(out)).toMatchObject({ ...summary.test });
    const { out: report } = await nnHere('check', 'configs/digits-autoencoder.yaml', '--json');
    const { memory, parameters } = JSON.parse(report) as { memory: { data: number }; parameters: number };
    expect(parameters).toBe(64 * 12 + 12 + 64);
    expect(memory.data).toBe(1797 * 64 * 4);
  });
});
