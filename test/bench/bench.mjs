/**
 * npm run bench -- [names] [--vs torch|tfjs|jax-js] [--node PATH] [--peers DIR] [--backend wasm|wasm-portable] [--threads 1,2]
 *                  [--against CHECKOUT] [--seconds S] [--json]
 * npm run bench -- startup | growth [--node PATH] [--threads N] [--json]
 * npm run bench -- csv | parquet [--megabytes M] | images [--count N] [--node PATH] [--threads N] [--json]
 * npm run bench -- augment [--threads 1,2] [--seconds S] [--json]
 *
 * Times training steps, layers (forward and backward) and single operations, each in a process of its own. With --vs, the peer's
 * step of the same workload is timed in turn with ours, and the ratio is that of the better number of threads of each. A peer is no
 * dependency: PyTorch is /usr/bin/python3's, with ../shared/tools/peers/torch_peer.py (TORCH_PEER names another) for the eight
 * workloads; tfjs and jax-js are taken from DIR/node_modules (NN_PEERS is another way to name DIR) and run under the same Node.
 * --against times each name in another built checkout of nn in turn, three times each, and prints the ratios of the best medians of
 * the step and of compiling.
 * `startup`, `growth` and `augment` are explained in their files, the others in large-data.mjs.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { growth } from './growth.mjs';
import { csv, images, parquet } from './large-data.mjs';
import { peerNames } from './peers/common.mjs';
import { startup } from './startup.mjs';
import { blocks, kernels, workloads } from './workloads.mjs';

if (process.argv[2] === 'augment') {
  await import('./augment.mjs');
  process.exit();
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    vs: { type: 'string' },
    against: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    peers: { type: 'string', default: process.env.NN_PEERS },
    backend: { type: 'string', default: 'wasm' },
    threads: { type: 'string', default: cpus().length > 1 ? '1,2' : '1' },
    seconds: { type: 'string', default: '2' },
    megabytes: { type: 'string', default: '1000' },
    count: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});
const known = [...Object.keys(workloads), ...Object.keys(blocks), ...Object.keys(kernels)];
const fail = (message) => {
  console.error(message);
  process.exit(2);
};
const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const torchScript = process.env.TORCH_PEER ?? file('../../../shared/tools/peers/torch_peer.py');
const peers = {
  torch: {
    has: (name) => name in blocks || name in workloads,
    needs: existsSync(torchScript) ? undefined : `${torchScript} is missing`,
    threads: options.threads.split(','),
    time(name, threads, milliseconds) {
      const wanted = Math.round((1000 * Number(options.seconds)) / Math.max(0.05, milliseconds));
      const steps = String(Math.max(20, Math.min(20000, wanted)));
      const script = name in blocks || name === 'resnet' ? file('peers/torch_blocks.py') : torchScript;
      return lastJson('/usr/bin/python3', [script, name, '--steps', steps], { OMP_NUM_THREADS: threads });
    },
  },
  ...Object.fromEntries(
    ['tfjs', 'jax-js'].map((peer) => [
      peer,
      {
        has: (name) => peerNames.includes(name),
        needs: options.peers === undefined ? '--peers DIR is missing' : undefined,
        // They choose their threads themselves.
        threads: options.threads.split(',').slice(-1),
        time: (name) => lastJson(options.node, [file(`peers/${peer}.mjs`), name, options.seconds, options.peers]),
      },
    ]),
  ),
};

function lastJson(command, args, env = {}) {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} failed: ${stderr.match(/\w*Error.*/)?.[0] ?? stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

const measure = (name, threads, seconds = options.seconds, script = file('measure.mjs')) =>
  lastJson(options.node, [script, name, threads, seconds, options.backend]);
const say = options.json ? () => undefined : console.log;
const number = (value, width, digits) => (value === undefined ? '' : value.toFixed(digits)).padStart(width);

