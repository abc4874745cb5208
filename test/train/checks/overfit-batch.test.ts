import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../../src/tensor/index.js';
import { overfitBatch } from '../../../src/train/index.js';
import type { ExperimentConfig } from '../../../src/train/index.js';
import type { LoadedData } from '../../../src/data/index.js';
import { classificationData, experiment, regressionData } from '../tiny.js';

const verdictOf = (config: ExperimentConfig, data: LoadedData = classificationData()) =>
  overfitBatch(referenceBackend.open({ threads: 1 }), config, data, { maxSteps: 600 });

const withHidden = (hidden: object, parts: object = {}) =>
  experiment({ model: { layers: [{ dense: { units: 8, activation: 'relu', ...hidden } }, { dense: { units: 3 } }] }, ...parts }); // prettier-ignore

const regression = (layers: unknown[], parts: object = {}) =>
  experiment({ task: 'regression', model: { layers }, optimizer: { adam: { lr: 0.05 } }, ...parts });

describe('overfit-batch', () => {
  it('finds nothing wrong with a network that fits its batch', async () => {
    const verdict = await verdictOf(experiment());
    expect(verdict).toMatchObject({ ok: true, measure: 'loss', accuracy: 1, threshold: 0.05, causes: [] });
    expect(verdict.loss).toBeLessThan(0.05);
    expect(verdict.steps).toBeLessThan(400);
  });

  it('switches off dropout, penalties, constraints and label smoothing, under which no batch could be fitted', async () => {
    const config = experiment({
      model: {
        layers: [{ dense: { units: 8, activation: 'relu' } }, { dropout: { rate: 0.9 } }, { dense: { units: 3 } }],
      },
      loss: { softmax_cross_entropy: { label_smoothing: 0.3 } },
      regularization: { l2: 10 },
      optimizer: { adam: { lr: 0.02, weight_decay: 10 } },
    });
    expect(await verdictOf(config)).toMatchObject({ ok: true });
    const own = {
      regularizer: { activity: { l2: { strength: 10 } } },
      constraint: { weights: { max_norm: { max: 0.01 } } },
    };
    const inside = { sequential: { layers: [{ dense: { units: 8, activation: 'relu', ...own } }] } };
    const layers = [inside, { activity_regularization: { l2: 10 } }, { dense: { units: 3 } }];
    expect(await verdictOf(experiment({ model: { layers } }))).toMatchObject({ ok: true });
  });

  it('makes an update of every step, however many batches are accumulated in training', async () => {
    const plain = await verdictOf(experiment());
    const { steps, loss } = await verdictOf(experiment({ train: { accumulate_batches: 64 } }));
    expect(steps).toBe(plain.steps);
    expect(loss).toBeCloseTo(plain.loss, 12);
  });

  it('measures a regression by its squared error against the variance of the targets', async () => {
    const layers = [{ dense: { units: 8, activation: 'tanh' } }, { dense: { units: 1 } }];
    const verdict = await verdictOf(regression(layers), regressionData());
    expect(verdict).toMatchObject({ ok: true, measure: 'mean_squared_error' });
    expect(verdict.value).toBeLessThan(verdict.threshold);
    expect(verdict.accuracy).toBeUndefined();
  });

  it('lets signals have their turn after every step', async () => {
    let stopped = false;
    const progress = (step: number): void => {
      if (step === 3) setImmediate(() => (stopped = true));
    };
    const session = referenceBackend.open({ threads: 1 });
    const config = experiment({ optimizer: { adam: { lr: 1e-6 } } });
    const { steps } = await overfitBatch(session, config, classificationData(), {
      progress,
      shouldStop: () => stopped,
    });
    expect(steps).toBe(3);
  });

  it('is the same verdict every time', async () => {
    expect(await verdictOf(experiment())).toEqual(await verdictOf(experiment()));
  });
});

