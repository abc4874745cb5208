/**
 * Did a change alter any number? Trains every config of `configs/` for one short epoch and keeps what came out.
 *
 *   node test/bench/same-bits.mjs record OUT.json [--nn dist/bin/nn.js] [--node PATH] [--keep RUNS_DIR] [config ...]
 *   node test/bench/same-bits.mjs compare BEFORE.json AFTER.json
 *
 * `record` hashes each tensor of each checkpoint, and keeps `metrics.csv` without its times and the figures of `summary.json`.
 * `compare` prints every difference in the configs that AFTER has, and exits with 1 if there is one.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SHORT = [
  'train.max_epochs=1',
  'train.max_steps=12',
  'data.limit_train=400',
  'data.limit_val=150',
  'data.limit_test=150',
];

/** Paths of all files with this ending under `folder`, sorted. */
function filesUnder(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();
}

/** sha256 of each tensor of a safetensors file, by name. */
function tensorHashes(path) {
  const bytes = readFileSync(path);
  const headerSize = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerSize).toString('utf8'));
  return Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [start, end],
          },
        ]) => [
          name,
          `${dtype} [${shape}] ${createHash('sha256')
            .update(bytes.subarray(8 + headerSize + start, 8 + headerSize + end))
            .digest('hex')}`,
        ],
      ),
  );
}

/** The rows of a metrics.csv without the column of times. */
function timelessRows(path) {
  const rows = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const time = rows[0].indexOf('time_s');
  return rows.map((row) => row.filter((_, i) => i !== time).join(','));
}

function resultOf(runs) {
  const result = { tensors: {}, metrics: {}, figures: {} };
  const relative = (path) => path.slice(runs.length + 1).replace(/^[^/]+\/[^/]+\/?/, '');
  for (const path of filesUnder(runs, '.safetensors')) result.tensors[relative(path)] = tensorHashes(path);
  for (const path of filesUnder(runs, 'metrics.csv')) result.metrics[relative(path)] = timelessRows(path);
  for (const path of filesUnder(runs, 'summary.json')) {
    const { status, best, final, test, test_std } = JSON.parse(readFileSync(path, 'utf8'));
    result.figures[relative(path)] = { status, best, final, test, test_std };
  }
  return result;
}

function record(out, options, configs) {
  const results = {};
  for (const config of configs) {
    const runs = mkdtempSync(join(options.keep ?? tmpdir(), 'same-bits-'));
    try {
      execFileSync(options.node, [options.nn, 'train', config, ...SHORT, '--quiet', '--runs-dir', runs], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      results[config] = resultOf(runs);
    } catch (error) {
      results[config] = { error: String(error.stderr ?? error) };
    }
    if (options.keep === undefined) rmSync(runs, { recursive: true });
  }
  writeFileSync(out, JSON.stringify(results, null, 1));
  console.log(`${configs.length} configs recorded in ${out}`);
}

function compare(before, after) {
  const [a, b] = [before, after].map((path) => JSON.parse(readFileSync(path, 'utf8')));
  let differences = 0;
  const walk = (x, y, place) => {
    if (x && y && typeof x === 'object' && typeof y === 'object') {
      for (const key of new Set([...Object.keys(x), ...Object.keys(y)])) walk(x[key], y[key], `${place} > ${key}`);
    } else if (x !== y) {
      differences += 1;
      console.log(`${place}\n  before ${x}\n  after  ${y}`);
    }
  };
  for (const config of Object.keys(b)) walk(a[config], b[config], config);
  const tensors = Object.values(b).reduce(
    (sum, { tensors = {} }) => sum + Object.values(tensors).reduce((n, names) => n + Object.keys(names).length, 0),
    0,
  );
  console.log(
    `${Object.keys(b).length} of ${Object.keys(a).length} configs, ${tensors} tensors: ${differences} differences`,
  );
  process.exit(differences === 0 ? 0 : 1);
}

const [command, ...rest] = process.argv.slice(2);
const options = { nn: 'dist/bin/nn.js', node: process.execPath };
const names = [];
for (let i = 0; i < rest.length; i++) {
  if (rest[i].startsWith('--')) options[rest[i].slice(2)] = rest[++i];
  else names.push(rest[i]);
}
if (command === 'record' && names.length >= 1) {
  const [out, ...configs] = names;
  record(out, options, configs.length > 0 ? configs : filesUnder('configs', '.yaml'));
} else if (command === 'compare' && names.length === 2 && names.every(existsSync)) compare(names[0], names[1]);
else {
  console.error('record OUT.json [--nn FILE] [--node FILE] [--keep DIR] [config ...] | compare BEFORE.json AFTER.json');
  process.exit(2);
}
