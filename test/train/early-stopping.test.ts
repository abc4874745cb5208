import { describe, expect, it } from 'vitest';
import { gaveUp, type Monitor, monitorOf, watch, type Watch } from '../../src/train/early-stopping.js';
import { experiment } from './tiny.js';

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
