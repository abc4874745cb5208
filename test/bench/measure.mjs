/** Measures one workload in this process and prints one JSON line: measure.mjs NAME THREADS SECONDS BACKEND. */
import { kernels, workloads } from './workloads.mjs';

const [name, threads, seconds, backendName] = process.argv.slice(2);
const tensor = await import('../../dist/tensor/index.js');
const backend = backendName === 'wasm-portable' ? tensor.portableBackend : tensor.wasmBackend;
const session = backend.open({ threads: Number(threads) });

const { run, compileMs, samples, flops, bytes } =
  name in workloads ? await training(workloads[name]) : kernel(kernels[name]);
const first = performance.now();
run();
const firstMs = performance.now() - first;
const times = [];
const end = performance.now() + 1000 * Number(seconds);
while (performance.now() < end || times.length < 8) {
  const start = performance.now();
  run();
  times.push(performance.now() - start);
}
// The first quarter warms up: V8 compiles hot functions again while they run.
const warm = times.slice(times.length >> 2).sort((a, b) => a - b);
const median = warm[warm.length >> 1];
session.close();
console.log(
  JSON.stringify({
    name,
    threads: Number(threads),
    median_ms: median,
    min_ms: warm[0],
    first_ms: firstMs,
    compile_ms: compileMs,
    ...(samples && { samples_per_s: (1000 * samples) / median }),
    ...(flops && { gflops: flops / median / 1e6 }),
    ...(bytes && { gb_per_s: bytes / median / 1e6 }),
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);

/** A training step of an experiment on MNIST's pixels, as `nn train` runs it. */
async function training({ batch, optimizer, layers, features = [28, 28, 1], classes = 10 }) {
  const { experimentSchema } = await import('../../dist/train/index.js');
  const { Stepper } = await import('../../dist/train/stepper.js');
  const { loadData } = await import('../../dist/data/index.js');
  const mnist = (part) => ({ features: `${part}-images-idx3-ubyte.gz`, targets: `${part}-labels-idx1-ubyte.gz` });
  const config = experimentSchema.parse({
    seed: 1,
    task: 'classification',
    data: {
      source: { idx: { train: mnist('train') } },
      preprocess: [{ scale: { factor: 1 / 255 } }],
      limit_train: 12800,
    },
    model: { layers },
    optimizer,
    train: { batch_size: batch },
  });
  const data = await loadData(config.data, {
    task: 'classification',
    seed: 1,
    baseDir: new URL('../../datasets/mnist', import.meta.url).pathname,
  });
  let { train } = data;
  const size = features.reduce((a, b) => a * b, 1);
  if (size !== 784) {
    // A few pixels from the middle of the image, and fewer classes.
    const values = new Uint8Array(train.size * size);
    for (let i = 0; i < train.size; i++)
      values.set(train.features.values.subarray(i * 784 + 300, i * 784 + 300 + size), i * size);
    train = {
      size: train.size,
      features: { shape: features, dtype: 'u8', values },
      targets: { ...train.targets, values: train.targets.values.map((v) => v % classes) },
    };
  }
  const stepper = new Stepper(session, config, train, batch, { affine: data.affine });
  stepper.initialize();
  const indices = new Int32Array(batch);
  let step = 0;
  const run = () => {
    const from = (step * batch) % (train.size - batch);
    for (let i = 0; i < batch; i++) indices[i] = from + i;
    stepper.run(indices, step++, config.optimizer.lr);
  };
  const start = performance.now();
  run();
  return { run, compileMs: performance.now() - start, samples: batch };
}

/** A single operation on random numbers. */
function kernel({ build, flops, bytes }) {
  const { inputs, outputs, updates = [] } = build(tensor);
  const random = tensor.hostRandom(1, 'bench');
  for (const node of inputs)
    session.write(
      node,
      Float32Array.from({ length: tensor.sizeOf(node.shape) }, () => random.uniform() - 0.5),
    );
  const start = performance.now();
  const executable = session.compile({ name, outputs, updates });
  return { run: () => executable.run(), compileMs: performance.now() - start, flops, bytes };
}
