/**
 * `npm run bench -- startup`: from the start of a process to what a user waits for. Each figure is the best and the median of
 * several processes. The first step's moment is the time stamp of its line in the run's log.txt.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNS = 9;
const path = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const program = path('dist/bin/nn.js');

export async function startup({ node, say, number, measure, threads }) {
  const wait = (args) => {
    const start = performance.now();
    const { status, stderr } = spawnSync(node, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return performance.now() - start;
  };
  const rows = [];
  const row = (name, once, runs = RUNS, unit = 'ms') => {
    const times = Array.from({ length: runs }, once).sort((a, b) => a - b);
    rows.push({ name, best: times[0], median: times[runs >> 1], unit });
    say(`${name.padEnd(28)} best ${number(times[0], 7, 1)}  median ${number(times[runs >> 1], 7, 1)} ${unit}`);
  };
  row('node -e 0', () => wait(['-e', '0']));
  row('nn --help', () => wait([program, '--help']));
  row('first step of mnist-mlp', () => firstStep(node, 'mnist-mlp'));
  row('first step of mnist-cnn', () => firstStep(node, 'mnist-cnn'));
  row('compiling the step of cnn', () => measure('cnn', threads.split(',').at(-1), '0').compile_ms, 3);
  row('training loop of mnist-mlp', () => overhead(node), 3, '% above its steps');
  const [bare, help] = rows;
  say(
    `nn --help above node -e 0     best ${number(help.best - bare.best, 7, 1)}  median ${number(help.median - bare.median, 7, 1)} ms`,
  );
  return rows;
}

/** Milliseconds from the start of `nn train` to the end of its first step. */
function firstStep(node, config) {
  const runs = mkdtempSync(join(tmpdir(), 'nn-bench-'));
  try {
    const start = Date.now();
    const args = [program, 'train', path(`configs/${config}.yaml`), '--fast-dev-run', '--quiet', '--runs-dir', runs];
    const { status, stderr } = spawnSync(node, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    const [run] = readdirSync(join(runs, config));
    const line = readFileSync(join(runs, config, run, 'log.txt'), 'utf8').match(/^(\S+) first step done/m);
    return Date.parse(line[1]) - start;
  } finally {
    rmSync(runs, { recursive: true });
  }
}

/** What the training loop adds to the sum of its steps, in percent, over an epoch of mnist-mlp. */
function overhead(node) {
  const { stdout, stderr, status } = spawnSync(node, [path('test/bench/loop.mjs')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout).percent;
}
