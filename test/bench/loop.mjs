/** One epoch of mnist-mlp as `nn train` runs it: what the loop around the steps adds to their sum. Prints one JSON line. */
import { loadConfig } from '../../dist/config/index.js';
import { loadData } from '../../dist/data/index.js';
import { wasmBackend } from '../../dist/tensor/index.js';
import { experimentSchema, taskOf, train } from '../../dist/train/index.js';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../configs/', import.meta.url));
const overrides = ['train.max_epochs=2'];
const { config } = loadConfig(experimentSchema, { file: `${folder}mnist-mlp.yaml`, overrides });
const data = await loadData(config.data, { target: taskOf(config).targets, seed: config.seed, baseDir: folder });
const session = wasmBackend.open({ threads: 2 });
let inside = 0;
const timed = {
  compile(program) {
    const executable = session.compile(program);
    const run = () => {
      const start = performance.now();
      executable.run();
      inside += performance.now() - start;
    };
    return { ...executable, run };
  },
};
const wrapped = new Proxy(session, {
  get: (target, name) => timed[name] ?? (typeof target[name] === 'function' ? target[name].bind(target) : target[name]),
});
// From the first step of the second epoch to its last: no compiling, no validation.
let begun;
let percent;
const recorder = {
  epoch() {},
  checkpoint() {},
  progress({ epoch, batch, batches }) {
    if (epoch !== 2) return;
    if (batch === 1) begun = { inside, time: performance.now() };
    if (batch !== batches) return;
    const steps = inside - begun.inside;
    percent = (100 * (performance.now() - begun.time - steps)) / steps;
  },
};
await train(wrapped, config, data, { recorder, shouldStop: () => false, now: () => performance.now() / 1000 });
session.close();
console.log(JSON.stringify({ percent }));
