/**
 * `npm run bench -- csv [--megabytes 1000] [--threads N]`: a CSV file of a gigabyte, made here and deleted afterwards, goes through
 * `nn data`, `nn train` (400 steps) and `nn eval` with `data.cache: disk`. For each: seconds, megabytes of CSV a second, and the most
 * memory that the process held (maxRSS). Thirteen columns are numbers, four categories; one value in fifty is missing.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/bin/nn.js', import.meta.url));
const generator = fileURLToPath(new URL('./make-csv.mjs', import.meta.url));
const config = (path) => `
task: classification
data:
  cache: disk
  source:
    csv: {path: ${path}, target: label, missing: mean}
  split: {val: 0.1, test: 0.1}
  preprocess: [standardize]
model:
  layers: [{dense: {units: 64, activation: relu}}, {dense: {units: 3}}]
optimizer: {adam: {lr: 0.002}}
train: {batch_size: 256, max_steps: 400, eval_batch_size: 1000}
`;

export async function csv({ node, say, number, megabytes, threads }) {
  const folder = mkdtempSync(join(tmpdir(), 'nn-csv-'));
  try {
    const file = join(folder, 'large.csv');
    // In a process of its own: what a process has held at most counts for those that it starts.
    const made = spawnSync(node, [generator, file, String(Number(megabytes) * 1e6)], { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(made.stderr);
    const rows = Number(made.stdout);
    const size = statSync(file).size / 1e6;
    say(`${rows} rows, ${size.toFixed(0)} MB`);
    writeFileSync(join(folder, 'csv.yaml'), config(file));
    const common = ['--quiet', '--threads', threads.split(',').at(-1)];
    const measured = (name, args) => {
      const start = performance.now();
      // Says on its way out what it has held.
      const report = 'process.on("exit", () => console.log(process.resourceUsage().maxRSS))';
      const loader = ['--import', `data:text/javascript,${encodeURIComponent(report)}`];
      const { status, stdout, stderr } = spawnSync(node, [...loader, program, ...args], { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      const seconds = (performance.now() - start) / 1000;
      const peak_mb = Number(stdout.trim().split('\n').at(-1)) / 1024;
      say(`${name.padEnd(9)} ${number(seconds, 7, 1)} s ${number(size / seconds, 7, 0)} MB/s ${number(peak_mb, 7, 0)} MB at most`); // prettier-ignore
      return { name, seconds, mb_per_s: size / seconds, peak_mb };
    };
    const inFolder = [...common, '--runs-dir', folder];
    const train = measured('nn train', ['train', join(folder, 'csv.yaml'), ...inFolder]);
    const [run] = readdirSync(join(folder, 'csv'));
    const checkpoint = join(folder, 'csv', run, 'checkpoints', 'best.safetensors');
    return [
      train,
      measured('nn eval', ['eval', checkpoint, ...common, '--split', 'test']),
      measured('nn data', ['data', join(folder, 'csv.yaml'), ...common]),
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
