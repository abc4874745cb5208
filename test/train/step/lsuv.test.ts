import { describe, expect, it } from 'vitest';
import { forward } from '../../../src/train/step/network.js';
import { planOf } from '../../../src/train/loop/plan.js';
import { Stepper } from '../../../src/train/step/stepper.js';
import { evaluate, hostRandom, type Node, referenceBackend, sizeOf, wasmBackend } from '../../../src/tensor/index.js';
import { train } from '../../../src/train/index.js';
import type { ExperimentConfig } from '../../../src/train/index.js';
import type { LoadedData, Split } from '../../../src/data/index.js';
import { blobs, classificationData, experiment, latest, recording } from '../tiny.js';

const lsuv = (params: object = {}): object => ({ weights: { lsuv: params } });
const relu = (units: number): object => ({ dense: { units, activation: 'relu' } });

/** Features far from unit variance, of any shape. */
function volumes(size: number, shape: readonly number[]): LoadedData {
  const random = hostRandom(1, 'volumes');
  const features = new Float32Array(size * sizeOf(shape)).map(() => 3 * random.normal() + 1);
  const targets = new Int32Array(size).map((_, i) => i % 3);
  const split: Split = {
    size,
    fields: {
      features: { shape, dtype: 'f32', values: features },
      targets: { shape: [], dtype: 'i32', values: targets },
    },
  };
  return { ...classificationData(), train: split };
}

/** The initial weights by name, and the values of all layers for the batch that they were fitted to. */
async function started(config: ExperimentConfig, { train: split }: LoadedData) {
  const session = referenceBackend.open({ threads: 1 });
  const { batchSize } = planOf(config, split.size);
  const stepper = new Stepper(session, config, split, batchSize);
  await stepper.initialize();
  const weights = new Map<string, number[]>();
  const values = new Map<Node, Float64Array>();
  for (const { name, node } of stepper.variables) {
    const read = (await session.read(node)) as Float64Array;
    values.set(node, read);
    if (stepper.parameters.some((parameter) => parameter.name === name)) weights.set(name, [...read]);
  }
  const mode = { training: true, stochastic: false, augmented: false };
  const { model, indices } = forward(config, stepper.dataset, batchSize, mode, stepper.inputs);
  const batch = hostRandom(config.seed, 'init.lsuv').permutation(split.size).subarray(0, batchSize);
  for (const node of [stepper.dataset.features]) values.set(node, (await session.read(node)) as Float64Array);
  const valueOf = (node: Node) => (node === indices ? batch : (values.get(node) ?? new Float64Array()));
  const outputs = evaluate(model.layers.map(({ preactivation, output }) => preactivation ?? output), valueOf); // prettier-ignore
  const spreads = new Map(model.layers.map(({ name, type }, i) => [`${name} ${type}`, varianceOf(outputs[i])]));
  return { weights, spreads, batch };
}

function varianceOf(values: ArrayLike<number>): number {
  const list = Array.from(values);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  return list.reduce((sum, v) => sum + (v - mean) ** 2, 0) / list.length;
}

