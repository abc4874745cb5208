import { describe, expect, it } from 'vitest';
import type { LoadedData, Split } from '../../src/data/index.js';
import { hostRandom, referenceBackend, wasmBackend } from '../../src/tensor/index.js';
import { evaluate, gradcheck, overfitBatch, train } from '../../src/train/index.js';
import { datasetOf } from '../../src/train/step/dataset.js';
import { trainingStep } from '../../src/train/step/step.js';
import { experiment, latest, recording } from './tiny.js';
import { RunInputs } from '../../src/train/step/run-inputs.js';

/** Points near a plane in 6 dimensions, as bytes that the step maps to [0, 1], or as numbers. */
function samples(size: number, dtype: 'u8' | 'f32'): Split {
  const random = hostRandom(2, 'plane');
  const axes = Array.from({ length: 12 }, () => random.normal());
  const values = Array.from({ length: size }, () => [random.normal(), random.normal()]).flatMap(([a, b]) =>
    Array.from({ length: 6 }, (_, i) => 0.5 + 0.1 * (a * axes[i] + b * axes[6 + i])),
  );
  const clipped = values.map((v) => Math.round(255 * Math.min(Math.max(v, 0), 1)));
  const features = { shape: [6], dtype, values: dtype === 'u8' ? Uint8Array.from(clipped) : Float32Array.from(values) };
  return { size, fields: { features } };
}
const dataOf = (dtype: 'u8' | 'f32'): LoadedData => ({
  train: samples(64, dtype),
  test: samples(16, dtype),
  ...(dtype === 'u8' ? { affine: { scale: [1 / 255], shift: [0] } } : {}),
  preprocessing: {
    encoding: { kind: 'arrays', dtype, shape: [6], target_width: 6 },
    affine: { scale: [1], shift: [0] },
  },
  files: [],
});
const tied = (parts: Record<string, unknown> = {}) =>
  experiment({
    task: 'reconstruction',
    data: { source: { csv: { path: 'x.csv' } } },
    model: { layers: [{ dense: { units: 2 } }, { dense: { units: 6, tie: 'layers.0' } }] },
    train: { max_epochs: 200 },
    ...parts,
  });

describe('a tied autoencoder', () => {
  it('has one weight tensor, one gradient and one entry in the checkpoint', async () => {
    const config = tied({ train: { max_epochs: 1 } });
    const step = trainingStep(config, datasetOf('train', dataOf('f32').train), 8, new RunInputs());
    expect(step.parameters.map(({ name }) => name)).toEqual(['layers.0.weight', 'layers.0.bias', 'layers.1.bias']);
    // Each parameter is updated once, and has one slot of each moment.
    const updated = step.program.updates.map(([variable]) => variable);
    for (const { node } of step.parameters) expect(updated.filter((variable) => variable === node)).toHaveLength(1);
    const { recorded, options } = recording();
    await train(referenceBackend.open({ threads: 1 }), config, dataOf('f32'), options);
    const names = [...latest(recorded, 'last').tensors.keys()];
    expect(names.filter((name) => !name.includes('bias'))).toEqual(['layers.0.weight', 'optimizer.mean.layers.0.weight', 'optimizer.square.layers.0.weight']); // prettier-ignore
  });

  it('has the gradient of both uses of its weight: that of finite differences', () => {
    for (const dtype of ['u8', 'f32'] as const) {
      expect(gradcheck(tied(), dataOf(dtype))).toMatchObject({ ok: true });
    }
  });

  it.each(['u8', 'f32'] as const)('reconstructs points of a plane from two numbers (%s)', async (dtype) => {
    const data = dataOf(dtype);
    const { options } = recording();
    const session = wasmBackend.open({ threads: 1 });
    const { test } = await train(session, tied(), data, options);
    session.close();
    // The points spread 0.1 and more in each direction; bytes are rounded to 1/255.
    expect(test?.rmse).toBeLessThan(0.02);
  });

  it('is measured in the units that it is given: mapped bytes', async () => {
    const config = tied({ train: { max_epochs: 1 } });
    const { recorded, options } = recording();
    const result = await train(referenceBackend.open({ threads: 1 }), config, dataOf('u8'), options);
    const { tensors } = latest(recorded, 'last');
    const { test } = dataOf('u8');
    const numbers = { ...samples(16, 'u8').fields.features, dtype: 'f32' as const };
    const mapped = { ...numbers, values: Float32Array.from(numbers.values, (v) => v / 255) };
    const again = (await evaluate(referenceBackend.open({ threads: 1 }), config, 'test', { size: test?.size ?? 0, fields: { features: mapped } }, { tensors })); // prettier-ignore
    expect(again.loss).toBeCloseTo(result.test?.loss ?? NaN, 6);
  });

  it('fits a batch if its code is wide enough', async () => {
    const wide = tied({
      model: { layers: [{ dense: { units: 6 } }, { dense: { units: 6 } }] },
      train: { batch_size: 8 },
    });
    const session = wasmBackend.open({ threads: 1 });
    expect(await overfitBatch(session, wide, dataOf('u8'))).toMatchObject({ ok: true, measure: 'mean_squared_error' });
    session.close();
  });
});