const version = spawnSync(options.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores`;
say(`Node ${version}, ${machine}, backend ${options.backend}, ${new Date().toISOString().slice(0, 10)}`);

const special = { startup, growth, csv, parquet, images }[positionals[0]];
const rows = options.against
  ? comparison(options.against)
  : special === undefined
    ? table()
    : await special({ ...options, say, number, lastJson, measure });
if (options.json) console.log(JSON.stringify({ node: version, machine, rows }));

/** The names that the command line asks for, all by default. */
function chosenNames() {
  const names = positionals.length > 0 ? positionals : known;
  const unknown = names.filter((n) => !known.includes(n));
  if (unknown.length > 0)
    fail(`unknown: ${unknown.join(', ')}; there are startup, growth, csv, parquet, images, ${known.join(', ')}`);
  return names;
}

/** Ratios to another checkout: both are timed in turn, so that a slow minute of the machine hits both. */
function comparison(checkout) {
  const theirScript = join(checkout, 'test/bench/measure.mjs');
  if (!existsSync(theirScript)) fail(`--against ${checkout}: ${theirScript} is missing`);
  say(`${'name'.padEnd(26)} threads   step ms      its  ratio  compile ms      its  ratio`);
  return chosenNames().flatMap((name) =>
    options.threads.split(',').map((threads) => {
      const ours = [];
      const theirs = [];
      for (let round = 0; round < 3; round++) {
        ours.push(measure(name, threads));
        theirs.push(measure(name, threads, options.seconds, theirScript));
      }
      const best = (rows, figure) => Math.min(...rows.map((row) => row[figure]));
      const [step, itsStep] = [best(ours, 'median_ms'), best(theirs, 'median_ms')];
      const [compile, itsCompile] = [best(ours, 'compile_ms'), best(theirs, 'compile_ms')];
      say(
        `${name.padEnd(26)} ${threads.padStart(7)} ${number(step, 9, 3)} ${number(itsStep, 8, 3)} ${number(step / itsStep, 6, 3)} ` +
          `${number(compile, 11, 1)} ${number(itsCompile, 8, 1)} ${number(compile / itsCompile, 6, 3)}`,
      );
      return { name, threads: Number(threads), ratio: step / itsStep, compile_ratio: compile / itsCompile };
    }),
  );
}

/** The table of times: one line for each name and number of threads. */
function table() {
  const names = chosenNames();
  const peer = options.vs === undefined ? undefined : peers[options.vs];
  if (options.vs !== undefined && peer === undefined)
    fail(`--vs ${options.vs}: there are ${Object.keys(peers).join(', ')}`);
  if (peer?.needs !== undefined) fail(`--vs ${options.vs}: ${peer.needs}`);

  const rows = [];
  const limits = {};
  for (const threads of options.threads.split(',')) {
    const [product, sweep] = [measure('matmul-1024', threads, '1'), measure('bandwidth-16M', threads, '1')];
    limits[threads] = { gflops: product.gflops, gb_per_s: sweep.gb_per_s };
    rows.push({ limit: limits[threads], threads: Number(threads) });
    say(`limit with ${threads} threads: ${number(product.gflops, 0, 1)} GFLOP/s, ${number(sweep.gb_per_s, 0, 1)} GB/s`);
  }
  say(
    `${'name'.padEnd(26)} threads  median ms     min ms  samples/s   GFLOP/s  limit    GB/s  limit  compile ms  peak MB` +
      (peer ? `${options.vs.padStart(10)} ms  its MB` : ''),
  );
  const share = (value, limit) => (value === undefined ? '' : `${Math.round((100 * value) / limit)} %`).padStart(6);
  for (const name of names) {
    const [ours, theirs] = [[], []];
    for (const threads of options.threads.split(',')) {
      const row = measure(name, threads);
      if (peer?.has(name) && peer.threads.includes(threads)) {
        try {
          const { step_ms, peak_rss_mb } = peer.time(name, threads, row.median_ms);
          Object.assign(row, { peer_ms: step_ms, peer_rss_mb: peak_rss_mb });
          theirs.push(step_ms);
        } catch (error) {
          say(`${name.padEnd(26)} ${options.vs} cannot do it: ${error.message.split('\n')[0]}`);
        }
      }
      ours.push(row.median_ms);
      rows.push(row);
      const { gflops, gb_per_s } = limits[threads];
      say(
        `${name.padEnd(26)} ${threads.padStart(7)} ${number(row.median_ms, 10, 3)} ${number(row.min_ms, 10, 3)} ` +
          `${number(row.samples_per_s, 10, 0)} ${number(row.gflops, 9, 1)} ${share(row.gflops, gflops)} ${number(row.gb_per_s, 7, 1)} ` +
          `${share(row.gb_per_s, gb_per_s)} ${number(row.compile_ms, 11, 0)} ${number(row.peak_rss_mb, 8, 0)}` +
          (row.peer_ms === undefined ? '' : `${number(row.peer_ms, 13, 3)} ${number(row.peer_rss_mb, 7, 0)}`),
      );
    }
    if (theirs.length > 0) {
      const ratio = Math.min(...ours) / Math.min(...theirs);
      rows.push({ name, ratio });
      say(`${name.padEnd(26)}   ratio to ${options.vs} ${ratio.toFixed(2)}`);
    }
  }
  return rows;
}
