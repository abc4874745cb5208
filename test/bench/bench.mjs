/**
 * npm run bench -- [names] [--vs torch] [--node PATH] [--backend wasm|wasm-portable] [--threads 1,2] [--seconds S] [--json]
 *
 * Times training steps and single operations, each in a process of its own. With --vs torch, PyTorch's step of the same workload
 * is timed in turn with ours by the script ../shared/tools/peers/torch_peer.py (TORCH_PEER names another), and the ratio is that of
 * the better number of threads of each.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { kernels, workloads } from './workloads.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    vs: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    backend: { type: 'string', default: 'wasm' },
    threads: { type: 'string', default: cpus().length > 1 ? '1,2' : '1' },
    seconds: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
});
const known = [...Object.keys(workloads), ...Object.keys(kernels)];
const names = positionals.length > 0 ? positionals : known;
const unknown = names.filter((n) => !known.includes(n));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${known.join(', ')}`);
  process.exit(2);
}
const torchScript =
  process.env.TORCH_PEER ?? new URL('../../../shared/tools/peers/torch_peer.py', import.meta.url).pathname;
if (options.vs !== undefined && (options.vs !== 'torch' || !existsSync(torchScript))) {
  console.error(
    `--vs ${options.vs}: ${options.vs === 'torch' ? `${torchScript} is missing` : 'the only peer so far is torch'}`,
  );
  process.exit(2);
}

function lastJson(command, args, env = {}) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function torch(name, threads, milliseconds) {
  const steps = String(
    Math.max(20, Math.min(20000, Math.round((1000 * Number(options.seconds)) / Math.max(0.05, milliseconds)))),
  );
  return lastJson('/usr/bin/python3', [torchScript, name, '--steps', steps], { OMP_NUM_THREADS: String(threads) });
}

const script = new URL('./measure.mjs', import.meta.url).pathname;
const say = options.json ? () => undefined : console.log;
const version = spawnSync(options.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
say(
  `Node ${version}, ${cpus()[0].model.trim()}, ${cpus().length} cores, backend ${options.backend}, ${new Date().toISOString().slice(0, 10)}`,
);
say(
  `${'name'.padEnd(30)} threads  median ms     min ms  samples/s   GFLOP/s   GB/s  compile+first ms  peak MB   torch ms`,
);
const rows = [];
for (const name of names) {
  const ours = [];
  const theirs = [];
  for (const threads of options.threads.split(',')) {
    const row = lastJson(options.node, [script, name, threads, options.seconds, options.backend]);
    if (options.vs === 'torch' && name in workloads) {
      const peer = torch(name, threads, row.median_ms);
      row.torch_ms = peer.step_ms;
      row.torch_rss_mb = peer.peak_rss_mb;
      theirs.push(peer.step_ms);
    }
    ours.push(row.median_ms);
    rows.push(row);
    const number = (v, width, digits) => (v === undefined ? '' : v.toFixed(digits)).padStart(width);
    say(
      `${name.padEnd(30)} ${threads.padStart(7)} ${number(row.median_ms, 10, 3)} ${number(row.min_ms, 10, 3)} ${number(row.samples_per_s, 10, 0)} ` +
        `${number(row.gflops, 9, 1)} ${number(row.gb_per_s, 6, 1)} ${number(row.compile_ms + row.first_ms, 17, 0)} ${number(row.peak_rss_mb, 8, 0)} ${number(row.torch_ms, 10, 3)}`,
    );
  }
  if (theirs.length > 0) {
    const ratio = Math.min(...ours) / Math.min(...theirs);
    rows.push({ name, ratio });
    say(`${name.padEnd(30)}   ratio ${ratio.toFixed(2)}`);
  }
}
if (options.json) console.log(JSON.stringify({ node: version, rows }));