describe('overfit-batch says why a batch is not fitted:', () => {
  const expectCause = async (kind: string, text: string | RegExp, config: ExperimentConfig, data?: LoadedData) => {
    const verdict = await verdictOf(config, data);
    expect(verdict.ok).toBe(false);
    expect(verdict.causes[0]?.kind).toBe(kind);
    expect(verdict.causes[0]?.message).toMatch(text);
    return verdict;
  };

  it('a learning rate of zero', async () => {
    const verdict = await expectCause('learning_rate_zero', 'learning rate is zero', experiment({ optimizer: { adam: { lr: 0 } } })); // prettier-ignore
    expect(verdict.causes).toHaveLength(1);
    expect(verdict.loss).toBe(verdict.initialLoss);
  });

  it('a learning rate that is far too high', async () => {
    for (const optimizer of [{ adam: { lr: 1e6 } }, { sgd: { lr: 1e6 } }]) {
      await expectCause('learning_rate_too_high', /learning rate 1000000 is too high/, experiment({ optimizer }));
    }
  });

  it('a learning rate that is too low', async () => {
    await expectCause('learning_rate_too_low', /only moved from/, experiment({ optimizer: { sgd: { lr: 1e-7 } } }));
    await expectCause('learning_rate_too_low', /still falling/, experiment({ optimizer: { sgd: { lr: 3e-4 } } }));
  });

  it('weights that all start at one constant', async () => {
    const config = experiment({ init: { weights: { constant: { value: 0.1 } } } });
    await expectCause('symmetric_units', 'the 8 units of layers.0 (dense) are identical', config);
    const zeros = experiment({ init: { weights: 'zeros' } });
    await expectCause('symmetric_units', 'the 8 units of layers.0 (dense) are identical', zeros);
  });

  it('identical units, even where the batch can be fitted without telling them apart', async () => {
    const layers = [{ dense: { units: 4, activation: 'linear' } }, { dense: { units: 1 } }];
    const data = regressionData();
    // A target that one linear unit can give.
    const parts = { init: { weights: { constant: { value: 0.5 } } } };
    await expectCause('symmetric_units', 'the 4 units of layers.0', regression(layers, parts), data);
  });

  it('no fault in a single layer that starts at zero', async () => {
    const config = experiment({ model: { layers: [{ dense: { units: 3, init: { weights: 'zeros' } } }] } });
    const separable = classificationData();
    expect((await verdictOf(config, separable)).causes.map(({ kind }) => kind)).not.toContain('symmetric_units');
  });

  it('dead ReLU units', async () => {
    const bias = { init: { bias: { constant: { value: -100 } } } };
    await expectCause('dead_units', 'all 8 ReLU units of layers.0 (dense) are dead', withHidden(bias));
    const layers = [{ dense: { units: 8, ...bias } }, 'relu', { dense: { units: 3 } }];
    await expectCause('dead_units', 'all 8 ReLU units of layers.1 (relu) are dead', experiment({ model: { layers } }));
  });

  it('saturated units', async () => {
    const large = { init: { weights: { normal: { std: 1e5 } } } };
    for (const activation of ['tanh', 'sigmoid']) {
      // With labels that the signs of the saturated units do not give.
      const data = classificationData(32);
      data.train.fields.targets?.values.set(data.train.fields.targets?.values.map((_, i) => (i * i + (i >> 2)) % 3));
      const config = withHidden({ ...large, activation, units: 4 });
      await expectCause('saturated_units', new RegExp(`units of layers.0 \\(dense\\) are saturated`), config, data);
    }
  });

  it('a head that does not fit the loss or the targets', async () => {
    const softmax = experiment({ model: { layers: [{ dense: { units: 3, activation: 'softmax' } }] } });
    await expectCause('head_mismatch', 'ends in softmax, and softmax_cross_entropy takes logits', softmax);
    const bounded = regression([{ dense: { units: 8, activation: 'tanh' } }, { dense: { units: 1, activation: 'sigmoid' } }]); // prettier-ignore
    await expectCause('head_mismatch', 'ends in sigmoid, which cannot output values from', bounded, regressionData());
  });

  it('a layer that the loss does not depend on', async () => {
    const cut = { model: { layers: [{ dense: { units: 4, activation: 'relu' } }, { dense: { units: 3, init: { weights: 'zeros' } } }] } }; // prettier-ignore
    // Zero outgoing weights block the gradient of the first step only, so this network learns.
    expect(await verdictOf(experiment({ ...cut, optimizer: { adam: { lr: 0.05 } } }))).toMatchObject({ ok: true });
  });

  it('samples that cannot be told apart', async () => {
    const data = classificationData();
    data.train.fields.features.values.copyWithin(2, 0, 2);
    const { causes } = await verdictOf(experiment({ optimizer: { adam: { lr: 0.05 } } }), data);
    expect(causes.map(({ message }) => message).join('\n')).toContain(
      '1 of 8 samples have the same features as another but a different target',
    );
  });

  it('values that are not finite from the start, naming the layer', async () => {
    const config = withHidden({ init: { weights: { constant: { value: 1e308 } } }, activation: 'linear' });
    const verdict = await verdictOf(config);
    expect(verdict.ok).toBe(false);
    expect(verdict.causes.map(({ message }) => message).join('\n')).toContain('layers.0 (dense)');
  });
});
