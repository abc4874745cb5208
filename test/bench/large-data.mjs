/**
 * `npm run bench -- csv | parquet [--megabytes 1000] | images [--count 10000] [--threads N]`: data that are made here and deleted
 * afterwards go through `nn train`, `nn eval` and `nn data` with `data.cache: disk`, and through `nn train` from memory where they are
 * at most 300 MB of a table, or images. For each: seconds, what the steps of training took in samples a second, and the most memory
 * that the process held (maxRSS). Of the tables thirteen columns are numbers and four categories, one number in fifty is missing, and
 * there are 400 steps, or an epoch where that fits in memory; the images are PNG of 64 x 64 pixels in ten classes, for two epochs.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of a table: with more it is only read from disk. */
const IN_MEMORY_MB = 300;
/** Bytes of a row as `make-parquet.mjs` writes it. */
const PARQUET_ROW = 93;
const script = (name) => fileURLToPath(new URL(name, import.meta.url));
const program = script('../../dist/bin/nn.js');

const tableConfig = (source, isSmall) => `
task: classification
data:
  source: ${source}
  split: {val: 0.1, test: 0.1}
  preprocess: [standardize]
model:
  layers: [{dense: {units: 64, activation: relu}}, {dense: {units: 3}}]
optimizer: {adam: {lr: 0.002}}
train: {batch_size: 256, ${isSmall ? 'max_epochs: 1' : 'max_steps: 400'}, eval_batch_size: 1000}
`;
const imageConfig = (folder) => `
task: classification
data:
  source: {images: {path: ${folder}}}
  split: {val: 0.1, test: 0.1}
  preprocess: [standardize]
model:
  layers:
    - conv2d: {filters: 8, kernel_size: 3, strides: 2, activation: relu}
    - global_avg_pool2d
    - dense: {units: 10}
optimizer: {adam: {lr: 0.01}}
train: {batch_size: 64, max_epochs: 2, eval_batch_size: 250}
`;

export const csv = (options) =>
  inFolder(async (folder) => {
    const file = join(folder, 'large.csv');
    const rows = made(options, 'make-csv.mjs', file, Number(options.megabytes) * 1e6);
    const size = statSync(file).size / 1e6;
    options.say(`${rows} rows, ${size.toFixed(0)} MB`);
    const isSmall = size <= IN_MEMORY_MB;
    const source = `{csv: {path: ${file}, target: label, missing: mean}}`;
    return commands(options, folder, tableConfig(source, isSmall), { size, isSmall });
  });

export const parquet = (options) =>
  inFolder(async (folder) => {
    const file = join(folder, 'large.parquet');
    const rows = Math.round((Number(options.megabytes) * 1e6) / PARQUET_ROW);
    const size = made(options, 'make-parquet.mjs', file, rows) / 1e6;
    options.say(`${rows} rows, ${size.toFixed(0)} MB`);
    const isSmall = size <= IN_MEMORY_MB;
    const source = `{parquet: {path: ${file}, target: label, missing: mean}}`;
    return commands(options, folder, tableConfig(source, isSmall), { size, isSmall });
  });

export const images = (options) =>
  inFolder(async (folder) => {
    const photos = join(folder, 'photos');
    const size = made(options, 'make-images.mjs', photos, options.count, 64) / 1e6;
    options.say(`${options.count} images, ${size.toFixed(0)} MB`);
    return commands(options, folder, imageConfig(photos), { size, isSmall: true });
  });

async function inFolder(use) {
  const folder = mkdtempSync(join(tmpdir(), 'nn-large-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the script prints. It is a process of its own: what a process has held at most counts for those that it starts. */
function made({ node }, name, ...args) {
  const { status, stdout, stderr } = spawnSync(node, [script(name), ...args.map(String)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout);
}

function commands({ node, say, number, threads }, folder, config, { size, isSmall }) {
  const path = join(folder, 'large.yaml');
  writeFileSync(path, config);
  const common = ['--quiet', '--json', '--threads', threads.split(',').at(-1)];
  const measured = (name, args) => {
    const start = performance.now();
    // Says on its way out what it has held. Its threads are given the same code, and keep quiet.
    const report =
      'import { isMainThread } from "node:worker_threads";' +
      'if (isMainThread) process.on("exit", () => console.log(process.resourceUsage().maxRSS))';
    const loader = ['--import', `data:text/javascript,${encodeURIComponent(report)}`];
    const { status, stdout, stderr } = spawnSync(node, [...loader, program, ...args, ...common], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const seconds = (performance.now() - start) / 1000;
    const lines = stdout.trim().split('\n');
    const peak_mb = Number(lines.at(-1)) / 1024;
    const { samples_per_s } = JSON.parse(lines[0]);
    const speed = samples_per_s === undefined ? '' : `, ${number(samples_per_s, 0, 0)} samples/s in steps`;
    say(`${name.padEnd(20)} ${number(seconds, 7, 1)} s ${number(size / seconds, 7, 0)} MB/s ${number(peak_mb, 7, 0)} MB at most${speed}`); // prettier-ignore
    return { name, seconds, mb_per_s: size / seconds, peak_mb, samples_per_s };
  };
  const train = (name, cache) => measured(name, ['train', path, `data.cache=${cache}`, '--runs-dir', join(folder, cache)]); // prettier-ignore
  const rows = isSmall ? [train('nn train from memory', 'memory')] : [];
  rows.push(train('nn train', 'disk'));
  const [run] = readdirSync(join(folder, 'disk', 'large'));
  const checkpoint = join(folder, 'disk', 'large', run, 'checkpoints', 'best.safetensors');
  rows.push(measured('nn eval', ['eval', checkpoint, '--split', 'test']));
  rows.push(measured('nn data', ['data', path, 'data.cache=disk']));
  return rows;
}
