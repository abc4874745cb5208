import { describe, expect, it } from 'vitest';
import { measureStart } from '../../../src/train/index.js';
import { epochOrder } from '../../../src/train/loop/epoch-order.js';
import { wasmBackend } from '../../../src/tensor/index.js';
import { referenceOf } from '../../../src/train/step/dataset.js';
import { experiment, regressionData } from '../tiny.js';

const stdOf = (values: readonly number[]): number => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
};

describe('how a network starts', () => {
  it('is the spread of outputs, of their gradients, and the zeros of a ReLU, on the first batch', async () => {
    // relu(x) times [1, 1]: all by hand.
    const config = experiment({
      task: 'regression',
      model: {
        layers: [
          { dense: { units: 2, activation: 'relu', init: { weights: 'identity' } } },
          { dropout: { rate: 0.5 } },
          { dense: { units: 1, init: { weights: 'ones' } } },
        ],
      },
    });
    const data = regressionData(24);
    const batch = [...epochOrder(config, data.train, 1).subarray(0, 8)];
    const x = batch.map((i) => [0, 1].map((j) => data.train.fields.features.values[2 * i + j]));
    const hidden = x.map((row) => row.map((v) => Math.max(0, v)));
    const output = hidden.map(([a, b]) => a + b);
    const gradient = output.map((y, i) => (2 * (y - referenceOf(data.train).values[batch[i]])) / 8);

    const session = wasmBackend.open({ threads: 1 });
    const { start } = await measureStart(session, config, data);
    session.close();
    expect(start.samples).toBe(8);
    const [first, dropped, last] = start.layers;
    expect([first.layer, dropped.layer, last.layer]).toEqual(['layers.0', 'layers.1', 'layers.2']);
    expect(first.std).toBeCloseTo(stdOf(hidden.flat()), 5);
    expect(first.zeros).toBeCloseTo(hidden.flat().filter((v) => v === 0).length / 16, 6);
    expect(first.gradientStd).toBeCloseTo(stdOf(gradient.flatMap((g) => [g, g])), 5);
    // Dropout is off.
    expect(dropped.std).toBe(first.std);
    expect(last.std).toBeCloseTo(stdOf(output), 5);
    expect(last.gradientStd).toBeCloseTo(stdOf(gradient), 5);
    expect(last.zeros).toBeUndefined();
    expect(start.identical).toEqual([]);
  });

  it('counts units that are alike, and what they are worth together', async () => {
    const config = experiment({
      model: {
        layers: [
          // Two units see the two features, the six others nothing: dead behind a ReLU.
          { dense: { units: 8, activation: 'relu', init: { weights: 'identity' } } },
          { dense: { units: 3 } },
        ],
      },
      task: 'regression',
      loss: 'mean_squared_error',
    });
    const data = regressionData(24);
    const targets = { shape: [3], dtype: 'f32' as const, values: Float32Array.from({ length: 72 }, (_, i) => i % 5) };
    const session = wasmBackend.open({ threads: 1 });
    const { start } = (await measureStart(session, config, { ...data, train: { ...data.train, fields: { ...data.train.fields, targets } }, val: undefined, test: undefined })); // prettier-ignore
    session.close();
    expect(start.identical).toEqual([{ layer: 'layers.0', units: 8, identical: 6, distinct: 3 }]);
  });
});
