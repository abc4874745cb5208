/** A run with `data.cache: disk` is, bit for bit, the run with its data in memory. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostRandom } from '../../src/tensor/index.js';
import { trained } from './circle.js';
import { digest, hasCheckpoint, nnHere, rows, runOf, start, tempFolder, until } from './helpers.js';

const folder = tempFolder();
const scratch = join(folder, 'scratch');
mkdirSync(scratch);
const random = hostRandom(1, 'cache');
const lines = Array.from({ length: 12_000 }, (_, i) => {
  const [x, y] = [random.normal(), random.normal()];
  const word = ['red', 'green', 'blue'][random.below(3)];
  return `${i % 40 === 7 ? '' : x.toFixed(6)},${y.toFixed(3)},${word},${x * x + y * y < 1 ? 'inner' : 'outer'}`;
});
writeFileSync(join(folder, 'circle.csv'), `x,y,word,side\n${lines.join('\n')}\n`);
const config = join(folder, 'circle.yaml');
writeFileSync(
  config,
  `name: circle
task: classification
data:
  source: {csv: {path: circle.csv, target: side, missing: mean}}
  split: {val: 0.1, test: 0.1, stratify: true}
  preprocess: [standardize]
  augment: [{feature_noise: {std: 0.1}}]
model: {layers: [{dense: {units: 16, activation: relu}}, batch_norm, {dropout: {rate: 0.1}}, {dense: {units: 2}}]}
optimizer: {adam: {lr: 0.01}}
train: {max_epochs: 2, batch_size: 100, eval_batch_size: 70}
`,
);
const disk = ['data.cache=disk', `data.cache_dir=${scratch}`];
const run = (name: string, ...more: string[]) =>
  trained(config, '--runs-dir', join(folder, 'runs'), '--name', name, ...more);

describe('nn train with data.cache: disk', () => {
  it.each([1, 2])('gives the weights and figures of the run in memory, on %i threads', async (threads) => {
    const more = ['--threads', String(threads)];
    const resident = await run(`memory-${threads}`, ...more);
    const stored = await run(`disk-${threads}`, ...disk, ...more);
    expect(digest(stored.run_dir)).toBe(digest(resident.run_dir));
    expect(rows(stored.run_dir)).toEqual(rows(resident.run_dir));
    expect(stored.test).toEqual(resident.test);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('resumes exactly, in the middle of an epoch', async () => {
    const part = await run('part', ...disk, '--max-time', '0s');
    expect(part).toMatchObject({ steps: 1, epochs: 0 });
    await trained('--resume', part.run_dir);
    const whole = await run('whole');
    expect(digest(part.run_dir)).toBe(digest(whole.run_dir));
    expect(rows(part.run_dir)).toEqual(rows(whole.run_dir));
  });

  it('stops early at the same epoch, with the same weights put back', async () => {
    const early = ['train.early_stopping={patience: 1, min_delta: 1}', 'train.max_epochs=9', 'train.weight_average={}'];
    const resident = await run('early-memory', ...early);
    const stored = await run('early-disk', ...early, ...disk);
    expect(resident.status).toBe('early_stopped');
    expect(stored).toMatchObject({ status: 'early_stopped', epochs: resident.epochs, test: resident.test });
    expect(digest(stored.run_dir)).toBe(digest(resident.run_dir));
  });

  it('validates across folds as in memory', async () => {
    const folds = ['data.folds=2', 'data.split={val: 0.1}', 'train.max_epochs=1'];
    const [resident, stored] = [await run('folds-memory', ...folds), await run('folds-disk', ...folds, ...disk)];
    expect(stored.test).toEqual(resident.test);
  });

  it('stops on Ctrl-C and resumes exactly, on two threads', async () => {
    const more = ['train.max_epochs=30', 'train.checkpoint_every=5', '--threads', '2'];
    const running = start('train', config, '--runs-dir', join(folder, 'runs'), '--name', 'stopped', ...disk, ...more);
    await until(() => hasCheckpoint(join(folder, 'runs'), 'stopped'), running);
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    const stopped = runOf(join(folder, 'runs'), 'stopped');
    await trained('--resume', stopped);
    const whole = await run('not-stopped', 'train.max_epochs=30');
    expect(digest(stopped)).toBe(digest(whole.run_dir));
  });

  it('leaves nothing behind when it is killed, and goes on afterwards', async () => {
    const name = 'killed';
    const more = ['train.max_epochs=400', 'train.checkpoint_every=5'];
    const running = start('train', config, '--runs-dir', join(folder, 'runs'), '--name', name, ...disk, ...more);
    await until(() => hasCheckpoint(join(folder, 'runs'), name), running);
    running.child.kill('SIGKILL');
    await running.ended;
    expect(readdirSync(scratch)).toEqual([]);
    const resumed = await nnHere('train', '--resume', runOf(join(folder, 'runs'), name), '--max-time', '0s');
    expect(resumed.code, resumed.err).toBe(0);
  });
});

describe('what else takes data.cache: disk', () => {
  it('is nn eval, on a checkpoint of either', async () => {
    const { run_dir, test } = await run('measured');
    const best = join(run_dir, 'checkpoints', 'best.safetensors');
    const { code, out, err } = await nnHere('eval', best, 'data.cache=disk', '--split', 'test', '--json');
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ...test });
  });

  it('is nn data, which finds the same', async () => {
    const [resident, stored] = [
      await nnHere('data', config, '--json'),
      await nnHere('data', config, ...disk, '--json'),
    ];
    expect(stored.code, stored.err).toBe(0);
    expect(JSON.parse(stored.out)).toEqual(JSON.parse(resident.out));
    expect(stored.err).toBe(resident.err);
  });

  it.each([
    ['overfit-batch', [0, 3]],
    ['gradcheck', [0]],
    ['check', [0]],
  ] as const)('is nn %s', async (command, codes) => {
    const small = command === 'overfit-batch' ? ['train.batch_size=8'] : [];
    const resident = await nnHere(command, config, ...small, '--json');
    const stored = await nnHere(command, config, ...small, ...disk, '--json');
    expect(codes).toContain(stored.code);
    const without = (text: string): unknown => JSON.parse(text.replace(/"(data|inputs|step_total|run_total)":\d+/g, '"$1":0')); // prettier-ignore
    expect(without(stored.out)).toEqual(without(resident.out));
  });

  it('is a reconstruction', async () => {
    const file = join(folder, 'reconstruction.yaml');
    const text = readFileSync(config, 'utf8')
      .replace('classification', 'reconstruction')
      .replace(', stratify: true', '');
    writeFileSync(file, text.replace('target: side', 'drop: [side]').replace('units: 2', 'units: 5'));
    const train = (name: string, ...more: string[]) => trained(file, '--runs-dir', folder, '--name', name, ...more);
    const [resident, stored] = [await train('same-memory'), await train('same-disk', ...disk)];
    expect(digest(stored.run_dir)).toBe(digest(resident.run_dir));
  });
});

describe('nn train on images with data.cache: disk', () => {
  const photos = join(folder, 'photos.yaml');
  writeFileSync(
    photos,
    `name: photos
task: classification
data:
  source: {images: {path: ${join(process.cwd(), 'datasets', 'digit-images')}, color: grayscale, size: 10}}
  split: {val: 40, test: 0.2, stratify: true}
  preprocess: [standardize]
  augment: [{rotate: {degrees: 12}}, {elastic: {}}, {brightness: {}}, {cutout: {}}, {mixup: {}}]
model: {layers: [{conv2d: {filters: 4, kernel_size: 3, activation: relu}}, batch_norm, flatten, {dropout: {rate: 0.1}}, {dense: {units: 10}}]}
optimizer: {adam: {lr: 0.01}}
train: {max_epochs: 2, batch_size: 30, eval_batch_size: 25}
`,
  );
  const shown = (name: string, ...more: string[]) =>
    trained(photos, '--runs-dir', join(folder, 'runs'), '--name', name, ...more);

  it.each([1, 2])('gives the weights and figures of the run in memory, augmented, on %i threads', async (threads) => {
    const more = ['--threads', String(threads)];
    const resident = await shown(`photos-memory-${threads}`, ...more);
    const stored = await shown(`photos-disk-${threads}`, ...disk, ...more);
    expect(digest(stored.run_dir)).toBe(digest(resident.run_dir));
    expect(rows(stored.run_dir)).toEqual(rows(resident.run_dir));
    expect(stored.test).toEqual(resident.test);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('resumes exactly, in the middle of an epoch', async () => {
    const part = await shown('photos-part', ...disk, '--max-time', '0s');
    expect(part).toMatchObject({ steps: 1, epochs: 0 });
    await trained('--resume', part.run_dir);
    const whole = await shown('photos-whole');
    expect(digest(part.run_dir)).toBe(digest(whole.run_dir));
  });

  it('previews the augmentations of the samples in memory', async () => {
    const sheet = async (name: string, ...more: string[]): Promise<Buffer> => {
      const { code, err } = await nnHere('augment', photos, '--out', join(folder, name), ...more);
      expect(code, err).toBe(0);
      return readFileSync(join(folder, name));
    };
    expect((await sheet('disk.png', ...disk)).equals(await sheet('memory.png'))).toBe(true);
  });

  it.each([
    ['data', [0]],
    ['check', [0]],
    ['gradcheck', [0]],
  ] as const)('finds the same as in memory: nn %s', async (command, codes) => {
    const resident = await nnHere(command, photos, '--json');
    const stored = await nnHere(command, photos, ...disk, '--json');
    expect(codes).toContain(stored.code);
    const without = (text: string): unknown => JSON.parse(text.replace(/"(data|inputs|arena|step_total|run_total)":\d+/g, '"$1":0')); // prettier-ignore
    expect(without(stored.out)).toEqual(without(resident.out));
  });
});

describe('nn train with data.cache: disk and no room for the file', () => {
  it('says so, and names the folder', () => {
    const words = [process.execPath, 'dist/bin/nn.js', 'train', config, '--runs-dir', folder, ...disk];
    // A limit on the size of files stands for a full disk.
    const { status, stderr } = spawnSync('sh', ['-c', `ulimit -f 100; exec "$@"`, 'sh', ...words], { encoding: 'utf8' }); // prettier-ignore
    expect(status).toBe(2);
    expect(stderr).toBe(
      `${scratch}: the temporary file of data.cache: disk is larger than the file system allows\n` +
        '  hint: set data.cache_dir or TMPDIR to a folder with enough space\n',
    );
    expect(readdirSync(scratch)).toEqual([]);
  });
});
