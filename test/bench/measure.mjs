/**
 * Measures one workload in this process and prints one JSON line: measure.mjs NAME THREADS SECONDS BACKEND. NAME is one of
 * workloads.mjs, or a workload itself as JSON.
 */
import { blocks, kernels, workloads } from './workloads.mjs';

const [name, threads, seconds, backendName] = process.argv.slice(2);
const tensor = await import('../../dist/tensor/index.js');
const backend = backendName === 'wasm-portable' ? tensor.portableBackend : tensor.wasmBackend;
const session = backend.open({ threads: Number(threads) });

const { run, compileMs, samples, executable, ...known } =
  name in workloads || name.startsWith('{')
    ? await training(workloads[name] ?? JSON.parse(name))
    : name in blocks
      ? await block(blocks[name])
      : kernel(kernels[name]);
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
const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
const counted = executable.profile(1);
const flops = known.flops ?? counted.reduce((sum, k) => sum + k.flops, 0);
const bytes = known.bytes ?? (name in blocks ? counted.reduce((sum, k) => sum + k.bytes, 0) : undefined);
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
    peak_rss_mb: peakMb,
  }),
);

/** A training step of an experiment on MNIST's pixels, as `nn train` runs it. */
async function training({ batch, optimizer, layers, l2, features = [28, 28, 1], classes = 10 }) {
  const { experimentSchema } = await import('../../dist/train/index.js');
  const { Stepper } = await import('../../dist/train/step/stepper.js');
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
    ...(l2 && { regularization: { l2 } }),
    optimizer,
    train: { batch_size: batch },
  });
  const data = await loadData(config.data, {
    target: 'classes',
    seed: 1,
    baseDir: new URL('../../datasets/mnist', import.meta.url).pathname,
  });
  let { train } = data;
  const size = features.reduce((a, b) => a * b, 1);
  if (size !== 784) {
    const { features: whole, targets } = train.fields;
    // A few pixels from the middle of the image, and fewer classes.
    const values = new Uint8Array(train.size * size);
    const offset = Math.min(300, 784 - size);
    for (let i = 0; i < train.size; i++)
      values.set(whole.values.subarray(i * 784 + offset, i * 784 + offset + size), i * size);
    train = {
      size: train.size,
      fields: {
        features: { shape: features, dtype: 'u8', values },
        targets: { ...targets, values: targets.values.map((v) => v % classes) },
      },
    };
  }
  const stepper = new Stepper(session, config, train, batch, { affine: data.affine });
  await stepper.initialize();
  const indices = new Int32Array(batch);
  let step = 0;
  const run = () => {
    const from = (step * batch) % (train.size - batch);
    for (let i = 0; i < batch; i++) indices[i] = from + i;
    stepper.run(indices, step++, config.optimizer.lr);
  };
  const start = performance.now();
  run();
  const compileMs = performance.now() - start;
  return { run, compileMs, samples: batch, executable: stepper.stepFor(batch).executable };
}

/** A layer's output and gradients (of its input too, where that has one), given the output's cotangent. */
async function block({ layer, shape, below }) {
  const { traceModel } = await import('../../dist/nn/model.js');
  const { experimentSchema } = await import('../../dist/train/index.js');
  const { RandomSource } = await import('../../dist/nn/random-source.js');
  const { model, init } = parseModel(experimentSchema, layer);
  const x = tensor.input('x', shape);
  const { VariableStore, runningMean } = await import('../../dist/nn/variables.js');
  const traced = traceModel(model, x, new VariableStore(), { training: true, random: new RandomSource(), init });
  const cotangent = tensor.input('cotangent', traced.output.shape);
  const loss = tensor.reduceSum(tensor.mul(traced.output, cotangent));
  const wrt = [...(below ? [] : [x]), ...traced.parameters.map((p) => p.node)];
  const random = tensor.hostRandom(1, 'bench');
  for (const { node, initialize } of traced.parameters) session.write(node, initialize(random));
  fill(cotangent, () => random.uniform() - 0.5);
  fill(x, () => (below ? random.below(below) : random.uniform() - 0.5));
  const start = performance.now();
  const outputs = [traced.output, ...tensor.grad(loss, wrt)];
  const executable = session.compile({ name, outputs, updates: traced.observations.map(runningMean) });
  return { run: () => executable.run(), compileMs: performance.now() - start, samples: shape[0], executable };
}

function parseModel(schema, layer) {
  return schema.parse({
    task: 'regression',
    data: { source: { csv: { path: 'none', target: 'none' } } },
    model: { layers: [layer] },
    optimizer: { sgd: { lr: 0.1 } },
  });
}

function fill(node, value) {
  session.write(node, Float32Array.from({ length: tensor.sizeOf(node.shape) }, value));
}

/** A single operation on random numbers. */
function kernel({ build, flops, bytes }) {
  const { inputs, outputs, updates = [] } = build(tensor);
  const random = tensor.hostRandom(1, 'bench');
  for (const node of inputs) fill(node, () => random.uniform() - 0.5);
  const start = performance.now();
  const executable = session.compile({ name, outputs, updates });
  const compileMs = performance.now() - start;
  return { run: () => executable.run(), compileMs, flops: flops ?? 0, bytes: bytes ?? 0, executable };
}
