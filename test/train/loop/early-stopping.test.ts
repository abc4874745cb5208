import { describe, expect, it } from 'vitest';
import { figureMetrics, isReport, metricNames, metricOf, metrics, type MetricConfig, metricSchema } from '../../../src/nn/metrics/index.js'; // prettier-ignore
import { referenceBackend } from '../../../src/tensor/index.js';
import { train } from '../../../src/train/index.js';
import { gaveUp, type Monitor, monitorOf, watch, type Watch } from '../../../src/train/loop/early-stopping.js';
import { classificationData, experiment, recording, regressionData } from '../tiny.js';

const start: Watch = { best: null, waited: 0 };
const monitor: Monitor = { figure: 'val/loss', mode: 'min', minDelta: 0, patience: 2 };

/** Watches epochs with these values; the best epoch, and the epoch at which the run would stop. */
function follow(values: number[], by: Monitor | undefined) {
  let state = start;
  let stopped: number | undefined;
  values.forEach((value, i) => {
    if (stopped !== undefined) return;
    state = watch(by, state, { epoch: i + 1, step: i, values: { 'val/loss': value } });
    if (gaveUp(by, state)) stopped = i + 1;
  });
  return { best: state.best?.row.epoch, stopped };
}

describe('early stopping', () => {
  it('stops after `patience` epochs in a row without improvement', () => {
    expect(follow([3, 2, 2.5, 1, 1, 1, 0], monitor)).toEqual({ best: 4, stopped: 6 });
  });

  it('looks for the largest value in mode max', () => {
    expect(follow([1, 3, 2, 2.9], { ...monitor, mode: 'max' })).toEqual({ best: 2, stopped: 4 });
  });

  it('takes a gain of min_delta or less for none', () => {
    expect(follow([3, 2.75, 2.5], { ...monitor, minDelta: 0.5 })).toEqual({ best: 1, stopped: 3 });
  });

  it('never takes NaN for the best', () => {
    expect(follow([NaN, 2, NaN, NaN], monitor)).toEqual({ best: 2, stopped: 4 });
  });

  it('takes only epochs with averaged weights for the best, once there are some', () => {
    const after = (values: number[], averagedFrom: number) =>
      values.reduce<Watch>((state, value, i) => watch(monitor, state, { epoch: i + 1, step: 10 * (i + 1), values: { 'val/loss': value } }, averagedFrom), start); // prettier-ignore
    // The third epoch is the first with an average.
    expect(after([1, 2, 5, 4, 6], 30).best?.row.epoch).toBe(4);
    expect(after([1, 2, 5, 4, 6], 30).waited).toBe(1);
    expect(after([1, 2], 30)).toMatchObject({ best: { row: { epoch: 1 } }, waited: 1 });
    expect(after([1, 2, NaN, 4], 30).best?.row.epoch).toBe(4);
    expect(after([1, 2, 5], 60).best?.row.epoch).toBe(1);
  });

  it('takes the latest epoch for the best where nothing is monitored', () => {
    expect(follow([1, 2, 3], undefined)).toEqual({ best: 3, stopped: undefined });
  });
});

describe('monitorOf', () => {
  it('watches the validation loss where no early stopping is asked for, and never stops', () => {
    expect(monitorOf(experiment(), true)).toMatchObject({ figure: 'val/loss', mode: 'min', patience: Infinity });
    expect(monitorOf(experiment(), false)).toBeUndefined();
  });

  it('goes by the metric for the direction, unless the config gives one', () => {
    const stopping = (parts: object) =>
      experiment({ train: { early_stopping: { monitor: 'val/accuracy', ...parts } } });
    expect(monitorOf(stopping({}), true)?.mode).toBe('max');
    expect(monitorOf(stopping({ mode: 'min' }), true)?.mode).toBe('min');
  });
});

