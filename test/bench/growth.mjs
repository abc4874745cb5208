/**
 * `npm run bench -- growth`: how the time of a training step grows with the batch, the width, the depth and the image, and that of
 * compiling with the length of a chain of operations. Below each time stands what one unit of it costs, compared with the cheapest
 * of its row: 1.0 where growth is linear, more where it is not.
 */
import { fileURLToPath } from 'node:url';

const dense = (units) => ({ dense: { units, activation: 'relu' } });
const conv = { conv2d: { filters: 32, kernel_size: 3, padding: 'same', activation: 'relu' } };
const adam = { adam: { lr: 0.001 } };
const head = { dense: { units: 10 } };
const mlp = (batch, width, depth) => ({
  batch,
  optimizer: adam,
  layers: ['flatten', ...Array(depth).fill(dense(width)), head],
});
const cnn = (batch, size) => ({
  batch,
  optimizer: adam,
  features: [size, size, 1],
  layers: [conv, conv, 'global_avg_pool2d', head],
});

/** Axis -> values, the network at each, and the work that a step there has (in any unit). */
const axes = {
  'batch, dense 256-256': { values: [1, 4, 16, 64, 256, 1024], network: (n) => mlp(n, 256, 2), work: (n) => n },
  'batch, 2 convolutions of 14x14': { values: [1, 4, 16, 64, 256, 1024], network: (n) => cnn(n, 14), work: (n) => n },
  'width of 4 dense layers': {
    values: [32, 64, 128, 256, 512, 1024, 2048],
    network: (n) => mlp(64, n, 4),
    work: (n) => 784 * n + 3 * n * n,
  },
  'depth, dense layers of 256': {
    values: [1, 2, 4, 8, 16, 32],
    network: (n) => mlp(64, 256, n),
    work: (n) => 784 + 256 * (n - 1),
  },
  'image, 2 convolutions': { values: [7, 14, 28], network: (n) => cnn(32, n), work: (n) => n * n },
};

/** Chains of operations that are traced and compiled (chain.mjs), and their lengths. */
const chains = ['element-wise', 'reductions', 'products with gradient'];
const lengths = [1250, 2500, 5000, 10_000];

export async function growth({ say, number, measure, lastJson, node, threads }) {
  const rows = [];
  const print = (axis, what, values, times, work) => {
    const unit = times.map((ms, i) => ms / work(values[i]));
    const least = Math.min(...unit);
    say(`${axis.padEnd(32)} ${values.map((n) => String(n).padStart(9)).join('')}`);
    say(`${`  ms ${what}`.padEnd(32)} ${times.map((ms) => number(ms, 9, 3)).join('')}`);
    say(`${'  cost of a unit'.padEnd(32)} ${unit.map((u) => number(u / least, 9, 1)).join('')}`);
    rows.push({ axis, values, times, unit: unit.map((u) => u / least) });
  };
  for (const [axis, { values, network, work }] of Object.entries(axes)) {
    const time = (n) => measure(JSON.stringify(network(n)), threads.split(',').at(-1), '0.7').median_ms;
    print(axis, 'a step', values, values.map(time), work);
  }
  const script = fileURLToPath(new URL('chain.mjs', import.meta.url));
  for (const kind of chains) {
    const time = (n) => lastJson(node, [script, kind, String(n)]).compile_ms;
    print(`chain, ${kind}`, 'to compile', lengths, lengths.map(time), (n) => n);
  }
  return rows;
}
