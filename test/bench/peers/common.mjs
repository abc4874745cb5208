/** What the peers in JavaScript share: how a package is found, the networks as plain lists, and how a step is timed. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The package from `folder`/node_modules: it is no dependency of ours. */
export async function load(folder, name) {
  const found = createRequire(resolve(folder, 'package.json')).resolve(name);
  const loaded = await import(pathToFileURL(found));
  return loaded.default ?? loaded;
}

const dense = (inputs, outputs, activation = true) => ['dense', inputs, outputs, 0, activation];
const networks = {
  'mlp-small': { batch: 32, layers: [dense(784, 128), dense(128, 10, false)] },
  'mlp-large': { batch: 128, adam: true, layers: [dense(784, 1024), dense(1024, 1024), dense(1024, 10, false)] },
  cnn: {
    batch: 64,
    adam: true,
    image: true,
    layers: [['conv', 1, 32, 3, true], ['conv', 32, 64, 3, true], ['pool'], ['flatten'], dense(9216, 128), dense(128, 10, false)],
  },
}; // prettier-ignore

/** Workloads that the peers have, named as in workloads.mjs. */
export const peerNames = [...Object.keys(networks), 'matmul-256', 'matmul-1024'];

export function peerWorkloads(name, order) {
  if (name.startsWith('matmul-')) return { matmul: Number(name.slice(7)) };
  const { image, ...network } = networks[name];
  return { ...network, input: image ? (order === 'channels first' ? [1, 28, 28] : [28, 28, 1]) : [784] };
}

/** Runs `step` for `seconds`, at least four times; the first quarter warms up. Prints the line that the bench reads. */
export async function measure(step, seconds) {
  const times = [];
  const losses = [];
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end || times.length < 4) {
    const start = performance.now();
    losses.push(await step());
    times.push(performance.now() - start);
  }
  const warm = times.slice(times.length >> 2).sort((a, b) => a - b);
  console.log(
    JSON.stringify({
      step_ms: warm[warm.length >> 1],
      step_ms_min: warm[0],
      peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
      ...(losses[0] !== undefined && { first_loss: losses[0], last_loss: losses.at(-1) }),
    }),
  );
  process.exit(0);
}
