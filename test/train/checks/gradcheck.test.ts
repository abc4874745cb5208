import { describe, expect, it } from 'vitest';
import {
  grad,
  hostRandom,
  input,
  mul,
  type Node,
  maximum,
  reduceSum,
  stopGradient,
} from '../../../src/tensor/index.js';
import { gradcheck } from '../../../src/train/index.js';
import { checkGradients } from '../../../src/train/checks/gradcheck.js';
import { classificationData, experiment, regressionData } from '../tiny.js';

const random = () => hostRandom(1, 'gradcheck');

describe('checkGradients', () => {
  const w = input('gradcheck.w', [3]);
  const values = new Map<Node, Float64Array>([[w, Float64Array.of(0.5, -2, 3)]]);
  const check = (loss: Node) => checkGradients(loss, [{ name: 'w', node: w }], grad(loss, [w]), values, 3, random())[0];

  it('accepts a right derivative', () => {
    expect(check(reduceSum(mul(w, mul(w, w))))).toMatchObject({ parameter: 'w', checked: 3, ok: true });
  });

  it('catches a wrong derivative and shows the element', () => {
    // The derivative of w * stop(w) on the graph is w, that of the value is 2 w.
    const row = check(reduceSum(mul(w, stopGradient(w))));
    expect(row.ok).toBe(false);
    expect(row.worst.numeric / row.worst.analytic).toBeCloseTo(2, 6);
  });

  it('catches a derivative that is missing', () => {
    expect(check(reduceSum(stopGradient(mul(w, w)))).ok).toBe(false);
  });
});

describe('checkGradients at a kink', () => {
  it('goes by the smaller step where the larger one reaches across', () => {
    const w = input('gradcheck.kink', [2]);
    const loss = reduceSum(mul(maximum(0, w), 3));
    const values = new Map<Node, Float64Array>([[w, Float64Array.of(2e-6, -2e-6)]]);
    expect(checkGradients(loss, [{ name: 'w', node: w }], grad(loss, [w]), values, 2, random())[0].ok).toBe(true);
  });
});

describe('gradcheck', () => {
  it('passes for every parameter of a network with dropout, batch norm and penalties', () => {
    const config = experiment({
      model: {
        layers: [
          { dense: { units: 6, activation: 'relu' } },
          'batch_norm',
          { dropout: { rate: 0.4 } },
          { dense: { units: 4, activation: 'gelu' } },
          { dense: { units: 3 } },
        ],
      },
      regularization: { l1: 0.01, l2: 0.02 },
    });
    const report = gradcheck(config, classificationData());
    expect(report.rows.filter(({ ok }) => !ok)).toEqual([]);
    expect(report).toMatchObject({ ok: true, samples: 3 });
    expect(report.rows.map(({ parameter }) => parameter)).toContain('layers.3.weight');
  });

  it('passes for a convolutional network on bytes', () => {
    const shape = [6, 6, 1];
    const values = Uint8Array.from({ length: 4 * 36 }, (_, i) => (i * 37) % 256);
    const train = {
      size: 4,
      fields: {
        features: { shape, dtype: 'u8' as const, values },
        targets: { shape: [], dtype: 'i32' as const, values: Int32Array.of(0, 1, 2, 1) },
      },
    };
    const config = experiment({
      model: { layers: [{ conv2d: { filters: 3, kernel_size: 3, activation: 'relu' } }, { max_pool2d: { pool_size: 2 } }, 'flatten', { dense: { units: 3 } }] }, // prettier-ignore
    });
    const data = { ...classificationData(), train, affine: { scale: [1 / 255], shift: [-0.3] } };
    expect(gradcheck(config, data).rows.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('passes for a regression', () => {
    const config = experiment({
      task: 'regression',
      model: { layers: [{ dense: { units: 5, activation: 'tanh' } }, { dense: { units: 1 } }] },
    });
    expect(gradcheck(config, regressionData())).toMatchObject({ ok: true });
  });
});
