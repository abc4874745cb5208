import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadData, type LoadedData } from '../../../src/data/index.js';
import { portableBackend, wasmBackend } from '../../../src/tensor/index.js';
import { experimentSchema } from '../../../src/train/index.js';
import { Stepper } from '../../../src/train/step/stepper.js';

/** Made by test/golden/make-trajectories.py with PyTorch 1.13. */
const golden = JSON.parse(readFileSync('test/golden/trajectories.json', 'utf8')) as Record<string, number[]>;
const BATCH = 64;

const conv = (filters: number): object => ({ conv2d: { filters, kernel_size: 3, activation: 'relu' } });
const networks = {
  mlp: ['flatten', { dense: { units: 64, activation: 'relu' } }, { dense: { units: 10 } }],
  cnn: [conv(8), conv(16), { max_pool2d: { pool_size: 2 } }, 'flatten', { dense: { units: 10 } }],
};
const idx = (part: string): object => ({
  features: `${part}-images-idx3-ubyte.gz`,
  targets: `${part}-labels-idx1-ubyte.gz`,
});

function experiment(layers: unknown, optimizer: unknown): ReturnType<typeof experimentSchema.parse> {
  return experimentSchema.parse({
    task: 'classification',
    data: {
      source: { idx: { train: idx('train') } },
      preprocess: [{ scale: { factor: 1 / 255 } }],
      limit_train: 100 * BATCH,
    },
    model: { layers },
    optimizer,
  });
}

/** The weights that the script starts from. */
function initial(shape: readonly number[]): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  if (shape.length === 1) return new Float32Array(size);
  const limit = 2 * Math.sqrt(3 / (size / shape[shape.length - 1]));
  return Float32Array.from({ length: size }, (_, i) => ((Math.imul(i, 2654435761) >>> 0) / 2 ** 32 - 0.5) * limit);
}

describe('training follows PyTorch from the same weights and batches', () => {
  let data: LoadedData;
  beforeAll(async () => {
    const config = experiment(networks.mlp, 'adam');
    data = await loadData(config.data, { target: 'classes', seed: 0, baseDir: 'datasets/mnist' });
  });

  for (const { backend, name: what } of [
    { backend: wasmBackend, name: 'wasm without Winograd' },
    { backend: portableBackend, name: 'wasm-portable' },
  ]) {
    it.each([
      ['mlp-sgd', networks.mlp, { sgd: { lr: 0.1 } }],
      ['mlp-adam', networks.mlp, { adam: { lr: 0.001 } }],
      ['cnn-adam', networks.cnn, { adam: { lr: 0.001 } }],
    ])(`%s on ${what}: 20 steps to 1e-4, 100 steps to 1 %%`, async (name, layers, optimizer) => {
      const config = experiment(layers, optimizer);
      const session = backend.open({ threads: 2, winograd: false });
      const stepper = new Stepper(session, config, data.train, BATCH, { affine: data.affine });
      await stepper.initialize();
      for (const { node } of stepper.weights) session.write(node, initial(node.shape));
      for (const [step, expected] of golden[name].entries()) {
        const indices = Int32Array.from({ length: BATCH }, (_, i) => step * BATCH + i);
        const loss = (await stepper.run(indices, step, config.optimizer.lr).read()).loss[0] / BATCH;
        const deviation = Math.abs(loss - expected) / expected;
        expect(deviation, `step ${step}: ${loss}, PyTorch ${expected}`).toBeLessThan(step < 20 ? 1e-4 : 1e-2);
      }
      session.close();
    });
  }

  // Biases start off zero: over MNIST's empty border a plain sum is zero exactly and a ReLU behind it at its kink, where Winograd's
  // rounding would let half of the gradients through that PyTorch leaves out (1e-4 of the loss within 20 steps).
  it('by Winograd it follows plain sums to 1e-6 for 20 steps', async () => {
    const layers = [conv(16), conv(32), { max_pool2d: { pool_size: 2 } }, 'flatten', { dense: { units: 10 } }];
    const config = experiment(layers, { adam: { lr: 0.001 } });
    const [fast, plain] = await Promise.all(
      [true, false].map(async (winograd) => {
        const session = wasmBackend.open({ threads: 2, winograd });
        const stepper = new Stepper(session, config, data.train, BATCH, { affine: data.affine });
        await stepper.initialize();
        for (const { node } of stepper.weights) session.write(node, initial(node.shape).map((w) => w || 0.05)); // prettier-ignore
        const losses: number[] = [];
        for (let step = 0; step < 20; step++) {
          const indices = Int32Array.from({ length: BATCH }, (_, i) => step * BATCH + i);
          losses.push((await stepper.run(indices, step, config.optimizer.lr).read()).loss[0] / BATCH);
        }
        session.close();
        return losses;
      }),
    );
    expect(fast).not.toEqual(plain);
    fast.forEach((loss, step) => expect(Math.abs(loss - plain[step]) / plain[step], `step ${step}`).toBeLessThan(1e-6));
  });
});