/** Which way every figure gets better. */
const directions: Readonly<Record<string, 'min' | 'max'>> = {
  accuracy: 'max',
  balanced_accuracy: 'max',
  top_k_accuracy: 'max',
  subset_accuracy: 'max',
  precision: 'max',
  recall: 'max',
  f1: 'max',
  matthews_correlation: 'max',
  cohen_kappa: 'max',
  roc_auc: 'max',
  average_precision: 'max',
  log_loss: 'min',
  expected_calibration_error: 'min',
  mae: 'min',
  mse: 'min',
  rmse: 'min',
  mape: 'min',
  median_absolute_error: 'min',
  max_error: 'min',
  r2: 'max',
  explained_variance: 'max',
};
const figures = Object.keys(metrics).filter((type) => !isReport(metricOf({ type } as MetricConfig)));

describe('early stopping on any metric', () => {
  it('has all that are figures here', () => {
    expect(Object.keys(directions)).toEqual(figures);
  });

  /** A run that watches `val/<type>`, of whose metrics it is one. */
  async function watching(type: string, trainOptions: object, lr: number) {
    const classifies = metricOf({ type } as MetricConfig).targets.includes('classes');
    const config = experiment({
      task: classifies ? 'classification' : 'regression',
      model: { layers: [{ dense: { units: 8, activation: 'tanh' } }, { dense: { units: classifies ? 3 : 1 } }] },
      metrics: [type === 'top_k_accuracy' ? { top_k_accuracy: { k: 2 } } : type],
      optimizer: { sgd: { lr } },
      train: { batch_size: 8, ...trainOptions },
    });
    const { recorded, options } = recording();
    const session = referenceBackend.open({ threads: 1 });
    const result = await train(session, config, classifies ? classificationData(24, 12) : regressionData(24), options);
    session.close();
    return { result, config, values: recorded.rows.map(({ values }) => values[`val/${type}`]) };
  }

  it.each(figures)('stops on %s, and takes its best value in its direction', async (type) => {
    const monitor = `val/${type}`;
    const still = await watching(type, { max_epochs: 9, early_stopping: { monitor, patience: 2 } }, 0);
    expect(still.result).toMatchObject({ status: 'early_stopped', epochs: 3, best: { epoch: 1 } });
    const early_stopping = { monitor, patience: 9 };
    const moving = await watching(type, { max_epochs: 6, early_stopping }, 0.3);
    expect(monitorOf(moving.config, true)).toMatchObject({ figure: monitor, mode: directions[type] });
    expect(moving.values.every(Number.isFinite)).toBe(true);
    const best = Math[directions[type]](...moving.values);
    expect(moving.result.best).toMatchObject({ epoch: moving.values.indexOf(best) + 1, [monitor]: best });
  });

  it('tells a metric with several parameters apart by these', () => {
    const listed = [{ top_k_accuracy: { k: 1 } }, 'accuracy', { top_k_accuracy: { k: 2 } }, { f1: { average: 'micro' } }, { f1: { average: 'macro' } }]; // prettier-ignore
    const configs = listed.map((written) => metricSchema.parse(written));
    const names = ['top_k_accuracy(k=1)', 'accuracy', 'top_k_accuracy(k=2)', 'f1(average=micro)', 'f1(average=macro)'];
    expect(metricNames(figureMetrics(configs))).toEqual(names);
    const config = experiment({ metrics: listed, train: { early_stopping: { monitor: 'val/top_k_accuracy(k=2)' } } });
    expect(monitorOf(config, true)).toMatchObject({ figure: 'val/top_k_accuracy(k=2)', mode: 'max' });
    const unclear = () => experiment({ metrics: listed, train: { early_stopping: { monitor: 'val/top_k_accuracy' } } });
    expect(unclear).toThrow(/there is no figure .*top_k_accuracy\(k=1\)/);
  });

  it('keeps them apart in rows and in what a run comes to', async () => {
    const config = experiment({ metrics: [{ top_k_accuracy: { k: 1 } }, 'accuracy', { top_k_accuracy: { k: 3 } }] });
    const { recorded, options } = recording();
    const session = referenceBackend.open({ threads: 1 });
    const { test } = await train(session, config, classificationData(), options);
    session.close();
    const row = recorded.rows[0].values;
    expect(row['val/top_k_accuracy(k=1)']).toBe(row['val/accuracy']);
    expect(row['val/top_k_accuracy(k=3)']).toBe(1);
    expect(test).toMatchObject({ 'top_k_accuracy(k=3)': 1 });
  });
});