describe('LSUV initialization', () => {
  const layers = [relu(12), relu(10), relu(8), { dense: { units: 3 } }];

  it('leaves the products of every layer with a variance within the tolerance of 1', async () => {
    const config = experiment({ model: { layers }, init: lsuv({ tolerance: 0.01 }), train: { batch_size: 16 } });
    const { spreads } = await started(config, classificationData(40));
    for (const [layer, variance] of spreads) expect(variance, layer).toBeCloseTo(1, 1.7);
  });

  it('divides orthonormal weights by the standard deviation of what they make of the batch', async () => {
    const split = blobs(40);
    const data = { ...classificationData(), train: split };
    const config = experiment({ model: { layers }, init: lsuv({ tolerance: 1e-6 }), train: { batch_size: 16 } });
    const plain = experiment({ model: { layers }, init: { weights: 'orthogonal' }, train: { batch_size: 16 } });
    const { weights, batch } = await started(config, data);
    const first = (await started(plain, data)).weights.get('layers.0.weight') ?? [];
    const products = [...batch].flatMap(
      (sample) =>
      Array.from({ length: 12 }, (_, unit) => split.fields.features.values[2 * sample] * first[unit] + split.fields.features.values[2 * sample + 1] * first[12 + unit]), // prettier-ignore
    );
    const std = Math.sqrt(varianceOf(products));
    weights.get('layers.0.weight')?.forEach((weight, i) => expect(weight).toBeCloseTo(first[i] / std, 6));
    expect(weights.get('layers.0.bias')).toEqual(Array.from({ length: 12 }, () => 0));
  });

  it.each([
    ['conv1d', [9, 4], { conv1d: { filters: 6, kernel_size: 3 } }],
    ['conv2d', [6, 6, 2], { conv2d: { filters: 6, kernel_size: 3, activation: 'relu' } }],
    ['conv2d with groups', [6, 6, 4], { conv2d: { filters: 6, kernel_size: 3, groups: 2 } }],
    ['conv3d', [4, 4, 4, 1], { conv3d: { filters: 5, kernel_size: 2, activation: 'tanh' } }],
    ['conv1d_transpose', [5, 3], { conv1d_transpose: { filters: 4, kernel_size: 3, strides: 2 } }],
    ['conv2d_transpose', [3, 3, 2], { conv2d_transpose: { filters: 4, kernel_size: 3, strides: 2 } }],
    ['conv3d_transpose', [3, 3, 3, 2], { conv3d_transpose: { filters: 4, kernel_size: 2, strides: 2 } }],
    ['depthwise_conv2d', [6, 6, 3], { depthwise_conv2d: { kernel_size: 3 } }],
    ['separable_conv2d', [6, 6, 3], { separable_conv2d: { filters: 5, kernel_size: 3 } }],
    ['embedding', [6], { embedding: { vocabulary: 9, units: 4, init: { weights: { lsuv: { tolerance: 0.01 } } } } }],
  ])('scales %s', async (_, shape, layer) => {
    const config = experiment({
      model: { layers: [layer, 'flatten', { dense: { units: 3 } }] },
      init: lsuv({ tolerance: 0.01 }),
    });
    const { spreads } = await started(config, volumes(24, shape));
    for (const [name, variance] of spreads) {
      if (!name.endsWith('flatten')) expect(Math.abs(variance - 1), name).toBeLessThan(0.01);
    }
  });

  it('may be one layer alone, and counts batch norms and shortcuts before it', async () => {
    const block = [
      { residual: { layers: [relu(2), 'batch_norm', { dense: { units: 2, init: lsuv({ tolerance: 0.01 }) } }] } },
      { dense: { units: 3 } },
    ];
    const { spreads, weights } = await started(experiment({ model: { layers: block } }), classificationData());
    expect(Math.abs((spreads.get('layers.0.2 dense') ?? 0) - 1)).toBeLessThan(0.01);
    const usual = await started(
      experiment({ model: { layers: [block[0], { dense: { units: 3 } }] }, init: { weights: 'he_normal' } }),
      classificationData(),
    );
    expect(weights.get('layers.1.weight')).toEqual(usual.weights.get('layers.1.weight'));
  });

  it('leaves a layer alone that gives the same for all samples', async () => {
    const config = experiment({
      model: { layers: [{ dense: { units: 4, init: { weights: 'zeros' } } }, { dense: { units: 3, init: lsuv() } }] },
    });
    const { weights } = await started(config, classificationData());
    expect(weights.get('layers.1.weight')?.every(Number.isFinite)).toBe(true);
  });

  it('gives the same bits on one and two threads, and a run that is stopped goes on exactly', async () => {
    const config = experiment({ model: { layers }, init: lsuv(), train: { checkpoint_every: 4 } });
    const data = classificationData(40);
    const ended = async (threads: number, resumeAt?: number) => {
      const { recorded, options } = recording();
      await train(wasmBackend.open({ threads }), config, data, options);
      if (resumeAt === undefined) return latest(recorded, 'last').tensors;
      const last = recorded.checkpoints.find(({ snapshot }) => snapshot.meta.step === resumeAt)?.snapshot;
      if (last === undefined) throw new Error('no checkpoint there');
      const again = recording({ resume: { last } });
      await train(wasmBackend.open({ threads }), config, data, again.options);
      return latest(again.recorded, 'last').tensors;
    };
    const whole = await ended(1);
    expect(await ended(2)).toEqual(whole);
    expect(await ended(2, 4)).toEqual(whole);
  });
});
